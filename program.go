package bpf

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Program is a BPF program (libbpf struct bpf_program). Its methods are safe for concurrent use,
// except that Pin and Unpin must not run concurrently.
type Program struct {
	obj          *Object // nil if opened in another way
	name         string
	section      string
	def          *object.SecDef // row of the SEC() table, nil if none matched
	typ          uapi.ProgType
	expected     uapi.AttachType
	attachTarget string
	attachProgFD int
	autoattach   bool
	fd           *sys.FD // nil: autoload was off
	log          string
	pinPath      string
	plan         *plan.Program // what it was loaded from, nil if autoload was off
	absent       *absentName   // nil if the object has it
}

// Name returns the program's name in its object or, if it has none, in the kernel.
func (p *Program) Name() string { return p.orNone().name }

// String returns the name.
func (p *Program) String() string { return printable.Text(p.orNone().name) }

// Section returns the SEC() text, without a leading '?'.
func (p *Program) Section() string { return p.orNone().section }

// Type returns the program type.
func (p *Program) Type() uapi.ProgType { return p.orNone().typ }

// ExpectedAttachType returns the attach type that the program was loaded with; before 4.17, the one
// that its object says. It is 0 for a program that was opened by a pin or an id, unless programs of
// its type have only one.
func (p *Program) ExpectedAttachType() uapi.AttachType { return p.orNone().expected }

// Err returns nil if the object has the program, else the error of all methods.
func (p *Program) Err() error {
	switch {
	case p.isNone():
		return missing("find program", "program")
	case p.absent != nil:
		return p.fail("find program", p.absent)
	}
	return nil
}

// FD returns the Program's descriptor, -1 if it was not loaded or is closed.
func (p *Program) FD() int { return p.orNone().fd.Int() }

// Loaded reports whether the program was loaded; it isn't if autoload was off.
func (p *Program) Loaded() bool { return p.descriptor() != nil }

// Plan returns the program as it was resolved for its object: its instructions, with subprograms
// appended and without the descriptors of maps, which the load fills in (libbpf bpf_program__insns
// after the load), its functions and source lines. It is nil for a program that doesn't come from
// an object or whose autoload is off, and must not be changed; inspect.CodeOf returns what the
// kernel made of it.
func (p *Program) Plan() *plan.Program { return p.orNone().plan }

// Autoattach reports whether Object.Attach attaches the program.
func (p *Program) Autoattach() bool { return p.orNone().autoattach }

// SetAutoattach sets whether Object.Attach attaches the program (libbpf
// bpf_program__set_autoattach). It must not run concurrently with Attach.
func (p *Program) SetAutoattach(on bool) error {
	if err := p.Err(); err != nil {
		return err
	}
	if p.fd != nil && p.fd.Closed() {
		return p.fail("set autoattach of program", ErrClosed)
	}
	p.autoattach = on
	return nil
}

// AssocStructOps makes m the struct_ops map for the kfuncs that the program calls (libbpf
// bpf_program__assoc_struct_ops; 6.19). EINVAL if the program is of type struct_ops or m is not, or
// the program has one already.
func (p *Program) AssocStructOps(m *Map) error {
	const op = "associate a struct_ops map with program"
	if err := p.use(); err != nil {
		return p.fail(op, err)
	}
	defer p.release()
	fd, err := m.use()
	if err != nil {
		return m.fail("associate with program "+p.name, err)
	}
	defer m.release()
	switch {
	case p.typ == uapi.ProgStructOps:
		return p.fail(op, fmt.Errorf("it is of type %v itself: %w", p.typ, syscall.EINVAL))
	case m.typ != uapi.MapStructOps:
		return p.fail(op, errNoStructOps(m))
	}
	if err := sys.ProgAssocStructOps(p.fd.Int(), fd, 0); err != nil {
		return p.fail(op, err)
	}
	return nil
}

// VerifierLog returns the verifier's log, "" unless a log level was set.
func (p *Program) VerifierLog() string { return p.orNone().log }

// Close closes a program that the caller opened. The program stays in the kernel while it is
// attached or pinned.
func (p *Program) Close() error {
	if err := p.Err(); err != nil {
		return err
	}
	if err := p.fd.Close(); err != nil {
		return p.fail("close program", err)
	}
	return nil
}

// Pin pins the program at path on a BPF file system (libbpf bpf_program__pin). ErrExist if there is
// a file at path.
func (p *Program) Pin(path string) error {
	if err := p.use(); err != nil {
		return p.fail("pin program", err)
	}
	defer p.release()
	if err := pin(p.fd.Int(), path); err != nil {
		return p.fail("pin program", pinRefused(path, err))
	}
	p.pinPath = path
	return nil
}

// Unpin removes the pin that Pin made (libbpf bpf_program__unpin).
func (p *Program) Unpin() error {
	if err := p.Err(); err != nil {
		return err
	}
	if p.pinPath == "" {
		return p.fail("unpin program", fmt.Errorf("it is not pinned: %w", syscall.EINVAL))
	}
	if err := bpffs.Unpin(p.pinPath); err != nil {
		return p.fail("unpin program", fmt.Errorf("at %s: %w", p.pinPath, err))
	}
	p.pinPath = ""
	return nil
}

// OpenProgram opens the program that is pinned at path (libbpf bpf_obj_get).
func OpenProgram(path string) (*Program, error) {
	fd, err := bpffs.Open(path, bpffs.ProgramKind)
	if err != nil {
		return nil, newError("open pinned program", about{"", path}, err)
	}
	p, err := programOf(fd)
	if err != nil {
		return nil, newError("open pinned program", about{"", path}, err)
	}
	p.pinPath = path
	return p, nil
}

// ProgramFromID opens the program with that kernel id (libbpf bpf_prog_get_fd_by_id; 4.13). Needs
// CAP_SYS_ADMIN.
func ProgramFromID(id uint32) (*Program, error) {
	fd, err := sys.ProgFDByID(id)
	if err != nil {
		return nil, newError("open program", withID(id), err, kernel.CapSysAdmin)
	}
	p, err := programOf(fd)
	if err != nil {
		return nil, newError("open program", withID(id), err, kernel.CapSysAdmin)
	}
	return p, nil
}

// ProgramFromFD returns a Program for a descriptor, which it duplicates: the caller still owns fd.
// EINVAL if fd isn't the descriptor of a program.
func ProgramFromFD(fd int) (*Program, error) {
	own, err := bpffs.Dup(fd, bpffs.ProgramKind)
	if err != nil {
		return nil, newError("open program", withFD(fd), err)
	}
	p, err := programOf(own)
	if err != nil {
		return nil, newError("open program", withFD(fd), err)
	}
	return p, nil
}

// take makes p the program that was loaded.
func (p *Program) take(made load.Program) {
	p.fd, p.typ, p.expected, p.log = made.FD, made.Type, made.Expected, made.Log
}

// programOf takes ownership of fd.
func programOf(fd *sys.FD) (*Program, error) {
	info, err := sys.ProgInfoByFD(fd.Int())
	if err != nil {
		fd.Close()
		return nil, err
	}
	return &Program{name: info.Name.String(), typ: info.Type, expected: onlyAttachType(info.Type),
		fd: fd}, nil
}

// onlyAttachType returns the attach type of program types that have only one, 0 for others: the
// kernel doesn't report the attach type of a program.
func onlyAttachType(t uapi.ProgType) (only uapi.AttachType) {
	for i := range object.SecTable {
		d := &object.SecTable[i]
		switch {
		case d.Type != t:
		case d.Attach == 0 || only != 0 && d.Attach != only:
			return 0
		default:
			only = d.Attach
		}
	}
	return only
}

// Info returns the kernel's information about the program.
func (p *Program) Info() (*objinfo.Program, error) {
	if err := p.use(); err != nil {
		return nil, p.fail("inspect program", err)
	}
	defer p.release()
	info, err := objinfo.ReadProgram(p.fd.Int())
	if err != nil {
		return nil, p.fail("inspect program", err)
	}
	return info, nil
}

// target returns the SEC() text after the first '/', "" if there is none.
func (p *Program) target() string {
	_, after, _ := strings.Cut(p.section, "/")
	return after
}

func (p *Program) events() *slog.Logger {
	if p == nil || p.obj == nil {
		return loggerOr(nil)
	}
	return p.obj.ev
}

// running returns the kernel that p was loaded into.
func (p *Program) running() *kernel.Facts {
	if p == nil || p.obj == nil || p.obj.running == nil {
		return kernel.Running()
	}
	return p.obj.running
}

// has reports whether the kernel supports f; if that is unknown it warns and returns false, as
// libbpf does.
func (p *Program) has(k probe.Features, f facts.Feature) bool {
	return probe.Has(k, f, p.logger())
}

// logger returns the logger of the load, with the names of the object and the program.
func (p *Program) logger() *slog.Logger {
	return p.events().With("object", p.ObjectName(), "program", p.Name())
}

// ObjectName returns the name of the program's object, "" if it was opened by a pin or an id.
func (p *Program) ObjectName() string {
	if p == nil || p.obj == nil {
		return ""
	}
	return p.obj.name
}

// fail makes the error of an operation on the program. If the program has no descriptor, that is
// the reason, whatever else is wrong.
func (p *Program) fail(op string, err error) error {
	return newError(op, p.about(), cmp.Or(p.absence(), err))
}

func (p *Program) about() about { return about{p.ObjectName(), p.Name()} }

// absence returns why the program has no descriptor, nil if it has one.
func (p *Program) absence() error {
	switch {
	case p.isNone():
		return errNothing("program")
	case p.absent != nil:
		return p.absent
	case p.fd == nil:
		return fmt.Errorf("it was not loaded: %w", syscall.EINVAL)
	case p.fd.Closed():
		return ErrClosed
	}
	return nil
}
