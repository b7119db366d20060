package plan

import (
	"encoding/binary"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
)

// func_info and line_info of a linked program consist of the records of each function placed in it,
// in order of placement. In the file a record counts bytes from the start of the ELF section; the
// kernel counts instructions from the start of the program.

// infoKind selects one of the two tables.
type infoKind uint8

const (
	funcInfo infoKind = iota
	lineInfo
)

// infoRange is the position of a function's records. It is looked up once per function and table.
type infoRange struct {
	known    bool
	sec      *btf.ExtSection
	from, to int
}

func (x infoRange) empty() bool { return x.from == x.to }

// wantsInfo reports whether func_info and line_info are given to the kernel.
func (r *resolver) wantsInfo() bool {
	return r.o.Ext != nil && r.uploadsBTF() && r.has(facts.BTFFunc)
}

// infoOf finds the records of f.
func (r *resolver) infoOf(f *function, kind infoKind) infoRange {
	x, secs := &f.funcInfo, r.o.Ext.Func
	if kind == lineInfo {
		x, secs = &f.lineInfo, r.o.Ext.Line
	}
	if x.known {
		return *x
	}
	x.known = true
	i := r.infoSecs[kind].find(f.f.Section, len(secs), func(i int) string { return secs[i].Name })
	if i >= 0 && f.f.Offset <= maxSection && f.end() <= maxSection {
		x.sec = &secs[i]
		x.from, x.to = x.sec.First(uint32(f.f.Offset)), x.sec.First(uint32(f.end()))
	}
	return *x
}

// maxSection is the largest section that .BTF.ext can address.
const maxSection = 1<<32 - 1

// programInfo gathers func_info and line_info of all functions placed in p. A program without
// records of its own gets no such table; missing records of a function that it calls are an error,
// since the kernel would refuse the table.
func (r *resolver) programInfo(p *Program) error {
	if !r.wantsInfo() {
		return nil
	}
	var err error
	if p.FuncInfo, err = r.gather(p, funcInfo, r.o.Ext.FuncSize, "function"); err != nil {
		return err
	}
	if p.FuncInfo != nil {
		p.FuncInfoSize = r.o.Ext.FuncSize
	}
	if p.LineInfo, err = r.gather(p, lineInfo, r.o.Ext.LineSize, "line"); err != nil {
		return err
	}
	if p.LineInfo != nil {
		p.LineInfoSize = r.o.Ext.LineSize
	}
	return nil
}

func (r *resolver) gather(p *Program, kind infoKind, size uint32, word string) ([]byte, error) {
	total := 0
	for i, s := range p.Subprogs {
		x := r.infoOf(s.fn, kind)
		if x.empty() {
			if i == 0 {
				r.event(EventWarning, p.Name, "has no "+word+
					" information in .BTF.ext, so none is given to the kernel")
				return nil, nil
			}
			return nil, r.failAt(s.fn, -1, CodeNoEntry, "has no "+word+
				" information in .BTF.ext, while program "+p.Name+", which calls it, has", nil)
		}
		total += x.to - x.from
	}
	if err := r.spend(p.Name, total*int(size)); err != nil {
		return nil, err
	}
	out := make([]byte, 0, total*int(size))
	for _, s := range p.Subprogs {
		x := r.infoOf(s.fn, kind)
		at := len(out)
		out = append(out, x.sec.Records(x.from, x.to)...)
		shift := uint32(s.Start) - uint32(s.Func.Offset/8)
		for ; at < len(out); at += int(size) {
			binary.NativeEndian.PutUint32(out[at:], binary.NativeEndian.Uint32(out[at:])/8+shift)
		}
	}
	return out, nil
}
