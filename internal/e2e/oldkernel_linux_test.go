package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/oldkernel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// without is a kernel that lacks features that bpf(2) doesn't show.
type without struct {
	facts.Kernel
	feature facts.Feature
}

func (k without) Has(f facts.Feature) (bool, error) {
	if f == k.feature {
		return false, nil
	}
	return k.Kernel.Has(f)
}

// oldRow is a load on a kernel without a feature.
type oldRow struct {
	feature facts.Feature
	object  string // path
	program string // with the programs that it needs, separated by spaces
	since   string // kernel that the object needs for other reasons
	change  func(t *testing.T, o *object.Object)
	check   func(t *testing.T, obj *bpf.Object) // may be nil
}

const typesObject, mapsObject = "../../plan/testdata/types.o", "../../testdata/maps.bpf.o"

var oldRows = []oldRow{
	{feature: facts.ProgName, object: mapsObject, check: func(t *testing.T, obj *bpf.Object) {
		p, m := programInfo(t, obj, "count"), mapInfo(t, obj, "array")
		if p.Name != "" || m.Name != "" {
			t.Errorf("the kernel knows names: %q, %q", p.Name, m.Name)
		}
	}},
	{feature: facts.GlobalData, object: mapsObject, program: "callee",
		check: func(t *testing.T, obj *bpf.Object) {
			if obj.Map(".bss").Created() || obj.Map(".rodata").Created() ||
				!obj.Map("array").Created() {
				t.Error("maps for variables were made, or others were not")
			}
			if r := runLen(t, obj, "callee", 64); r != 4711 {
				t.Errorf("callee returns %d", r)
			}
			_, err := bpf.Load(only(open(t, "maps"), "count", "callee"),
				&bpf.LoadOptions{SkipPins: true})
			if err == nil || !strings.Contains(err.Error(), "maps.") ||
				!strings.Contains(err.Error(), "count") {
				t.Errorf("a program with variables: %v", err)
			}
		}},
	{feature: facts.BTFLoad, object: mapsObject, check: func(t *testing.T, obj *bpf.Object) {
		if p, m := programInfo(t, obj, "count"), mapInfo(t, obj, "array"); p.BTFID != 0 ||
			m.BTFID != 0 || obj.BTFFD() >= 0 {
			t.Errorf("BTF %d of the program, %d of the map", p.BTFID, m.BTFID)
		}
		if _, err := bpf.Load(open(t, "structops"), nil); hasBTF(t) &&
			!errors.Is(err, bpf.ErrNotSupported) {
			t.Errorf("struct_ops without BTF: %v", err)
		}
	}},
	// libbpf's replacement for a prototype is an enum, which newer kernels refuse for its nameless
	// values: everything loads without types.
	{feature: facts.BTFFunc, object: mapsObject, check: func(t *testing.T, obj *bpf.Object) {
		if p := programInfo(t, obj, "count"); p.NumFuncInfo+p.NumLineInfo != 0 {
			t.Errorf("%d functions, %d lines", p.NumFuncInfo, p.NumLineInfo)
		}
	}},
	{feature: facts.BTFGlobalFunc, object: mapsObject, check: hasTypes("count", "array")},
	{feature: facts.BTFDatasec, object: mapsObject, check: hasTypes("count", "array")},
	{feature: facts.BTFQmarkDatasec, object: "../../testdata/flavour.bpf.o",
		program: "ssthresh undo_cwnd cong_avoid", since: "6.4",
		check: func(t *testing.T, obj *bpf.Object) {
			if !obj.Map("second").Created() || obj.Map("optional").Created() {
				t.Error("the wrong struct_ops maps were made")
			}
		}},
	{feature: facts.BTFFloat, object: typesObject, check: hasTypes("do_prog", "map")},
	{feature: facts.BTFDeclTag, object: typesObject, check: hasTypes("do_prog", "map")},
	{feature: facts.BTFTypeTag, object: typesObject, check: hasTypes("do_prog", "map")},
	{feature: facts.BTFEnum64, object: typesObject, check: hasTypes("do_prog", "map")},
	{feature: facts.BTFLayout, object: typesObject, change: addLayout,
		check: hasTypes("do_prog", "map")},
	{feature: facts.ArrayMmap, object: mapsObject, check: func(t *testing.T, obj *bpf.Object) {
		var calls uint64
		if err := obj.Variable("calls").Get(&calls); err != nil || calls != 1 ||
			obj.Map(".bss").Memory() != nil {
			t.Errorf("calls is %d, %v; mapped %v", calls, err, obj.Map(".bss").Memory() != nil)
		}
		if err := obj.Variable("calls").Set(uint64(1)); !errors.Is(err, bpf.ErrNotSupported) {
			t.Errorf("setting a variable that is not mapped: %v", err)
		}
	}},
	{feature: facts.ExpAttachType, object: "../../testdata/net.bpf.o", program: "xdp_pass",
		check: func(t *testing.T, obj *bpf.Object) {
			if r := runLen(t, obj, "xdp_pass", 64); r != 2 { // XDP_PASS
				t.Errorf("xdp_pass returns %d", r)
			}
		}},
	{feature: facts.ProbeReadKernel, object: "../../plan/testdata/probes.o", program: "do_kernel"},
	{feature: facts.ProgBindMap, object: mapsObject, check: func(t *testing.T, obj *bpf.Object) {
		if p := programInfo(t, obj, "callee"); len(p.MapIDs) != 0 {
			t.Errorf("a program without maps is bound to %v", p.MapIDs)
		}
	}},
	{feature: facts.ModuleBTF, object: mapsObject},
	{feature: facts.PerfLink, object: mapsObject},
	{feature: facts.MemcgAccount, object: mapsObject},
	{feature: facts.BPFCookie, object: "../../plan/testdata/kconfig.o",
		program: "use", check: kconfigIs("LINUX_HAS_BPF_COOKIE", 0)},
	{feature: facts.SyscallWrapper, object: "../../plan/testdata/kconfig.o",
		program: "use", check: kconfigIs("LINUX_HAS_SYSCALL_WRAPPER", 0)},
	{feature: facts.UprobeMultiLink, object: mapsObject},
	{feature: facts.ArgCtxTag, object: "../../plan/testdata/argctx.o", program: argctxPrograms(),
		since: "5.11"},
	{feature: facts.LdImm64FullRangeOff, object: "../../testdata/arena.bpf.o", program: "add",
		since: "6.9", check: func(t *testing.T, obj *bpf.Object) {
			if r, err := obj.Program("add").Run(nil); err != nil || r.Return != 1+2+3+4 {
				t.Errorf("add returns %d, %v", r.Return, err)
			}
			// counter, the first variable, at the start of the arena
			if n := binary.NativeEndian.Uint64(obj.Map("arena").Memory()); n != 42 {
				t.Errorf("the arena starts with %d", n)
			}
		}},
	{feature: facts.UprobeSyscall, object: mapsObject},
	{feature: facts.CommonAttrs, object: mapsObject},
}

// TestOldKernels loads and runs an object on kernels that lack one feature each: every row of
// libbpf's table of features. The oracle is the kernel behind package oldkernel, and the results
// that the programs' sources compute.
func TestOldKernels(t *testing.T) {
	testkit.Root(t)
	seen := map[facts.Feature]bool{}
	for _, row := range oldRows {
		seen[row.feature] = true
		t.Run(row.feature.String(), func(t *testing.T) { row.run(t) })
	}
	for f := range facts.NumFeatures {
		if !seen[f] {
			t.Errorf("no row for %v", f)
		}
	}
}

func (row oldRow) run(t *testing.T) {
	if !strings.HasSuffix(row.object, ".bpf.o") {
		testkit.LittleEndian(t)
	}
	if row.since != "" {
		testkit.Kernel(t, row.since)
	}
	opts := &bpf.LoadOptions{SkipPins: true}
	if refuse := oldkernel.Lacks[row.feature]; refuse != nil {
		t.Cleanup(funnel.Replace(&oldkernel.Kernel{Refuse: refuse}))
		if has, err := kernel.Running().Has(row.feature); has || err != nil {
			t.Fatalf("the kernel has %v: %v, %v", row.feature, has, err)
		}
	} else {
		opts.Kernel = without{kernel.Running(), row.feature}
	}
	o, err := bpf.Open(row.object, nil)
	if err != nil {
		t.Fatal(err)
	}
	if row.change != nil {
		row.change(t, o)
	}
	returns := map[string]struct {
		programs string
		first    uint32
	}{
		mapsObject:  {"count callee", 5},            // limit
		typesObject: {"do_prog", (7+1+0)*3 + 0 + 1}, // global(question + 1 + deep.n)
	}[row.object]
	if row.program == "" {
		row.program = returns.programs
	}
	obj := load(t, only(o, strings.Fields(row.program)...), opts)
	if row.program == returns.programs {
		first, _, _ := strings.Cut(row.program, " ")
		if r := runLen(t, obj, first, 64); r != returns.first {
			t.Errorf("%s returns %d, want %d", first, r, returns.first)
		}
	}
	for _, name := range strings.Fields(row.program) {
		if !obj.Program(name).Loaded() {
			t.Errorf("%s is not loaded", name)
		}
	}
	if row.check != nil {
		row.check(t, obj)
	}
}

// argctxPrograms returns the programs whose global functions name the context as this machine does:
// struct pt_regs is x86's.
func argctxPrograms() string {
	programs := "do_xdp do_tc do_raw"
	if runtime.GOARCH == "amd64" {
		programs += " do_perf"
	}
	return programs
}

func programInfo(t *testing.T, obj *bpf.Object, name string) *objinfo.Program {
	t.Helper()
	info, err := obj.Program(name).Info()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func mapInfo(t *testing.T, obj *bpf.Object, name string) *objinfo.Map {
	t.Helper()
	info, err := obj.Map(name).Info()
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// hasTypes checks that BTF was uploaded, and that a program and a map refer to it.
func hasTypes(program, m string) func(*testing.T, *bpf.Object) {
	return func(t *testing.T, obj *bpf.Object) {
		t.Helper()
		if p, m := programInfo(t, obj, program), mapInfo(t, obj, m); p.BTFID == 0 ||
			p.NumFuncInfo == 0 || p.NumLineInfo == 0 || m.BTFID != p.BTFID || m.ValueTypeID == 0 {
			t.Errorf("program: BTF %d, %d functions, %d lines; map: BTF %d, value type %d",
				p.BTFID, p.NumFuncInfo, p.NumLineInfo, m.BTFID, m.ValueTypeID)
		}
	}
}

// kconfigIs checks the value of an extern of one byte in the kernel.
func kconfigIs(name string, want byte) func(*testing.T, *bpf.Object) {
	return func(t *testing.T, obj *bpf.Object) {
		t.Helper()
		value, err := obj.Map(".kconfig").LookupBytes(make([]byte, 4))
		if err != nil {
			t.Fatal(err)
		}
		o, err := bpf.Open("../../plan/testdata/kconfig.o", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range o.Externs {
			if e.Name == name && value[e.Offset] != want {
				t.Errorf("%s is %d, want %d", name, value[e.Offset], want)
			}
		}
	}
}

// addLayout adds a section to the object's BTF with the length of types of each kind, as newer
// compilers do.
func addLayout(t *testing.T, o *object.Object) {
	raw, h := o.BTF.Raw(), binary.NativeEndian
	typeLen := h.Uint32(raw[12:])
	var layout []byte
	for _, k := range [][2]byte{{}, {4, 0}, {}, {12, 0}, {0, 12}, {0, 12}, {0, 8}, {}, {}, {}, {},
		{}, {}, {0, 8}, {4, 0}, {0, 12}, {}, {4, 0}, {}, {0, 12}} {
		layout = append(layout, k[0], k[1], 0, 0)
	}
	with := bytes.Clone(raw[:24])
	h.PutUint32(with[4:], 32)
	h.PutUint32(with[16:], typeLen+uint32(len(layout)))
	with = h.AppendUint32(h.AppendUint32(with, typeLen), uint32(len(layout)))
	with = append(append(append(with, raw[24:24+typeLen]...), layout...), raw[24+typeLen:]...)
	s, err := btf.Parse(with, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.BTF = s
}

// TestRefusedTypes: a kernel that accepts the probes but not the object's own BTF, or no map with
// types. The oracle is the kernel's information about the programs and maps.
func TestRefusedTypes(t *testing.T) {
	testkit.Root(t)
	for _, tc := range []struct {
		name, told string
		refuse     func(oldkernel.Call) syscall.Errno
		program    bool // has BTF
	}{
		{"BTF", "refused the object's BTF",
			oldkernel.On(uapi.CmdBTFLoad, syscall.EINVAL, func(c oldkernel.Call) bool {
				return (*sys.BTFLoadAttr)(c.Attr).Size > 1000
			}), false},
		{"maps", "trying without its BTF",
			oldkernel.On(uapi.CmdMapCreate, syscall.EINVAL, func(c oldkernel.Call) bool {
				return c.Map().BTFFD != 0
			}), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Cleanup(funnel.Replace(&oldkernel.Kernel{Refuse: tc.refuse}))
			var log bytes.Buffer
			obj := load(t, open(t, "maps"),
				&bpf.LoadOptions{SkipPins: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if r := runLen(t, obj, "count", 64); r != 5 {
				t.Errorf("count returns %d", r)
			}
			if p := programInfo(t, obj, "count"); (p.BTFID != 0) != tc.program {
				t.Errorf("the program has BTF %d", p.BTFID)
			}
			for _, m := range obj.Maps() {
				if info, err := m.Info(); err != nil || info.BTFID != 0 {
					t.Errorf("%s has BTF %+v, %v", m.Name(), info, err)
				}
			}
			if !strings.Contains(log.String(), tc.told) {
				t.Errorf("nothing is said of it: %s", log.String())
			}
			if _, err := bpf.Load(open(t, "structops"), nil); tc.name == "BTF" && hasBTF(t) &&
				!errors.Is(err, syscall.EINVAL) {
				t.Errorf("struct_ops without BTF: %v", err)
			}
		})
	}
}

// TestAttachTypeUntold: a kernel that takes no attach type at load (before 4.17) gets it when the
// program is attached. The oracle is the kernel, which lists the programs of each hook; C libbpf
// also omits only the attach type from the load.
func TestAttachTypeUntold(t *testing.T) {
	testkit.Root(t)
	t.Cleanup(funnel.Replace(&oldkernel.Kernel{Refuse: oldkernel.Lacks[facts.ExpAttachType]}))
	dir := testkit.Cgroup(t)
	for name, where := range map[string]uapi.AttachType{
		"ingress": uapi.AttachCgroupInetIngress, "egress": uapi.AttachCgroupInetEgress,
		"sockops": uapi.AttachCgroupSockOps, "device": uapi.AttachCgroupDevice,
	} {
		p := load(t, only(open(t, "cgroup"), name), nil).Program(name)
		if p.ExpectedAttachType() != where {
			t.Errorf("%s is for %v, want %v", name, p.ExpectedAttachType(), where)
		}
		attached := func(hook string) {
			t.Helper()
			there, err := hooks.QueryFile(dir, where, 0)
			if err != nil || !there.Has(bpftest.ProgramID(t, p)) {
				t.Errorf("%s by %s: %+v, %v", name, hook, there, err)
			}
		}
		if err := nolink.AddCgroup(p, dir, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		attached("AddCgroup")
		if err := nolink.RemoveCgroup(p, dir, nil); err != nil {
			t.Error(err)
		}
		l, err := p.AttachCgroup(dir, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		attached("AttachCgroup")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	obj := load(t, only(open(t, "net"), "msg"), nil)
	if err := nolink.SetSockMap(obj.Program("msg"), obj.Map("sockets"), nil); err != nil {
		t.Error(err)
	}
}

// TestMapShape: kernels before 4.13 don't report a map's attributes; /proc does. The oracle is
// bpf(2) itself, before the test disables it.
func TestMapShape(t *testing.T) {
	dir := testkit.BPFFS(t)
	first := load(t, open(t, "maps"), &bpf.LoadOptions{PinRoot: dir})
	want := mapInfo(t, first, "pinned")
	t.Cleanup(funnel.Replace(&oldkernel.Kernel{Refuse: oldkernel.On(uapi.CmdObjGetInfoByFD,
		syscall.EINVAL, nil)}))
	m, err := bpf.OpenMap(filepath.Join(dir, "pinned"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Type() != want.Type || m.KeySize() != int(want.KeySize) ||
		m.ValueSize() != int(want.ValueSize) || m.MaxEntries() != want.MaxEntries ||
		m.Flags() != want.Flags {
		t.Errorf("%v, max_entries %d, flags %#x; want %+v", m, m.MaxEntries(), m.Flags(), want)
	}
	second := load(t, open(t, "maps"), &bpf.LoadOptions{PinRoot: dir})
	if !second.Map("pinned").Reused() {
		t.Error("the pinned map is not used")
	}
	key, value := []byte{9, 0, 0, 0}, make([]byte, 8)
	binary.NativeEndian.PutUint64(value, 99)
	got := make([]byte, 8)
	if err := errors.Join(second.Map("pinned").Update(key, value, bpf.UpdateAny),
		first.Map("pinned").Lookup(key, got)); err != nil || !bytes.Equal(got, value) {
		t.Errorf("% x, %v", got, err)
	}
	o := open(t, "maps")
	o.Map("pinned").MaxEntries++
	if _, err := bpf.Load(o, &bpf.LoadOptions{PinRoot: dir}); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "max_entries") {
		t.Errorf("another size: %v", err)
	}
	program := load(t, only(open(t, "maps"), "count", "callee"),
		&bpf.LoadOptions{SkipPins: true}).Program("count")
	path := filepath.Join(dir, "program")
	if err := program.Pin(path); err != nil {
		t.Fatal(err)
	}
	if m, err := bpf.OpenMap(path, 0); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a program for a map: %v, %v", m, err)
	}
}
