package e2e

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TestProgramCode reads a loaded program's instructions and records. The oracle is the kernel: its
// tag is a hash of the instructions (SHA-256, before 6.18 SHA-1), and it has the same functions and
// lines.
func TestProgramCode(t *testing.T) {
	p := featureObject(t, "for_each_map_elem").Program("for_each_map_elem")
	info, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	insns := slices.Clone(p.Plan().Insns)
	for i := range insns {
		if in := insns[i]; in.IsLdImm64() &&
			(in.Src() == asm.PseudoMapFD || in.Src() == asm.PseudoMapValue) {
			insns[i].Imm, insns[i+1].Imm = 0, 0
		}
	}
	old, now := sha1.Sum(asm.Raw(insns)), sha256.Sum256(asm.Raw(insns))
	if tag := info.Tag; [8]byte(old[:8]) != tag && [8]byte(now[:8]) != tag {
		t.Errorf("%d instructions have another hash than the kernel's %x", len(insns), tag)
	}
	code, err := inspect.CodeOf(p)
	if err != nil {
		t.Fatal(err)
	}
	types := featureObject(t, "for_each_map_elem").BTF()
	funcs, lines := p.Plan().Functions(), p.Plan().Lines()
	if len(funcs) != len(code.Functions) || len(funcs) != 2 || len(lines) != len(code.Lines) {
		t.Fatalf("%d functions, %d lines, the kernel has %d, %d", len(funcs), len(lines),
			len(code.Functions), len(code.Lines))
	}
	for i, f := range funcs {
		if typ, _ := types.Type(f.Type); typ.Name() != code.Functions[i].Name {
			t.Errorf("function %d is %q, the kernel's %q", i, typ.Name(), code.Functions[i].Name)
		}
	}
	for i, l := range lines {
		k := code.Lines[i]
		text, _ := types.Name(l.LineOff)
		file, _ := types.Name(l.FileNameOff)
		if strings.TrimSpace(text) != k.Source || file != k.File || int(l.Line()) != k.Line ||
			int(l.Column()) != k.Column || int(l.InsnOff) >= len(insns) {
			t.Errorf("%s:%d:%d %q, the kernel has %+v", file, l.Line(), l.Column(), text, k)
		}
	}
	byID, err := bpf.ProgramFromID(info.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer byID.Close()
	if byID.Plan() != nil {
		t.Error("a program that was opened by its id has an object's code")
	}
	if !info.GPL || info.IfIndex != 0 || info.AttachBTFID != 0 {
		t.Errorf("%+v", info)
	}
}

// TestReadStream: a program that is stopped writes a report. The oracle is the kernel (6.17), whose
// text names what happened.
func TestReadStream(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.17")
	o, err := bpf.Open(testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
/* as it is called in 6.18 and later; older kernels don't have the suffix */
extern int bpf_stream_vprintk_impl(int stream, const char *fmt, const void *args, unsigned len,
				   void *aux) __weak __ksym;
extern int bpf_stream_vprintk(int stream, const char *fmt, const void *args, unsigned len,
			      void *aux) __weak __ksym;
char _license[] SEC("license") = "GPL";
SEC("syscall") int talk(void *ctx)
{
	unsigned long long args[] = {42};
	if (bpf_ksym_exists(bpf_stream_vprintk_impl))
		return bpf_stream_vprintk_impl(1, "answer %d\n", args, sizeof(args), 0);
	return bpf_stream_vprintk(1, "answer %d\n", args, sizeof(args), 0);
}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	p := obj.Program("talk")
	buf := make([]byte, 100)
	if n, err := inspect.ReadStream(p, sys.StreamStdout, buf); n != 0 || err != nil {
		t.Errorf("before it ran: %q %v", buf[:n], err)
	}
	if _, err := inspect.ReadStream(p, 99, buf); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("a stream that doesn't exist: %v", err)
	}
	r, err := p.Run(nil)
	if err == nil && int32(r.Return) == -int32(syscall.ENOMEM) {
		testkit.Skip(t, "the kernel allocates no pages for streams (ENOMEM)")
	}
	if err != nil || r.Return != 0 {
		t.Fatalf("%v %v", r, err)
	}
	n, err := inspect.ReadStream(p, sys.StreamStdout, buf)
	if err != nil || string(buf[:n]) != "answer 42\n" {
		t.Errorf("%q %v", buf[:n], err)
	}
	if n, err := inspect.ReadStream(p, sys.StreamStdout, buf); n != 0 || err != nil {
		t.Errorf("read again: %q %v", buf[:n], err)
	}
}

// associating is a kernel with BPF_PROG_ASSOC_STRUCT_OPS.
type associating struct {
	funnel.Kernel
	asked [3]uint32
}

func (k *associating) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdProgAssocStructOps {
		return k.Kernel.BPF(cmd, attr, size, common)
	}
	k.asked = *(*[3]uint32)(attr)
	return 0, 0
}

// TestAssocStructOps: what C libbpf 1.7 refuses is refused here; the rest is the kernel's to
// decide, which gets map, program and flags in the order of union bpf_attr.
func TestAssocStructOps(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.4")
	testkit.VmlinuxBTF(t)
	ops := structOpsMap(t, "linked")
	plain := featureObject(t, "for_each_map_elem")
	p := plain.Program("for_each_map_elem")
	if err := p.AssocStructOps(plain.Maps()[0]); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "of type") {
		t.Errorf("with a map of another type: %v", err)
	}
	if err := p.AssocStructOps(nil); err == nil {
		t.Error("with no map")
	}
	if err := plain.Program("nothing").AssocStructOps(ops); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("a program that doesn't exist: %v", err)
	}
	k := new(associating)
	defer funnel.Replace(k)()
	if err := p.AssocStructOps(ops); err != nil {
		t.Error(err)
	}
	if want := [3]uint32{uint32(ops.FD()), uint32(p.FD()), 0}; k.asked != want {
		t.Errorf("asked for %v, want %v", k.asked, want)
	}
}

// TestSetAutoattach: programs and maps are left out of, or taken into, Attach after the load. The
// oracle is the kernel's list of links.
func TestSetAutoattach(t *testing.T) {
	o := open(t, "link")
	obj := load(t, only(o, "raw_tp"), nil)
	p := obj.Program("raw_tp")
	attached := func() int {
		t.Helper()
		links, err := obj.Attach()
		if err != nil {
			t.Fatal(err)
		}
		id := bpftest.ProgramID(t, p)
		all, err := inspect.Links(uapi.LinkRawTracepoint)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, l := range all {
			if l.ProgramID == id {
				n++
			}
		}
		links.Close()
		return n
	}
	for _, on := range []bool{false, true} {
		if err := p.SetAutoattach(on); err != nil || p.Autoattach() != on {
			t.Fatal(err)
		}
		if n := attached(); (n == 1) != on {
			t.Errorf("autoattach %v: %d links", on, n)
		}
	}
	if err := obj.Program("nothing").SetAutoattach(true); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
	for _, m := range obj.Maps() {
		if err := m.SetAutoattach(true); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%v: %v", m, err)
		}
	}
	if obj.TokenFD() != -1 {
		t.Errorf("token %d of an object without", obj.TokenFD())
	}
}
