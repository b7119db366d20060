package object

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/magic"
)

// maxName is the length of the longest object, program or map name that the kernel accepts.
const maxName = 15

// Options changes how an object is read (libbpf: struct bpf_object_open_opts). The zero value and
// nil are the defaults.
type Options struct {
	// Name is the object's name, truncated to 15 characters. If it is "", the name is taken from
	// the name passed to Parse or ReadFrom: its last path element up to the first dot.
	Name string
	// RelaxedMaps ignores unknown fields of map definitions instead of refusing them
	// (relaxed_maps).
	RelaxedMaps bool
	// Sections are the application's own rows, which are tried before SecTable, in order
	// (libbpf_register_prog_handler).
	Sections []SecDef
	// Setup is called for each program whose row is one of Sections, before relocations are read,
	// and may change the program (libbpf_prog_setup_fn_t). If it fails, reading fails. The
	// callbacks for loading and attaching such programs are in bpf.LoadOptions.Handlers.
	Setup func(*Program) error
}

// Parse reads the object in raw (bpf_object__open_mem). name says where it comes from, a path or
// any other text; Options.Name describes its use. The Object keeps views of raw: raw must not
// change while the Object is in use.
//
// The error is an *Error if the object is malformed or not supported by any loader. A section that
// a loader does not use, or a program whose section name is in no table, is not an error:
// Object.Notes lists it. Parse accepts both byte orders.
func Parse(raw []byte, name string) (*Object, error) {
	return (*Options)(nil).Parse(raw, name)
}

// ReadFrom reads an object through r (bpf_object__open_file). It reads what a loader needs and
// skips debug information, which is most of a typical file. It refuses more than 256 MiB. r is not
// used afterwards.
func ReadFrom(r io.ReaderAt, name string) (*Object, error) {
	return (*Options)(nil).ReadFrom(r, name)
}

// Parse is the function Parse with options. A nil receiver means the defaults.
func (opts *Options) Parse(raw []byte, name string) (*Object, error) {
	p := newParser(opts, name)
	f, err := elf64.Parse(raw)
	if err := p.refuse(f, err, bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	return p.run(f)
}

// ReadFrom is the function ReadFrom with options. A nil receiver means the defaults.
func (opts *Options) ReadFrom(r io.ReaderAt, name string) (*Object, error) {
	p := newParser(opts, name)
	size, err := sizeOf(r)
	if err != nil {
		return nil, p.failWith(ReasonInvalid, "", err, "determine the size of the file")
	}
	if size > maxFile {
		return nil, p.fail(ReasonTooBig, "", "more than %d MiB: no BPF object is that large",
			maxFile>>20)
	}
	f, err := elf64.Read(r, size)
	if err := p.refuse(f, err, r); err != nil {
		return nil, err
	}
	return p.run(f)
}

// maxFile limits the size of a file that is read in pieces, since a sparse file may be much larger
// than its disk space.
const maxFile = 256 << 20

// refuse returns an error that says what a file is that is not a BPF object; err is why it cannot
// be read as ELF.
func (p *parser) refuse(f *elf64.File, err error, r io.ReaderAt) error {
	bpf := err == nil && (f.Machine == elf64.MachineBPF || f.Machine == elf64.MachineNone)
	if bpf && f.Type == elf64.TypeRel {
		return nil
	}
	head := make([]byte, magic.HeadSize)
	n, readErr := r.ReadAt(head, 0)
	if n == 0 && readErr != nil && readErr != io.EOF {
		return p.failWith(ReasonFormat, "", readErr, "it cannot be read")
	}
	if what := magic.Object(head[:n]); what != "" {
		return p.fail(ReasonFormat, "", "%s", what)
	}
	switch {
	case err != nil:
		return p.failWith(ReasonFormat, "", err, "")
	case !bpf:
		return p.fail(ReasonFormat, "", "ELF machine %d, want 247 (BPF): compile with -target bpf",
			f.Machine)
	}
	return p.fail(ReasonFormat, "", "ELF type %d, want 1 (relocatable object)", f.Type)
}

// sizeOf returns the size of r's content: from r itself, else by reading to the end.
func sizeOf(r io.ReaderAt) (int64, error) {
	switch r := r.(type) {
	case interface{ Size() int64 }:
		return r.Size(), nil
	case interface{ Stat() (fs.FileInfo, error) }:
		st, err := r.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = fmt.Errorf("not a regular file: %w", fs.ErrInvalid)
		}
		if err != nil {
			return 0, err
		}
		return st.Size(), nil
	}
	return io.Copy(io.Discard, io.NewSectionReader(r, 0, maxFile+1))
}

// parser is the state of reading one object.
type parser struct {
	o    *Object
	opts *Options
	f    *elf64.File
	syms *elf64.Symbols

	kinds []secKind // by section index
	text  int       // index of .text, 0 if it has no code
	maps  int       // index of .maps, 0 if there is none
	btf   *elf64.Section
	ext   *elf64.Section

	datasecs map[string]btf.ID // BTF sections by name
	// listed are the BTF sections whose variables are listed, and whether they may be mapped into
	// memory
	listed     map[btf.ID]bool
	funcs      []funcRef // all functions by (section, offset)
	externSyms []int     // symbols that are externs
	externOf   map[uint32]*Extern
	dataMaps   []*Map       // by section index, nil if there are none
	defined    []btf.SecVar // the variables of .maps, by index in Object.Maps
	budget     uint64       // bytes that may still be copied from the file
}

// funcRef refers to a function and, if it is an entry program, the program.
type funcRef struct {
	f *Function
	p *Program // nil for a subprogram
}

func newParser(opts *Options, name string) *parser {
	if opts == nil {
		opts = &Options{}
	}
	if opts.Name != "" {
		name = opts.Name
	} else {
		name, _, _ = strings.Cut(path.Base(strings.ReplaceAll(name, `\`, "/")), ".")
	}
	if len(name) > maxName {
		name = name[:maxName]
	}
	return &parser{o: &Object{Name: name}, opts: opts}
}

// run reads everything in libbpf's order: sections, functions, externs, BTF fix-up, maps, section
// names, relocations.
func (p *parser) run(f *elf64.File) (*Object, error) {
	p.f = f
	p.o.Order, p.o.FileSize = f.Order, int64(f.Size())
	for _, step := range []func(*parser) error{
		(*parser).findSymbols,
		(*parser).classify,
		(*parser).scanSymbols,
		(*parser).readBTF,
		(*parser).collectExterns,
		(*parser).finishBTF,
		(*parser).defineMaps,
		(*parser).dataSections,
		(*parser).kconfigMap,
		(*parser).structOpsMaps,
		(*parser).setup,
		(*parser).collectRelocs,
	} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return p.o, nil
}

// setup calls Options.Setup for the programs of the application's own sections.
func (p *parser) setup() error {
	if p.opts.Setup == nil {
		return nil
	}
	for _, prog := range p.o.Programs {
		own := false
		for i := range p.opts.Sections {
			own = own || prog.Def == &p.opts.Sections[i]
		}
		if !own {
			continue
		}
		if err := p.opts.Setup(prog); err != nil {
			return p.failWith(ReasonInvalid, prog.Section, err, "set up program %q", prog.Name)
		}
	}
	return nil
}

// note records something that was skipped.
func (p *parser) note(section, text string) {
	p.o.Notes = append(p.o.Notes, Note{section, text})
}

// data returns the bytes of a section.
func (p *parser) data(s *elf64.Section) ([]byte, error) {
	b, err := p.f.Data(s)
	if err != nil {
		return nil, p.failWith(ReasonFormat, "", err, "")
	}
	return b, nil
}

// copyOf copies bytes of the file that the application may edit. In a valid file the copies do not
// exceed the size of the file, since its sections do not overlap.
func (p *parser) copyOf(section string, b []byte) ([]byte, error) {
	if uint64(len(b)) > p.budget {
		return nil, p.fail(ReasonFormat, section, "data sections overlap")
	}
	p.budget -= uint64(len(b))
	return append(make([]byte, 0, len(b)), b...), nil
}

// readBTF parses .BTF and .BTF.ext. If they are malformed, an object that does not need them loses
// them, as with libbpf.
func (p *parser) readBTF() error {
	needed := p.maps != 0 || p.hasStructOps()
	if p.btf == nil && !needed && len(p.externSyms) > 0 {
		return p.noExternBTF(nil)
	}
	if p.btf == nil {
		if needed {
			return p.fail(ReasonNotFound, ".BTF",
				"the object has no BTF, but maps or struct_ops variables that BTF describes: "+
					"compile with -g")
		}
		if p.ext != nil {
			p.note(".BTF.ext", "ignored: there is no .BTF")
		}
		return nil
	}
	raw, err := p.data(p.btf)
	if err != nil {
		return err
	}
	spec, err := btf.Parse(raw, nil)
	if err != nil {
		if needed {
			return p.failWith(ReasonInvalid, ".BTF", err, "")
		}
		if len(p.externSyms) > 0 {
			return p.noExternBTF(err)
		}
		p.note(".BTF", fmt.Sprintf("ignored: %v", err))
		return nil
	}
	if err := spec.SetPointerSize(8); err != nil {
		return p.failWith(ReasonInvalid, ".BTF", err, "")
	}
	p.o.BTF = spec
	if p.ext == nil {
		return nil
	}
	if raw, err = p.data(p.ext); err != nil {
		return err
	}
	if p.o.Ext, err = btf.ParseExt(raw, spec); err != nil {
		p.note(".BTF.ext", fmt.Sprintf("ignored: %v", err))
	}
	return nil
}

// noExternBTF returns the error for an object whose externs are not described by BTF.
func (p *parser) noExternBTF(cause error) error {
	sym, _ := p.syms.At(p.externSyms[0])
	return p.failWith(ReasonNoSuch, ".BTF", cause,
		"extern %q has no BTF that describes it: compile with -g", p.symbolName(sym))
}
