package soak

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/perfbuf"
	"github.com/purebpf/bpf/ringbuf"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/userringbuf"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// made are the ids of what the cycles since the last check had the kernel make: "prog", "map",
// "link", "btf" as bpftool calls them.
type made map[string][]uint32

func (m made) add(kind string, id uint32, err error) error {
	if err == nil && id != 0 {
		m[kind] = append(m[kind], id)
	}
	return err
}

// load reads a file of testdata and loads its maps and the named programs, or all.
func (m made) load(path string, programs ...string) (*bpf.Object, error) {
	o, err := bpf.Open("../../"+path, nil)
	if err != nil {
		return nil, err
	}
	return m.loadObject(o, programs...)
}

func (m made) loadObject(o *object.Object, programs ...string) (*bpf.Object, error) {
	for _, p := range o.Programs {
		p.Autoload = p.Autoload && len(programs) == 0 || slices.Contains(programs, p.Name)
	}
	obj, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range obj.Programs() {
		if !p.Loaded() {
			continue
		}
		info, err := sys.ProgInfoByFD(p.FD())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.add("prog", info.ID, nil)
		m.add("btf", info.BTFID, nil)
	}
	for _, mp := range obj.Maps() {
		info, err := mp.Info()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.add("map", info.ID, nil)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, obj.Close())
	}
	return obj, nil
}

// attach attaches a program of testdata/link.bpf.c, asks the link what it is, uses it and closes
// it.
func (m made) attach(program string, do func(p *bpf.Program) (*bpf.Link, error), use func()) error {
	obj, err := m.load("testdata/link.bpf.o", program)
	if err != nil {
		return err
	}
	l, err := do(obj.Program(program))
	if err == nil {
		if l.FD() >= 0 {
			info, infoErr := l.Info()
			if err = infoErr; err == nil {
				m.add("link", info.ID, nil)
			}
		}
		if use != nil {
			use()
		}
		err = errors.Join(err, l.Close())
	}
	return errors.Join(err, obj.Close())
}

// numbers encodes the fields of a request to a program, of 4 and 8 bytes.
func numbers(fields ...any) []byte {
	var b []byte
	for _, f := range fields {
		switch n := f.(type) {
		case uint32:
			b = binary.NativeEndian.AppendUint32(b, n)
		case uint64:
			b = binary.NativeEndian.AppendUint64(b, n)
		}
	}
	return b
}

// records counts what a reader consumes and closes the reader.
func records[R any](r testkit.StreamReader[R], want int) error {
	n, err := r.Consume(func(R) error { return nil })
	if err == nil && n != want {
		err = fmt.Errorf("%d records, want %d", n, want)
	}
	return errors.Join(err, r.Close())
}

// cycles are what is done again and again: each opens, loads, attaches, uses and closes.
var cycles = []struct {
	name string
	has  func() bool // nil: every kernel
	do   func(m made, cgroup string) error
}{
	{"raw tracepoint", nil, func(m made, _ string) error {
		return m.attach("raw_tp", (*bpf.Program).Attach, unix.Sync)
	}},
	{"tracepoint", nil, func(m made, _ string) error {
		return m.attach("tp", (*bpf.Program).Attach, func() { unix.Getpriority(0, 0) })
	}},
	{"uprobe", uprobes, func(m made, _ string) error {
		return m.attach("probe", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachUprobe(os.Args[0], "", &bpf.UprobeOptions{Offset: 0x1000})
		}, nil)
	}},
	{"uprobe in tracefs", uprobes, func(m made, _ string) error {
		return m.attach("probe", func(p *bpf.Program) (*bpf.Link, error) {
			o := bpf.UprobeOptions{Offset: 0x1000, Mode: bpf.ProbeLegacy}
			return p.AttachUprobe(os.Args[0], "", &o)
		}, nil)
	}},
	{"XDP", nil, func(m made, _ string) error {
		return m.attach("xdp", func(p *bpf.Program) (*bpf.Link, error) {
			l, err := p.AttachXDP("lo", nil)
			if err != nil {
				return nil, err
			}
			if _, err := p.AttachXDP("lo", nil); !errors.Is(err, unix.EBUSY) {
				return nil, errors.Join(fmt.Errorf("attached twice: %v", err), l.Close())
			}
			return l, nil
		}, nil)
	}},
	{"cgroup", nil, func(m made, cgroup string) error {
		return m.attach("ingress", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachCgroup(cgroup, nil)
		}, nil)
	}},
	{"iterator", vmlinux, func(m made, _ string) error {
		obj, err := m.load("testdata/iter.bpf.o", "tasks")
		if err != nil {
			return err
		}
		l, err := obj.Program("tasks").Attach()
		if err != nil {
			return errors.Join(err, obj.Close())
		}
		info, err := l.Info()
		if err == nil {
			m.add("link", info.ID, nil)
			var r io.ReadCloser
			if r, err = l.Iterate(); err == nil {
				var n int64
				n, err = io.Copy(io.Discard, r)
				if err == nil && n == 0 {
					err = errors.New("no tasks")
				}
				err = errors.Join(err, r.Close())
			}
		}
		return errors.Join(err, l.Close(), obj.Close())
	}},
	{"ring buffer", nil, func(m made, _ string) error {
		obj, err := m.load("ringbuf/testdata/ring.bpf.o")
		if err != nil {
			return err
		}
		r, err := ringbuf.NewReader(obj.Map("events"), nil)
		if err == nil {
			err = r.Add(obj.Map("small"))
		}
		if err == nil {
			request := numbers(uint32(100), uint32(64), uint64(0), uint64(0), uint32(0), uint32(0))
			_, err = obj.Program("fill").Run(&bpf.RunOptions{Context: request})
			err = errors.Join(err, records(r, 100))
		}
		return errors.Join(err, obj.Close())
	}},
	{"perf buffer", nil, func(m made, _ string) error {
		obj, err := m.load("perfbuf/testdata/perf.bpf.o")
		if err != nil {
			return err
		}
		r, err := perfbuf.NewReader(obj.Map("events"), nil)
		if err == nil {
			o := bpf.RunOptions{Context: numbers(uint64(0), uint64(10), uint64(8))}
			_, err = obj.Program("fill").Run(&o)
			err = errors.Join(err, records(r, 10))
		}
		return errors.Join(err, obj.Close())
	}},
	{"user ring buffer", userRings, func(m made, _ string) error {
		obj, err := m.load("userringbuf/testdata/drain.bpf.o")
		if err != nil {
			return err
		}
		w, err := userringbuf.NewWriter(obj.Map("ring"), nil)
		if err == nil {
			err = errors.Join(userSample(obj, w), w.Close())
		}
		return errors.Join(err, obj.Close())
	}},
}

// userSample gives the program of testdata/drain.bpf.c a sample.
func userSample(obj *bpf.Object, w *userringbuf.Writer) error {
	s, err := w.Reserve(64)
	if err == nil {
		err = s.Submit()
	}
	request := make([]byte, 64)
	if err == nil {
		_, err = obj.Program("drain").Run(&bpf.RunOptions{Context: request})
	}
	if n := int64(binary.NativeEndian.Uint64(request[16:])); err == nil && n != 1 {
		err = fmt.Errorf("%d samples drained, want 1", n)
	}
	return err
}

func uprobes() bool {
	_, err := os.Stat("/sys/bus/event_source/devices/uprobe")
	return err == nil
}

func vmlinux() bool {
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	return err == nil
}

// userRings: since 6.1, and where a JIT compiler makes callbacks possible.
func userRings() bool {
	enabled, err := os.ReadFile("/proc/sys/net/core/bpf_jit_enable")
	return err == nil && strings.TrimSpace(string(enabled)) != "0"
}

// level is what a process holds.
type level struct {
	descriptors []string
	goroutines  int
	rings       int // mappings of maps and perf events
	mappings    int
	heap        uint64
}

func measure(t *testing.T) level {
	t.Helper()
	for range 3 { // what finalizers free too
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l := level{testkit.FDs(), runtime.NumGoroutine(), 0, 0, m.HeapAlloc}
	file, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); l.mappings++ {
		if strings.Contains(lines.Text(), "anon_inode:") {
			l.rings++
		}
	}
	return l
}

// left lists what bpftool still finds of what was made. bpftool fails where something of others
// goes while it looks.
func (m made) left(t *testing.T) (left []string) {
	t.Helper()
	for kind, ids := range m {
		var list []struct{ ID uint32 }
		out, err := exec.Command(testkit.Tool(t, "bpftool"), "-j", kind, "show").Output()
		if err != nil {
			return []string{"bpftool says " + string(out)}
		}
		if err := json.Unmarshal(out, &list); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		for _, e := range list {
			if slices.Contains(ids, e.ID) {
				left = append(left, fmt.Sprint(kind, " ", e.ID))
			}
		}
	}
	return left
}

// Bounds of what a process may hold more after thousands of cycles than after a few.
const (
	heapSlack    = 128 << 10 // bytes; 64 for each of 2,000 cycles
	mappingSlack = 16        // of the Go runtime's own
)

// TestSoak opens, loads, attaches, uses and closes 2,000 times. What the process holds stays as it
// was after the first few times, and the kernel lets go of all that was made. The oracles are
// /proc/self/fd, /proc/self/maps, the Go runtime's counts and the ids that bpftool lists.
func TestSoak(t *testing.T) {
	testkit.Tracefs(t)
	testkit.Netns(t)
	testkit.LittleEndian(t)
	cgroup := testkit.Cgroup(t)
	const warm, every = 10, 25
	ids := made{}
	var base level
	count := testkit.Sample(t, "cycles", 2000, 60)
	for n := range warm + count {
		for _, c := range cycles {
			if c.has != nil && !c.has() {
				continue
			}
			if err := c.do(ids, cgroup); err != nil {
				t.Fatalf("cycle %d: %s: %v", n, c.name, err)
			}
		}
		if n != warm-1 && n != warm+count-1 && (n+1-warm)%every != 0 {
			continue
		}
		var left []string
		testkit.Until(t, "the kernel has let go", func() bool {
			left = ids.left(t)
			return len(left) == 0
		})
		if len(left) > 0 {
			t.Fatalf("cycle %d: bpftool still lists %v", n, left)
		}
		total := len(ids["prog"]) + len(ids["map"]) + len(ids["link"]) + len(ids["btf"])
		clear(ids)
		if n == warm-1 {
			base = measure(t)
			continue
		}
		now := measure(t)
		t.Logf("cycle %d: %d ids, %d goroutines, %d mappings, %d bytes of heap", n, total,
			now.goroutines, now.mappings, now.heap)
		if !slices.Equal(now.descriptors, base.descriptors) {
			t.Errorf("cycle %d: descriptors %v, were %v", n, now.descriptors, base.descriptors)
		}
		if now.goroutines != base.goroutines || now.rings != base.rings ||
			now.mappings > base.mappings+mappingSlack || now.heap > base.heap+heapSlack {
			t.Errorf("cycle %d: %+v, were %+v", n, now, base)
		}
		if t.Failed() {
			return
		}
	}
}
