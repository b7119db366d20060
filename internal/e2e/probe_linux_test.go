package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// unsure is a kernel for which some features can't be determined.
type unsure struct {
	facts.Kernel
	of map[facts.Feature]error
}

func (k unsure) Has(f facts.Feature) (bool, error) {
	if err := k.of[f]; err != nil {
		return false, err
	}
	return k.Kernel.Has(f)
}

// refusing is a kernel that answers some calls with what refuse returns; 0 means that the real
// kernel answers.
type refusing struct {
	funnel.Kernel
	refuse func(cmd uapi.Cmd, attr unsafe.Pointer) syscall.Errno
}

func (k refusing) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if e := k.refuse(cmd, attr); e != 0 {
		return -1, e
	}
	return k.Kernel.BPF(cmd, attr, size, common)
}

// firstInsn returns the first instruction of a program that is being loaded.
func firstInsn(attr unsafe.Pointer) asm.Instruction {
	return *(*asm.Instruction)((*sys.ProgLoadAttr)(attr).Insns.Unsafe())
}

// TestProbeWithoutMemory: the probe for global data gets ENOMEM, the program that uses them
// doesn't. The oracle is the errno of the probe: it must be in the error of the later failure, not
// advice about autocreate, and in a warning.
func TestProbeWithoutMemory(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "5.11") // otherwise the probe is the second program
	testkit.VmlinuxBTF(t)
	defer funnel.Replace(refusing{refuse: func(cmd uapi.Cmd, attr unsafe.Pointer) syscall.Errno {
		if a := (*sys.ProgLoadAttr)(attr); cmd == uapi.CmdProgLoad && a.InsnCnt == 5 &&
			firstInsn(attr).Src() == asm.PseudoMapValue {
			return syscall.ENOMEM
		}
		return 0
	}})()
	logger, book := logBook()
	o := only(open(t, "sections"), "count", "switched")
	obj, err := bpf.Load(o, &bpf.LoadOptions{Logger: logger})
	if err == nil {
		obj.Close()
		t.Fatal("it loads")
	}
	var e *bpf.VerifierError
	if !errors.As(err, &e) || !errors.Is(err, syscall.ENOMEM) ||
		!strings.Contains(err.Error(), "GLOBAL_DATA") ||
		strings.Contains(err.Error(), "autocreate") {
		t.Errorf("%+v", err)
	}
	if !logged(book, "level=WARN", "subject=GLOBAL_DATA", "cannot allocate memory") {
		t.Errorf("no warning: %s", book)
	}
}

var _ plan.ModuleSkipper = (*kernel.Facts)(nil)

// TestSkippedModules looks for an attach target that may be in a module, on a kernel that fails to
// list the modules' BTF. The oracle is the errno of that call.
func TestSkippedModules(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	testkit.Kernel(t, "5.11")
	defer funnel.Replace(refusing{refuse: func(cmd uapi.Cmd, attr unsafe.Pointer) syscall.Errno {
		if cmd == uapi.CmdBTFGetNextID {
			return syscall.EPERM
		}
		return 0
	}})()
	logger, book := logBook()
	o := only(open(t, "sections"), "switched")
	o.Program("switched").AttachTarget = "no_such_tracepoint"
	obj, err := bpf.Load(o, &bpf.LoadOptions{Logger: logger})
	if err == nil {
		obj.Close()
		t.Fatal("it loads")
	}
	if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), "no_such_tracepoint") ||
		!strings.Contains(err.Error(), "list of module BTF") {
		t.Error(err)
	}
	if !logged(book, "level=INFO", "event=skipped", "subject=modules", "operation not permitted") {
		t.Errorf("no line about modules in\n%s", book)
	}
}

// TestUnmappedForDoubt: the error of variables that could not be mapped because a probe failed says
// so.
func TestUnmappedForDoubt(t *testing.T) {
	testkit.Root(t)
	o := only(open(t, "sections"), "count", "switched")
	obj := load(t, o, &bpf.LoadOptions{Kernel: unsure{kernel.Running(),
		map[facts.Feature]error{facts.ArrayMmap: syscall.ENFILE}}})
	if _, err := obj.Variable("runs").Bytes(); !errors.Is(err, syscall.ENFILE) ||
		!errors.Is(err, bpf.ErrNotSupported) {
		t.Error(err)
	}
}

// TestEventLevels: intended changes have lower levels than losses. The oracle is libbpf's choice,
// which warns about failed probes and reports disabled programs only at debug level.
func TestEventLevels(t *testing.T) {
	testkit.Root(t)
	logger, book := logBook()
	o := only(open(t, "sections"), "count")
	doubts := map[facts.Feature]error{facts.ProgBindMap: syscall.EIO}
	load(t, o, &bpf.LoadOptions{Logger: logger,
		Kernel: lacking{unsure{kernel.Running(), doubts}, facts.BTFGlobalFunc}})
	for _, want := range [][]string{
		{"level=INFO", "event=skipped", "autoload is off"},
		{"level=WARN", "event=unknown", "subject=PROG_BIND_MAP", "input/output error"},
		{"level=INFO", "event=sanitized", "global functions become static"},
		{"level=DEBUG", "event=probed", "subject=GLOBAL_DATA"},
	} {
		if !logged(book, want...) {
			t.Errorf("no line with %q in\n%s", want, book)
		}
	}
	if logged(book, "level=WARN", "autoload") {
		t.Errorf("a warning about what was wanted:\n%s", book)
	}
}

// lacking is a kernel without one feature.
type lacking struct {
	facts.Kernel
	without facts.Feature
}

func (k lacking) Has(f facts.Feature) (bool, error) {
	if f == k.without {
		return false, nil
	}
	return k.Kernel.Has(f)
}
