package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
)

// TestPrepare loads an object in two steps. The oracle is the kernel: it has maps after the first
// and programs after the second.
func TestPrepare(t *testing.T) {
	testkit.Root(t)
	obj, err := bpf.Prepare(only(open(t, "sections"), "count"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	if obj.Map(".bss").FD() < 0 || obj.Program("count").Loaded() {
		t.Errorf("after Prepare: map %d, program %d",
			obj.Map(".bss").FD(), obj.Program("count").FD())
	}
	if err := obj.Variable("runs").Set(uint64(5)); err != nil {
		t.Fatal(err)
	}
	if err := obj.Load(); err != nil {
		t.Fatal(err)
	}
	if r, err := obj.Program("count").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil ||
		r.Return != 45 {
		t.Errorf("the program returns %d, %v", r.Return, err)
	}
	if err := obj.Load(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("loading once more: %v", err)
	}
	never, err := bpf.Prepare(open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := never.Close(); err != nil { // TestMain finds what stays open
		t.Error(err)
	}
	if err := never.Load(); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("loading a closed object: %v", err)
	}
}

// TestClone loads copies of a program. The oracle is the kernel: ids and tags, the shared map, the
// attach target.
func TestClone(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	obj, err := bpf.Prepare(only(open(t, "sections"), "count", "switched"), nil)
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
	late, err := obj.Program("count").Clone(&bpf.CloneOptions{LogLevel: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	ids := map[uint32]bool{}
	tags := map[[8]byte]bool{}
	packet := &bpf.RunOptions{Data: make([]byte, 64)}
	for i, p := range []*bpf.Program{early, obj.Program("count"), late} {
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
	other, err := obj.Program("switched").Clone(&bpf.CloneOptions{AttachBTFID: target})
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
		t.Errorf("the clone attaches to type %d (%v), want %d; the original to %d",
			info.AttachBTFID, err, target, original.AttachBTFID)
	}

	if _, err := obj.Program("answer").Clone(nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("cloning a program whose autoload was off: %v", err)
	}
	if _, err := obj.Program("count").Clone(
		&bpf.CloneOptions{AttachProgFD: bpf.BorrowedFD(late.FD()),
			AttachBTFObjFD: 5}); !errors.Is(
		err,
		syscall.EINVAL,
	) {
		t.Errorf("a clone for a program and a module: %v", err)
	}
	obj.Close()
	if r, err := late.Run(packet); err != nil || r.Return != 43 {
		t.Errorf("after its object is closed the clone returns %d, %v", r.Return, err)
	}
	if _, err := obj.Program("count").Clone(nil); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("cloning from a closed object: %v", err)
	}
}

// cloned returns the kernel's information about a clone, which it closes again.
func cloned(t testing.TB, p *bpf.Program, opts *bpf.CloneOptions) *sys.ProgInfo {
	t.Helper()
	c, err := p.Clone(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := sys.ProgInfoByFD(c.FD())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestCloneOverrides gives clones their own BTF, function and line info instead of the object's.
// The oracle is the kernel's information about the programs, and its refusals.
func TestCloneOverrides(t *testing.T) {
	testkit.Root(t)
	o := only(open(t, "maps"), "count", "callee")
	resolved, err := plan.Resolve(o, kernel.Running(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var planned *plan.Program
	for _, pp := range resolved.Programs {
		if pp.Spec.Name == "count" {
			planned = pp
		}
	}
	obj := load(t, o, &bpf.LoadOptions{SkipPins: true})
	count := obj.Program("count")
	as := cloned(t, count, nil)

	again, err := sys.BTFLoad(
		&sys.BTFLoadAttr{BTF: sys.Slice(resolved.BTF), Size: uint32(len(resolved.BTF))})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	types, err := sys.BTFInfoByFD(again.Int())
	if err != nil {
		t.Fatal(err)
	}
	if got := cloned(t, count,
		&bpf.CloneOptions{BTFFD: bpf.BorrowedFD(again.Int())}); got.BTFID != types.ID ||
		as.BTFID == types.ID {
		t.Errorf("the clone has BTF %d, want %d; the original %d", got.BTFID, types.ID, as.BTFID)
	}

	half := int(as.NrLineInfo/2) * int(planned.LineInfoSize)
	// records that are longer than those that the kernel knows, which it accepts if the rest is
	// zero
	wide := make([]byte, 0, 2*len(planned.FuncInfo))
	for at := 0; at < len(planned.FuncInfo); at += int(planned.FuncInfoSize) {
		wide = append(append(wide, planned.FuncInfo[at:at+int(planned.FuncInfoSize)]...),
			make([]byte, planned.FuncInfoSize)...)
	}
	got := cloned(t, count, &bpf.CloneOptions{
		LineInfo: planned.LineInfo[:half], LineInfoSize: planned.LineInfoSize, FuncInfo: wide,
		FuncInfoSize: 2 * planned.FuncInfoSize,
	})
	if got.NrLineInfo != as.NrLineInfo/2 || half == 0 || got.NrFuncInfo != as.NrFuncInfo {
		t.Errorf("the clone has %d lines and %d functions, want %d and %d",
			got.NrLineInfo, got.NrFuncInfo, as.NrLineInfo/2, as.NrFuncInfo)
	}
	for name, opts := range map[string]*bpf.CloneOptions{
		"size without records":    {FuncInfoSize: 8},
		"records without size":    {LineInfo: planned.LineInfo},
		"a record and a half":     {LineInfo: planned.LineInfo[:24], LineInfoSize: 16},
		"functions that are none": {FuncInfo: make([]byte, 8), FuncInfoSize: 8},
		"BTF that is none":        {BTFFD: bpf.BorrowedFD(obj.Map("array").FD())},
	} {
		if _, err := count.Clone(opts); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCloneFDArray: a program keeps the maps alive that an array of known length contains. The
// oracle is the kernel, which counts them.
func TestCloneFDArray(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.14")
	obj := load(t, only(open(t, "maps"), "count", "callee"), &bpf.LoadOptions{SkipPins: true})
	count := obj.Program("count")
	fds := []bpf.BorrowedFD{bpf.BorrowedFD(obj.Map("hash").FD()),
		bpf.BorrowedFD(obj.Map("queue").FD())} // it uses hash anyway
	as := cloned(t, count, nil)
	if got := cloned(t, count, &bpf.CloneOptions{FDArray: fds}); got.NrMapIDs != as.NrMapIDs {
		t.Errorf("with an array of unknown length the clone has %d maps, the original %d",
			got.NrMapIDs, as.NrMapIDs)
	}
	if got := cloned(t, count,
		&bpf.CloneOptions{FDArray: fds, BindFDArray: true}); got.NrMapIDs != as.NrMapIDs+1 {
		t.Errorf("the clone has %d maps, the original %d", got.NrMapIDs, as.NrMapIDs)
	}
	if _, err := count.Clone(
		&bpf.CloneOptions{FDArray: []bpf.BorrowedFD{1 << 20},
			BindFDArray: true}); !errors.Is(err, syscall.EBADF) {
		t.Errorf("an array of a descriptor that is none: %v", err)
	}
}

// TestCloneToken: the kernel checks the token, and refuses a descriptor that is none.
func TestCloneToken(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9")
	obj := load(t, only(open(t, "maps"), "count", "callee"), &bpf.LoadOptions{SkipPins: true})
	if _, err := obj.Program("count").Clone(
		&bpf.CloneOptions{TokenFD: bpf.BorrowedFD(obj.Map("array").FD())}); !errors.Is(err,
		syscall.EINVAL) {
		t.Errorf("a map for a token: %v", err)
	}
}
