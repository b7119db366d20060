package bpf

import (
	"errors"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// TestPrepare loads an object in two steps. The oracle is the kernel: there are maps after the first and programs after the second.
func TestPrepare(t *testing.T) {
	testkit.Root(t)
	obj, err := Prepare(only(open(t, "sections"), "count"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	if obj.Map(".bss").FD() < 0 || obj.Program("count").Loaded() {
		t.Errorf("after Prepare: map %d, program %d", obj.Map(".bss").FD(), obj.Program("count").FD())
	}
	if err := obj.Variable("runs").Set(uint64(5)); err != nil {
		t.Fatal(err)
	}
	if err := obj.Load(); err != nil {
		t.Fatal(err)
	}
	if r, err := obj.Program("count").Run(&RunOptions{Data: make([]byte, 64)}); err != nil || r.Return != 45 {
		t.Errorf("the program returns %d, %v", r.Return, err)
	}
	if err := obj.Load(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("loading once more: %v", err)
	}
	never, err := Prepare(open(t, "maps"), &LoadOptions{SkipPins: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := never.Close(); err != nil { // TestMain sees what stays open
		t.Error(err)
	}
	if err := never.Load(); !errors.Is(err, ErrClosed) {
		t.Errorf("loading a closed object: %v", err)
	}
}

// TestClone loads copies of a program. The oracle is the kernel: ids and tags, the shared map, the attach target.
func TestClone(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	obj, err := Prepare(only(open(t, "sections"), "count", "switched"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	early, err := obj.Program("count").Clone(nil) // the original is not loaded yet
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if err := obj.Load(); err != nil {
		t.Fatal(err)
	}
	late, err := obj.Program("count").Clone(&CloneOptions{LogLevel: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	ids := map[uint32]bool{}
	tags := map[[8]byte]bool{}
	packet := &RunOptions{Data: make([]byte, 64)}
	for i, p := range []*Program{early, obj.Program("count"), late} {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		ids[info.ID], tags[info.Tag] = true, true
		if r, err := p.Run(packet); err != nil || r.Return != uint32(40+i) {
			t.Errorf("run %d returns %d, %v: the copies don't count together", i, r.Return, err)
		}
	}
	if len(ids) != 3 || len(tags) != 1 {
		t.Errorf("ids %v, tags %v", ids, tags)
	}
	if late.VerifierLog() == "" || early.VerifierLog() != "" {
		t.Errorf("logs %q, %q: only one was asked for", late.VerifierLog(), early.VerifierLog())
	}

	vmlinux, err := kernel.Running().BTF()
	if err != nil {
		t.Fatal(err)
	}
	target, ok := vmlinux.FindByName("btf_trace_sys_enter", btf.KindTypedef)
	if !ok {
		t.Fatal("the kernel has no btf_trace_sys_enter")
	}
	other, err := obj.Program("switched").Clone(&CloneOptions{AttachBTFID: target})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	original, err := sys.ProgInfoByFD(obj.Program("switched").FD())
	if err != nil {
		t.Fatal(err)
	}
	info, err := sys.ProgInfoByFD(other.FD())
	if err != nil || info.AttachBTFID != uint32(target) || original.AttachBTFID == uint32(target) {
		t.Errorf("the clone attaches to type %d (%v), want %d; the original to %d", info.AttachBTFID, err, target, original.AttachBTFID)
	}

	if _, err := obj.Program("answer").Clone(nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("cloning a program whose autoload was off: %v", err)
	}
	if _, err := obj.Program("count").Clone(&CloneOptions{AttachProgFD: late.FD(), AttachBTFObjFD: 5}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a clone for a program and a module: %v", err)
	}
	obj.Close()
	if r, err := late.Run(packet); err != nil || r.Return != 43 {
		t.Errorf("after its object is closed the clone returns %d, %v", r.Return, err)
	}
	if _, err := obj.Program("count").Clone(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("cloning from a closed object: %v", err)
	}
}
