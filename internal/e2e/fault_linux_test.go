package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// faultErrnos are the errnos with which calls fail.
var faultErrnos = []syscall.Errno{
	syscall.EPERM, syscall.ENOMEM, syscall.EINVAL, syscall.EBUSY, syscall.E2BIG, syscall.EAGAIN,
	syscall.EMFILE, syscall.ENFILE, syscall.EINTR, syscall.ENOSPC, syscall.EIO,
}

// faultyCall is a system call of a load.
type faultyCall struct {
	cmd   uapi.Cmd // or one of those below
	name  string   // of the map or program in the kernel
	typed bool     // a map with BTF types
	asks  bool     // made by package kernel: a probe, or a question about the kernel
}

// Calls other than bpf(2) that go through the funnel.
const (
	cmdMmap uapi.Cmd = 1000 + iota
	cmdDup
	cmdPerfEvent
)

func (c faultyCall) String() string {
	text := c.cmd.String()
	if c.cmd >= cmdMmap {
		text = []string{"mmap", "dup", "perf_event_open"}[c.cmd-cmdMmap]
	}
	if c.asks {
		text += " (a question)"
	}
	return text + " " + c.name
}

// faultMode says which calls fail.
type faultMode int

const (
	faultOnce   faultMode = iota // the at-th
	faultAlways                  // the at-th, and all calls of its kind about the same object
	faultRest                    // the at-th and all after it
)

// faulty is a kernel in which calls fail, counted from 0: without any effect or, if late, after
// they took effect. A late failure closes the descriptor or unmaps the memory that it doesn't
// return.
type faulty struct {
	funnel.Kernel
	at    int // -1: none
	mode  faultMode
	late  bool
	errno syscall.Errno

	calls  []faultyCall
	failed faultyCall
	names  map[int]string // of descriptors
}

func (f *faulty) fails(c faultyCall) bool {
	now := len(f.calls)
	if now > withoutEnd {
		return false
	}
	f.calls = append(f.calls, c)
	if f.at < 0 || now < f.at {
		return false
	}
	if now == f.at {
		f.failed = c
		return true
	}
	return f.mode == faultRest || f.mode == faultAlways && c == f.failed
}

func (f *faulty) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	c := faultyCall{cmd: cmd, asks: asked()}
	word := func(at uintptr) int { return int(*(*uint32)(unsafe.Add(attr, at))) }
	text := func() string { // behind the first pointer
		p := *(*sys.Pointer)(attr)
		return filepath.Base(
			string(bytes.TrimRight(unsafe.Slice((*byte)(p.Unsafe()), cLen(p.Unsafe())), "\x00")))
	}
	switch cmd {
	case uapi.CmdMapCreate:
		a := (*sys.MapCreateAttr)(attr)
		c.name, c.typed = a.Name.String(), a.BTFKeyTypeID != 0 || a.BTFValueTypeID != 0
	case uapi.CmdProgLoad:
		c.name = (*sys.ProgLoadAttr)(attr).Name.String()
	case uapi.CmdMapUpdateElem, uapi.CmdMapFreeze, uapi.CmdObjGetInfoByFD:
		c.name = f.names[word(0)]
	case uapi.CmdObjPin, uapi.CmdObjGet:
		c.name = text()
	}
	if f.fails(c) {
		if f.late {
			fd, errno := f.Kernel.BPF(cmd, attr, size, common)
			if errno == 0 && returnsDescriptor(cmd) {
				syscall.Close(fd)
			}
		}
		return -1, f.errno
	}
	r, errno := f.Kernel.BPF(cmd, attr, size, common)
	if cmd == uapi.CmdProgLoad && errno == syscall.EAGAIN {
		// a random signal stopped the verifier; the call is made again
		f.calls = f.calls[:len(f.calls)-1]
	}
	if errno == 0 && (cmd == uapi.CmdMapCreate || cmd == uapi.CmdProgLoad ||
		cmd == uapi.CmdObjGet) {
		f.names[r] = c.name
	}
	return r, errno
}

// returnsDescriptor reports whether a command's result is a descriptor.
func returnsDescriptor(cmd uapi.Cmd) bool {
	switch cmd {
	case uapi.CmdMapCreate, uapi.CmdProgLoad, uapi.CmdObjGet, uapi.CmdRawTracepointOpen,
		uapi.CmdBTFLoad, uapi.CmdLinkCreate, uapi.CmdIterCreate, uapi.CmdProgGetFDByID,
		uapi.CmdMapGetFDByID, uapi.CmdBTFGetFDByID, uapi.CmdLinkGetFDByID, uapi.CmdTokenCreate:
		return true
	}
	return false
}

func (f *faulty) Mmap(addr unsafe.Pointer, length uintptr, prot, flags,
	fd int, offset int64) (unsafe.Pointer, syscall.Errno) {
	if f.fails(faultyCall{cmd: cmdMmap, name: f.names[fd]}) {
		if f.late {
			if p, errno := f.Kernel.Mmap(addr, length, prot, flags, fd, offset); errno == 0 {
				f.Kernel.Munmap(p, length)
			}
		}
		return nil, f.errno
	}
	return f.Kernel.Mmap(addr, length, prot, flags, fd, offset)
}

func (f *faulty) Dup(fd int) (int, syscall.Errno) {
	if f.fails(faultyCall{cmd: cmdDup, name: f.names[fd]}) {
		if f.late {
			if fd, errno := f.Kernel.Dup(fd); errno == 0 {
				syscall.Close(fd)
			}
		}
		return -1, f.errno
	}
	r, errno := f.Kernel.Dup(fd)
	f.names[r] = f.names[fd]
	return r, errno
}

func (f *faulty) PerfEventOpen(attr unsafe.Pointer, pid, cpu,
	group int, flags uint) (int, syscall.Errno) {
	if f.fails(faultyCall{cmd: cmdPerfEvent, asks: asked()}) {
		if f.late {
			if fd, errno := f.Kernel.PerfEventOpen(attr, pid, cpu, group, flags); errno == 0 {
				syscall.Close(fd)
			}
		}
		return -1, f.errno
	}
	return f.Kernel.PerfEventOpen(attr, pid, cpu, group, flags)
}

// asked reports whether package kernel makes the call to find out about the machine, not about a
// map.
func asked() bool {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.Contains(frame.Function, "purebpf/bpf/kernel.") {
			return !strings.HasSuffix(frame.Function, ".MapInfo")
		}
		if !more {
			return false
		}
	}
}

func cLen(p unsafe.Pointer) (n int) {
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return n
}

// faultSteps are the subjects in the error of a failed call.
var faultSteps = map[uapi.Cmd]string{
	uapi.CmdMapCreate:      "create map",
	uapi.CmdMapUpdateElem:  "fill ",
	uapi.CmdMapFreeze:      "freeze map",
	uapi.CmdObjGet:         "open pinned map",
	uapi.CmdObjGetInfoByFD: "reuse pinned map",
	uapi.CmdObjPin:         "pin map",
	uapi.CmdProgLoad:       "load program",
	uapi.CmdBTFLoad:        "load BTF",
	cmdMmap:                "map memory of",
	cmdDup:                 "reuse map",
}

// absorption is a failure that a load may survive, and why. The load may still end with the
// verifier's refusal because something is missing.
type absorption struct {
	why   string
	takes func(c faultyCall, errno syscall.Errno, mode faultMode) bool
}

var absorptions = []absorption{
	{"a program is asked for once more, with a log",
		func(c faultyCall, _ syscall.Errno, mode faultMode) bool {
			return !c.asks && c.cmd == uapi.CmdProgLoad && mode == faultOnce
		}},
	{"a map is made without its types", func(c faultyCall, _ syscall.Errno, mode faultMode) bool {
		// permanent failures concern only typed ones
		return !c.asks && c.cmd == uapi.CmdMapCreate && c.typed
	}},
	{"BTF is asked for once more, with a log",
		func(c faultyCall, _ syscall.Errno, mode faultMode) bool {
			return !c.asks && c.cmd == uapi.CmdBTFLoad && mode == faultOnce
		}},
	{"maps and programs go without types",
		func(c faultyCall, _ syscall.Errno, mode faultMode) bool {
			return !c.asks && c.cmd == uapi.CmdBTFLoad && mode == faultAlways
		}},
	{"a program is not bound to its read-only data",
		func(c faultyCall, _ syscall.Errno, mode faultMode) bool {
			return !c.asks && c.cmd == uapi.CmdProgBindMap
		}},
	{"a pin's directory is named by /proc",
		func(c faultyCall, errno syscall.Errno, mode faultMode) bool {
			return !c.asks && (c.cmd == uapi.CmdObjPin || c.cmd == uapi.CmdObjGet) &&
				errno == syscall.EINVAL && mode == faultOnce
		}},
	{"/proc knows what a pinned map is",
		func(c faultyCall, errno syscall.Errno, mode faultMode) bool {
			return !c.asks && c.cmd == uapi.CmdObjGetInfoByFD && errno == syscall.EINVAL
		}},
	{"a question without an answer is answered no, as libbpf does",
		func(c faultyCall, errno syscall.Errno, mode faultMode) bool {
			return c.asks
		}},
}

// faultObject is an object whose load is made to fail.
type faultObject struct {
	path   string
	since  string                      // kernel
	stride int                         // of calls and errnos, only each stride-th is tried
	works  func(obj *bpf.Object) error // checks a load that survives
}

// TestLoadFaults makes each system call of the loads of some objects fail with each errno: once,
// once after it took effect and, where the load survives, always. Probes are made anew in every
// load, so they fail too. In any case no descriptor stays open, no pin of this load stays, and
// existing pins don't change; a load survives only as absorptions says, and else the error has the
// step and the map or program. Nobody owns a pin that was made but reported as failed. The oracle
// is /proc/self/fd, the file system and the kernel's ids.
func TestLoadFaults(t *testing.T) {
	testkit.Root(t)
	used := make([]int, len(absorptions))
	steps := map[uapi.Cmd]int{}
	whole := !testing.Short() && testkit.Patience(1) == 1
	for _, fo := range []faultObject{
		{"../../testdata/maps.bpf.o", "5.8", 5, func(obj *bpf.Object) error {
			if r, err := obj.Program("count").Run(
				&bpf.RunOptions{Data: make([]byte, 64)}); err != nil || r.Return != 5 {
				return fmt.Errorf("the program returns %d, %v, want 5", r.Return, err)
			}
			return nil
		}},
		{"../../testdata/structops.bpf.o", "6.4", 1, nil},
		{"../../testdata/arena.bpf.o", "6.9", 1, nil},
		{"../../testdata/allocated.bpf.o", "6.6", 1, nil}, // kfuncs
		{"selftests/test_tunnel_kern.bpf.o", "6.1", 1, nil},
		{"selftests/bpf_cubic.bpf.o", "6.1", 1, nil}, // struct_ops, kfuncs, CO-RE
		{"tools/biolatency.bpf.o", "5.8", 1, nil},    // CO-RE
		{"tools/statsnoop.bpf.o", "5.8", 1, nil},
	} {
		t.Run(strings.TrimSuffix(filepath.Base(fo.path), ".bpf.o"), func(t *testing.T) {
			defer func() { whole = whole && !t.Skipped() }()
			fo.run(t, used, steps)
		})
	}
	for i, a := range absorptions {
		t.Logf("%5d survived: %s", used[i], a.why)
		if whole && used[i] == 0 {
			t.Errorf("never happens: %s", a.why)
		}
	}
	for cmd, step := range faultSteps {
		if whole && steps[cmd] == 0 && cmd != cmdDup { // of maps that the caller gives
			t.Errorf("never happens: %s", step)
		}
	}
	t.Logf("failures by step: %v", steps)
}

func (fo faultObject) run(t *testing.T, used []int, steps map[uapi.Cmd]int) {
	testkit.Kernel(t, fo.since)
	path := fo.path
	if !strings.HasPrefix(path, "../../testdata/") {
		testkit.LittleEndian(t)
		path = testkit.CorpusObject(t, path)
	}
	o, err := bpf.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := testkit.BPFFS(t)
	var log bytes.Buffer
	opts := &bpf.LoadOptions{PinRoot: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	before := pinOne(t, o, dir)
	stride := fo.stride
	switch {
	case testkit.Patience(1) > 1:
		stride = 41
	case testing.Short():
		stride *= 7
		// After ENOSPC the log buffer grows to 2 GiB, and the race detector shadows each byte of
		// it.
		opts.LogSize = 1 << 20
	}

	load := func(f *faulty) error {
		f.names = map[int]string{}
		log.Reset()
		restore := funnel.Replace(f)
		obj, err := bpf.Load(o, opts)
		restore()
		if err != nil {
			return err
		}
		defer obj.Close()
		if fo.works != nil {
			if err := fo.works(obj); err != nil {
				t.Errorf("%v failed with %v, the load succeeded, but: %v", f.failed, f.errno, err)
			}
		}
		for _, m := range obj.Maps() {
			if m.Pinned() && !m.Reused() {
				if err := m.Unpin(); err != nil {
					t.Error(err)
				}
			}
		}
		return nil
	}
	count := &faulty{at: -1}
	load(&faulty{at: -1}) // calls that are made only once a process, for modules and such
	if err := load(count); err != nil {
		var e *bpf.VerifierError
		if errors.As(err, &e) || errors.Is(err, bpf.ErrNotSupported) {
			testkit.Skip(t, "this kernel refuses the object: %v", err)
		}
		t.Fatal(err)
	}
	base := testkit.FDs()
	total := len(count.calls) * len(faultErrnos)
	some := testkit.Sample(t, "calls and errnos", total, max(1, len(count.calls)*4/stride))
	for i := range some {
		n := i * total / some
		at, errno := n/len(faultErrnos), faultErrnos[n%len(faultErrnos)]
		for _, way := range []faulty{{late: true}, {mode: faultOnce}, {mode: faultAlways}} {
			f := &faulty{at: at, mode: way.mode, late: way.late, errno: errno}
			err := load(f)
			if f.late && f.failed.cmd == uapi.CmdObjPin {
				removePin(t, dir, f.failed.name)
			}
			if len(f.calls) <= at {
				t.Fatalf("only %d of %d calls this time (%v):%s", len(f.calls), len(count.calls),
					err, cmp.Diff(count.calls, f.calls, cmp.AllowUnexported(faultyCall{})))
			}
			where := fmt.Sprintf("call %d, %v failed with %v, mode %d, late %v",
				at, f.failed, errno, f.mode,
				f.late)
			if len(f.calls) > withoutEnd {
				t.Fatalf("%s: tried without end", where)
			}
			if now := testkit.FDs(); !slices.Equal(now, base) {
				t.Fatalf("%s: descriptors before %v, after %v", where, base, now)
			}
			if err := before(); err != nil {
				t.Fatalf("%s: %v", where, err)
			}
			if c := f.failed; c.asks && f.mode == faultAlways && errno != syscall.EINVAL &&
				errno != syscall.E2BIG && c.cmd != uapi.CmdTokenCreate &&
				!strings.Contains(log.String(), "could not determine") && err == nil {
				t.Errorf("%s: the load survived and said nothing: %s", where, log.String())
			}
			if fault := judgeFault(o, f, err, used, steps); fault != "" {
				t.Errorf("%s: %s: %v", where, fault, err)
			}
			if err != nil && !f.late {
				break // no need to try more
			}
		}
	}
	t.Logf("%d calls", len(count.calls))
}

// removePin removes a pin that a call made although it reported an error.
func removePin(t *testing.T, dir, name string) {
	t.Helper()
	err := os.Remove(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// judgeFault returns what is wrong with the outcome of a load.
func judgeFault(o *object.Object, f *faulty, err error, used []int, steps map[uapi.Cmd]int) string {
	absorbed := slices.IndexFunc(absorptions, func(a absorption) bool {
		return a.takes(f.failed, f.errno, f.mode)
	})
	if err == nil {
		if absorbed < 0 {
			return "the load survived"
		}
		used[absorbed]++
		return ""
	}
	if text := err.Error(); !strings.HasPrefix(text, o.Name+": ") ||
		strings.ContainsRune(text, '\n') {
		return "no line that begins with the object's name"
	}
	var refused *bpf.VerifierError
	if errors.As(err, &refused) {
		if absorbed < 0 {
			return "the verifier is blamed"
		}
		return ""
	}
	var e *bpf.Error
	if !errors.As(err, &e) || e.Object != o.Name {
		return "no *Error of the object"
	}
	if absorbed >= 0 && !errors.Is(err, f.errno) {
		return "" // a consequence
	}
	if !errors.Is(err, f.errno) {
		return "another errno"
	}
	if f.failed.asks {
		if e.Op != "resolve" && e.Op != "load object" && !strings.HasPrefix(e.Op, "open BTF") {
			return "wrong step"
		}
		return ""
	}
	steps[f.failed.cmd]++
	if want := faultSteps[f.failed.cmd]; want == "" || !strings.HasPrefix(e.Op, want) {
		return "wrong step"
	}
	if f.failed.cmd != uapi.CmdBTFLoad && !concerns(o, e.Subject, f.failed.name) {
		return "another subject"
	}
	return ""
}

// concerns reports whether the subject of an error begins with the name of a map or program, as the
// kernel truncates it.
func concerns(o *object.Object, subject, name string) bool {
	for _, m := range o.Maps {
		if m.KernelName == name && strings.HasPrefix(subject, m.Name) {
			return true
		}
	}
	for _, p := range o.Programs {
		if p.Name[:min(15, len(p.Name))] == name && strings.HasPrefix(subject, p.Name) {
			return true
		}
	}
	return name != "" && strings.HasPrefix(subject, name) // a template
}

// pinOne pins a map at the path that o has for one of its maps, gives another map a path where
// nothing is pinned, and returns a function that checks that this is still so.
func pinOne(t *testing.T, o *object.Object, dir string) func() error {
	t.Helper()
	var plain []*object.Map
	for _, m := range o.Maps {
		if m.Kind == object.MapDefined && m.Autocreate &&
			(m.Type == uapi.MapArray || m.Type == uapi.MapHash) && len(plain) < 2 {
			m.PinPath, m.PinByName = filepath.Join(dir, m.Name), false
			plain = append(plain, m)
		} else {
			m.PinPath, m.PinByName = "", false
		}
	}
	if len(plain) < 2 {
		return func() error { return nil }
	}
	first, second := plain[0], plain[1]
	m, err := bpf.CreateMap(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	key, value := make([]byte, m.KeySize()), bytes.Repeat([]byte{7}, m.ValueLen())
	if err := errors.Join(m.Update(key, value, bpf.UpdateAny), m.Pin(first.PinPath)); err != nil {
		t.Fatal(err)
	}
	id := mapID(t, m)
	return func() error {
		now, err := bpf.OpenMap(first.PinPath, 0)
		if err != nil {
			return err
		}
		defer now.Close()
		info, err := now.Info()
		if err != nil || info.ID != id {
			return fmt.Errorf("map %+v is pinned, not %d: %v", info, id, err)
		}
		if got, err := now.LookupBytes(key); err != nil || !bytes.Equal(got, value) {
			return fmt.Errorf("the contents of the pinned map changed: % x, %v", got, err)
		}
		if _, err := os.Stat(second.PinPath); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("the pin of the load stays: %v", err)
		}
		return nil
	}
}

// TestLoadFaultsForGood: a kernel that stops working: every call from the n-th on fails.
func TestLoadFaultsForGood(t *testing.T) {
	testkit.Root(t)
	attempt := func(f *faulty) (obj *bpf.Object, err error) {
		f.names, f.mode, f.errno = map[int]string{}, faultRest, syscall.EPERM
		defer funnel.Replace(f)()
		return bpf.Load(open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	}
	count := &faulty{at: -1}
	obj, err := attempt(count)
	if err != nil {
		t.Fatal(err)
	}
	obj.Close()
	base := len(testkit.FDs())
	for from := range len(count.calls) {
		obj, err := attempt(&faulty{at: from})
		if err == nil {
			obj.Close()
			if from < len(count.calls)-10 {
				t.Errorf("every call from %d of %d on fails, but the load succeeds",
					from, len(count.calls))
			}
		}
		if n := len(testkit.FDs()); n != base {
			t.Fatalf("from call %d: %d descriptors before, %d after", from, base, n)
		}
	}
}
