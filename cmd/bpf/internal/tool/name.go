package tool

import (
	"encoding/binary"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/sys"
)

// ProgramName returns the name of a program: the kernel's, or the longer one in its BTF.
func ProgramName(p *bpf.Program, info *objinfo.Program) string {
	if len(info.Name) < len(sys.ObjName{})-1 || info.BTFID == 0 {
		return info.Name
	}
	raw, err := sys.ProgInfoByFD(p.FD())
	if err != nil {
		return info.Name
	}
	return programName(p.FD(), raw)
}

// NameOfProgram returns the name of the program with an id, "" if it is gone.
func NameOfProgram(id uint32) string {
	p, err := bpf.ProgramFromID(id)
	if err != nil {
		return ""
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return ""
	}
	return ProgramName(p, info)
}

// programName returns the name of a program. If the kernel's is as long as the kernel stores, it is
// the name of the program's first function in its BTF, which may be longer.
func programName(fd int, info *sys.ProgInfo) string {
	name := info.Name.String()
	if len(name) < len(info.Name)-1 || info.BTFID == 0 ||
		info.NrFuncInfo == 0 || info.FuncInfoRecSize < 8 || info.FuncInfoRecSize > 4096 {
		return name
	}
	record := make([]byte, info.FuncInfoRecSize)
	again := sys.ProgInfo{NrFuncInfo: 1, FuncInfoRecSize: info.FuncInfoRecSize,
		FuncInfo: sys.Slice(record)}
	if _, err := sys.ObjInfo(fd, unsafe.Pointer(&again),
		uint32(unsafe.Sizeof(again))); err != nil {
		return name
	}
	spec, err := kernel.BTFByID(info.BTFID, nil)
	if err != nil {
		return name
	}
	t, ok := spec.Type(btf.ID(binary.NativeEndian.Uint32(record[4:])))
	if !ok || t.Kind() != btf.KindFunc {
		return name
	}
	return t.Name()
}
