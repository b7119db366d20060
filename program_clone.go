package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// BorrowedFD is a descriptor that the caller still owns; 0 means none.
type BorrowedFD int

// CloneOptions says how a clone differs from its original. Zero changes nothing.
type CloneOptions struct {
	ExpectedAttachType uapi.AttachType
	// AttachBTFID is a type id in the BTF of AttachProgFD if that is set, else in the BTF with
	// descriptor AttachBTFObjFD if that is set, else in the kernel's BTF.
	AttachBTFID    btf.ID
	AttachProgFD   BorrowedFD     // program to attach to
	AttachBTFObjFD BorrowedFD     // BTF of the module to attach to; not together with AttachProgFD
	Flags          uapi.ProgFlags // instead of the flags from the object and its section
	IfIndex        uint32
	KernVersion    uint32
	LogLevel       uapi.LogLevel
	LogSize        uint32 // see LoadOptions

	// FDArray holds descriptors that instructions refer to by index: BTF of modules, from 1 on, and
	// maps. BindFDArray also passes its length (6.14, libbpf fd_array_cnt): then the kernel checks
	// every entry, and the program keeps the maps alive.
	FDArray     []BorrowedFD
	BindFDArray bool
	TokenFD     BorrowedFD // BPF token instead of the object's (6.9)
	BTFFD       BorrowedFD // BTF that function and line info refer to, instead of the object's
	// FuncInfo and LineInfo replace the object's records (struct bpf_func_info, bpf_line_info) in
	// host byte order, of the sizes FuncInfoSize and LineInfoSize.
	FuncInfo, LineInfo         []byte
	FuncInfoSize, LineInfoSize uint32
}

// Clone loads the program once more, as it was relocated for its object but with other attributes,
// such as another attach target or device (libbpf bpf_program__clone). It shares the object's maps.
// The object must be loaded or prepared, and the program's autoload must be on. The caller closes
// the clone, before or after the object.
func (p *Program) Clone(opts *CloneOptions) (*Program, error) {
	if opts == nil {
		opts = &CloneOptions{}
	}
	switch {
	case p.Err() != nil:
		return nil, p.fail("clone program", p.absence())
	case p.obj == nil || p.plan == nil:
		return nil, p.fail("clone program",
			fmt.Errorf("it is no program of an object whose autoload was on: %w", syscall.EINVAL))
	case opts.AttachProgFD > 0 && opts.AttachBTFObjFD > 0:
		return nil, p.fail("clone program",
			fmt.Errorf("a program and a module to attach to: %w", syscall.EINVAL))
	case !wholeRecords(opts.FuncInfo, opts.FuncInfoSize),
		!wholeRecords(opts.LineInfo, opts.LineInfoSize):
		return nil, p.fail("clone program", fmt.Errorf(
			"%d bytes of function info in records of %d, %d bytes of line info in records of %d: "+
				"%w",
			len(opts.FuncInfo), opts.FuncInfoSize, len(opts.LineInfo), opts.LineInfoSize,
			syscall.EINVAL))
	}
	o := p.obj
	if !o.loading.Enter() {
		return nil, p.fail("clone program", ErrClosed)
	}
	defer o.loading.Leave()
	c := &Program{
		obj: o, name: p.name, section: p.section, def: p.def, typ: p.plan.Type,
		attachTarget: p.attachTarget,
		attachProgFD: p.attachProgFD, autoattach: p.autoattach, plan: p.plan,
	}
	if opts.AttachProgFD > 0 {
		c.attachProgFD = int(opts.AttachProgFD)
	}
	made, err := o.made.LoadAgain(p.plan, load.Again{
		LogLevel: opts.LogLevel, LogSize: opts.LogSize,
		Prepare: func(insns []asm.Instruction,
			attr *sys.ProgLoadAttr) ([]asm.Instruction, error) {
			insns, err := c.letPrepare(insns, attr)
			if err == nil {
				opts.apply(attr)
			}
			return insns, err
		},
	})
	if err != nil {
		return nil, err
	}
	c.take(made)
	return c, nil
}

// wholeRecords reports whether raw consists of records of size bytes, or both are empty.
func wholeRecords(raw []byte, size uint32) bool {
	if size == 0 || len(raw) == 0 {
		return size == 0 && len(raw) == 0
	}
	return uint64(len(raw))%uint64(size) == 0
}

func (opts *CloneOptions) apply(a *sys.ProgLoadAttr) {
	if opts.ExpectedAttachType != 0 {
		a.ExpectedAttachType = opts.ExpectedAttachType
	}
	if opts.AttachBTFID != 0 {
		a.AttachBTFID = uint32(opts.AttachBTFID)
	}
	if fd := max(opts.AttachProgFD, opts.AttachBTFObjFD); fd > 0 {
		a.AttachFD = uint32(fd)
	}
	if opts.Flags != 0 {
		a.Flags = opts.Flags | a.Flags&uapi.FProgTokenFD
	}
	if opts.IfIndex != 0 {
		a.IfIndex = opts.IfIndex
	}
	if opts.KernVersion != 0 {
		a.KernVersion = opts.KernVersion
	}
	if opts.LogLevel != 0 {
		a.LogLevel = opts.LogLevel
	}
	if len(opts.FDArray) > 0 {
		fds := make([]int32, len(opts.FDArray))
		for i, fd := range opts.FDArray {
			fds[i] = int32(fd)
		}
		a.FDArray, a.FDArrayCnt = sys.Slice(fds), 0
		if opts.BindFDArray {
			a.FDArrayCnt = uint32(len(fds))
		}
	}
	if opts.TokenFD > 0 {
		a.TokenFD, a.Flags = int32(opts.TokenFD), a.Flags|uapi.FProgTokenFD
	}
	if opts.BTFFD > 0 {
		a.BTFFD = uint32(opts.BTFFD)
	}
	if opts.FuncInfoSize > 0 {
		a.FuncInfo, a.FuncInfoRecSize, a.FuncInfoCnt = load.Records(opts.FuncInfo,
			opts.FuncInfoSize)
	}
	if opts.LineInfoSize > 0 {
		a.LineInfo, a.LineInfoRecSize, a.LineInfoCnt = load.Records(opts.LineInfo,
			opts.LineInfoSize)
	}
}
