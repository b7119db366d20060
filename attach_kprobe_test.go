package bpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TestParseKprobe: the oracle is C's sscanf(text, "%m[a-zA-Z0-9_.]+%li"), by which libbpf reads
// sections; the test has glibc's results. It truncates an offset that doesn't fit; here such an
// offset is refused.
func TestParseKprobe(t *testing.T) {
	for _, c := range []struct {
		text, symbol string
		offset       int64
		rest         string
		bad          bool
	}{
		{text: "do_unlinkat", symbol: "do_unlinkat"},
		{text: "do_unlinkat+8", symbol: "do_unlinkat", offset: 8},
		{text: "do_unlinkat+0x1F", symbol: "do_unlinkat", offset: 31},
		{text: "do_unlinkat+010", symbol: "do_unlinkat", offset: 8},
		{text: "do_unlinkat+-4", symbol: "do_unlinkat", offset: -4},
		{text: "do_unlinkat++4", symbol: "do_unlinkat", offset: 4},
		{text: "do_unlinkat+0x10 and more", symbol: "do_unlinkat", offset: 16, rest: " and more"},
		{text: "do_unlinkat+x", symbol: "do_unlinkat", rest: "+x"},
		{text: "do_unlinkat+", symbol: "do_unlinkat", rest: "+"},
		{text: "do_unlinkat+08", symbol: "do_unlinkat", rest: "8"},
		{text: "do_unlinkat+ 8", symbol: "do_unlinkat", offset: 8},
		{text: "do_unlinkat +8", symbol: "do_unlinkat", rest: " +8"},
		{text: "do_unlinkat+-0x10", symbol: "do_unlinkat", offset: -16},
		{text: "do_unlinkat+0xg", symbol: "do_unlinkat", rest: "xg"},
		{text: "name.isra.0+4", symbol: "name.isra.0", offset: 4},
		{text: "dummy:dummy_xmit", symbol: "dummy", rest: ":dummy_xmit"},
		{text: "", bad: true},
		{text: "+4", bad: true},
		{text: "f+99999999999999999999", bad: true},
	} {
		symbol, offset, rest, err := parseKprobe(c.text)
		if (err != nil) != c.bad {
			t.Errorf("%q: %v", c.text, err)
		}
		if err == nil && (symbol != c.symbol || offset != c.offset || rest != c.rest) {
			t.Errorf("%q: %q %d %q, want %+v", c.text, symbol, offset, rest, c)
		}
		if err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

// pretend is a machine for probes: its fields decide how they are made.
type pretend struct {
	pmu     uint32 // 0: no kprobe PMU
	tracefs string
	links   bool // to perf events
}

func (m pretend) Has(f facts.Feature) (bool, error) { return f == facts.PerfLink && m.links, nil }

func (m pretend) EventSource(string) (uint32, error) {
	if m.pmu == 0 {
		return 0, fs.ErrNotExist
	}
	return m.pmu, nil
}

func (m pretend) EventSourceBit(string, string) (uint, error) { return 3, nil }

func (m pretend) Tracefs() (string, error) { return m.tracefs, nil }

// withoutPMU hides the PMUs of a machine.
type withoutPMU struct{ tracing }

func (withoutPMU) EventSource(string) (uint32, error) { return 0, fs.ErrNotExist }

// calls records how a probe is made, and answers as a kernel with or without links to perf events.
type calls struct {
	funnel.Kernel
	links   bool
	event   sys.PerfEventAttr
	name    string
	pid     int
	cpu     int
	cookie  uint64
	how     string // link, ioctl
	enabled bool
	next    int
	open    map[int]bool
	fail    string // the step that fails with EINVAL
}

func (c *calls) fd() int {
	c.next++
	c.open[1000+c.next] = true
	return 1000 + c.next
}

func (c *calls) PerfEventOpen(attr unsafe.Pointer, pid, cpu,
	group int, flags uint) (int, syscall.Errno) {
	a := (*sys.PerfEventAttr)(attr)
	c.event, c.pid, c.cpu = *a, pid, cpu
	if a.Type == 42 && a.Config1 != 0 {
		c.name = cText(*(*unsafe.Pointer)(unsafe.Pointer(&a.Config1)))
	}
	if c.fail == "open" {
		return -1, syscall.EINVAL
	}
	return c.fd(), 0
}

func (c *calls) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if c.fail == "link" {
		return -1, syscall.EPERM // EINVAL would mean a kernel without links
	}
	if cmd != uapi.CmdLinkCreate || !c.links {
		return -1, syscall.EINVAL
	}
	c.how, c.cookie = "link", *(*uint64)(unsafe.Add(attr, 16))
	return c.fd(), 0
}

// setBPF and enable are PERF_EVENT_IOC_SET_BPF and PERF_EVENT_IOC_ENABLE without direction and
// size, which differ by architecture.
const setBPF, enable = '$'<<8 | 8, '$' << 8

func (c *calls) Ioctl(fd int, req uint, arg uintptr) (int, syscall.Errno) {
	switch req & 0xffff {
	case setBPF:
		c.how = "ioctl"
	case enable:
		if c.fail == "enable" {
			return -1, syscall.EINVAL
		}
		c.enabled = true
	}
	return 0, 0
}

func (c *calls) Close(fd int) syscall.Errno {
	if !c.open[fd] {
		return syscall.EBADF
	}
	delete(c.open, fd)
	return 0
}

func cText(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// TestProbeModes tries all modes on all kinds of kernels. The oracle is libbpf's table of what each
// mode needs and does.
func TestProbeModes(t *testing.T) {
	const pmu = 42
	for _, c := range []struct {
		mode       ProbeMode
		pmu, links bool
		how        string // link, ioctl, "" if it is refused
		legacy     bool
		cookie     bool // a cookie is possible
	}{
		{ProbeDefault, true, true, "link", false, true},
		{ProbeDefault, true, false, "ioctl", false, false},
		{ProbeDefault, false, true, "link", true, true},
		{ProbeDefault, false, false, "ioctl", true, false},
		{ProbeLegacy, true, true, "ioctl", true, false},
		{ProbeLegacy, false, false, "ioctl", true, false},
		{ProbePerf, true, true, "ioctl", false, false},
		{ProbePerf, true, false, "ioctl", false, false},
		{ProbePerf, false, true, "", false, false},
		{ProbeLink, true, true, "link", false, true},
		{ProbeLink, true, false, "", false, false},
		{ProbeLink, false, true, "", false, false},
		{9, true, true, "", false, false},
	} {
		for _, o := range []KprobeOptions{{}, {Return: true}, {Offset: 0x24}, {Cookie: 7}} {
			o.Mode = c.mode
			m := pretend{tracefs: t.TempDir(), links: c.links}
			if c.pmu {
				m.pmu = pmu
			}
			group := "kprobes"
			if o.Return {
				group = "kretprobes"
			}
			event := nextEvent(t, "vfs.read", o.Offset)
			writeFile(t, m.tracefs+"/kprobe_events", "")
			writeFile(t, m.tracefs+"/events/"+group+"/"+event+"/id", "1234\n")

			f := &calls{links: c.links, open: map[int]bool{}}
			restore := funnel.Replace(f)
			progFD, err := sys.NewFD(f.fd())
			if err != nil {
				t.Fatal(err)
			}
			p := &Program{name: "prog", typ: uapi.ProgKprobe, fd: progFD}
			l, err := p.attachKprobe(m, "vfs.read", o)
			lines := readFile(t, m.tracefs+"/kprobe_events")
			if refused := c.how == "" || o.Cookie != 0 && !c.cookie; refused != (err != nil) {
				t.Errorf("%+v %+v: %v", c, o, err)
			} else if refused && c.mode == 9 && !errors.Is(err, syscall.EINVAL) ||
				refused && c.mode != 9 && !errors.Is(err, ErrNotSupported) {
				t.Errorf("%+v %+v: %v", c, o, err)
			}
			if err == nil {
				if f.how != c.how || !f.enabled || f.pid != -1 || f.cpu != 0 ||
					f.cookie != o.Cookie {
					t.Errorf("%+v %+v: %+v", c, o, f)
				}
				letter := "p:"
				if o.Return {
					letter = "r:"
				}
				wantEvent := sys.PerfEventAttr{Type: pmu, Config2: o.Offset}
				wantLine, wantName := "", "vfs.read"
				if o.Return {
					wantEvent.Config = 1 << 3
				}
				if c.legacy {
					wantEvent = sys.PerfEventAttr{Type: sys.PerfTypeTracepoint, Config: 1234}
					wantLine, wantName = letter+group+"/"+event+" vfs.read+0x0", ""
					if o.Offset != 0 {
						wantLine = strings.Replace(wantLine, "+0x0", "+0x24", 1)
					}
				}
				got := f.event
				got.Size, got.Config1 = 0, 0
				if got != wantEvent || f.name != wantName || lines != wantLine {
					t.Errorf("%+v %+v: event %+v, name %q, tracefs %q; want %+v %q %q",
						c, o, got, f.name, lines, wantEvent, wantName, wantLine)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				if after := strings.TrimPrefix(
					readFile(t, m.tracefs+"/kprobe_events"), lines); c.legacy != (after == "-:"+
					group+"/"+event) {
					t.Errorf("%+v: closing writes %q", c, after)
				}
			}
			progFD.Close()
			if len(f.open) != 0 {
				t.Errorf("%+v %+v: open descriptors %v", c, o, f.open)
			}
			restore()
		}
	}
}

// TestKprobeFaults: when a step fails, the descriptors are closed and the event in tracefs is
// removed.
func TestKprobeFaults(t *testing.T) {
	for _, step := range []string{"open", "link", "enable", "id"} {
		m := pretend{tracefs: t.TempDir(), links: true}
		event := nextEvent(t, "f", 0)
		writeFile(t, m.tracefs+"/kprobe_events", "")
		if step != "id" {
			writeFile(t, m.tracefs+"/events/kprobes/"+event+"/id", "1\n")
		}
		f := &calls{links: true, open: map[int]bool{}, fail: step}
		restore := funnel.Replace(f)
		progFD, err := sys.NewFD(f.fd())
		if err != nil {
			t.Fatal(err)
		}
		p := &Program{name: "prog", typ: uapi.ProgKprobe, fd: progFD}
		_, err = p.attachKprobe(m, "f", KprobeOptions{})
		if err == nil || !strings.Contains(err.Error(), "prog to kprobe f") {
			t.Errorf("%s: %v", step, err)
		}
		progFD.Close()
		restore()
		if lines := readFile(t, m.tracefs+"/kprobe_events"); !strings.HasSuffix(lines, "-:kprobes/"+
			event) || len(f.open) != 0 {
			t.Errorf("%s fails: tracefs %q, open %v", step, lines, f.open)
		}
	}
}

// nextEvent returns the name of the next event in tracefs: it defines one in a directory of its
// own.
func nextEvent(t testing.TB, target string, offset uint64) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir+"/kprobe_events", "")
	if _, err := probe.Define(dir, "kprobe", false, "f",
		target, offset); !errors.Is(err, ErrNotExist) {
		t.Fatal(err) // it has no id
	}
	line, _, _ := strings.Cut(readFile(t, dir+"/kprobe_events"), " ")
	parts := strings.SplitN(line, "_", 4) // p:kprobes/purebpf, process, number, target and offset
	n, err := strconv.Atoi(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("purebpf_%d_%d_%s", os.Getpid(), n+1, parts[3])
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// multiCalls records a request for a kprobe.multi link and refuses it with an errno.
type multiCalls struct {
	funnel.Kernel
	errno  syscall.Errno
	attach uapi.AttachType
	flags  uint32
	syms   []string
	addrs  []uint64
	cookie []uint64
}

func (c *multiCalls) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdLinkCreate {
		return -1, syscall.EINVAL
	}
	c.attach = *(*uapi.AttachType)(unsafe.Add(attr, 8))
	d := (*sys.LinkKprobeMulti)(unsafe.Add(attr, 16))
	c.flags = d.Flags
	for i := range uintptr(d.Count) {
		if !d.Syms.IsNil() {
			c.syms = append(c.syms, cText(*(*unsafe.Pointer)(unsafe.Add(d.Syms.Unsafe(), 8*i))))
		}
		if !d.Addrs.IsNil() {
			c.addrs = append(c.addrs, *(*uint64)(unsafe.Add(d.Addrs.Unsafe(), 8*i)))
		}
		if !d.Cookies.IsNil() {
			c.cookie = append(c.cookie, *(*uint64)(unsafe.Add(d.Cookies.Unsafe(), 8*i)))
		}
	}
	return -1, c.errno
}

func (c *multiCalls) Close(fd int) syscall.Errno { return 0 }

// TestKprobeMultiRequest compares the request to the kernel with libbpf's rules.
func TestKprobeMultiRequest(t *testing.T) {
	m := pretend{tracefs: t.TempDir()}
	writeFile(t, m.tracefs+"/available_filter_functions_addrs",
		"ffffffff81000014 tcp_a\nffffffff81000024 tcp_b [tcp]\nffffffff81000034 udp_a\nffffffff81000044 tcp_a\n")
	writeFile(t, m.tracefs+"/available_filter_functions", "tcp_a\ntcp_b [tcp]\nudp_a\ntcp_a\n")
	for _, c := range []struct {
		pattern string
		opts    KprobeMultiOptions
		want    string // "" if there is no request
		errno   syscall.Errno
		is      error
	}{
		{"tcp_a", KprobeMultiOptions{}, "trace_kprobe_multi 0 [tcp_a] [] []",
			syscall.ESRCH, syscall.ENOENT},
		{"tcp_*", KprobeMultiOptions{Return: true},
			"trace_kprobe_multi 1 [] [18446744071578845204 18446744071578845220 18446744071578845252] []", syscall.EPERM, ErrPermission},
		{"?dp_?", KprobeMultiOptions{Session: true},
			"trace_kprobe_session 0 [] [18446744071578845236] []",
			syscall.EOPNOTSUPP, ErrNotSupported},
		{"udp_a", KprobeMultiOptions{UniqueMatch: true},
			"trace_kprobe_multi 0 [] [18446744071578845236] []", syscall.EBUSY, syscall.EBUSY},
		{"tcp_a", KprobeMultiOptions{UniqueMatch: true}, "", 0, syscall.EINVAL},
		{"x*", KprobeMultiOptions{}, "", 0, ErrNotExist},
		{"", KprobeMultiOptions{Symbols: []string{"b", "a"}, Cookies: []uint64{1, 2}},
			"trace_kprobe_multi 0 [b a] [] [1 2]", syscall.ESRCH, ErrNotExist},
		{"", KprobeMultiOptions{Addresses: []uint64{9, 8, 9}}, "trace_kprobe_multi 0 [] [9 8 9] []",
			syscall.EINVAL, syscall.EINVAL},
		{"", KprobeMultiOptions{}, "", 0, syscall.EINVAL},
		{"", KprobeMultiOptions{Symbols: []string{"a"}, Addresses: []uint64{1}}, "", 0,
			syscall.EINVAL},
		{"a", KprobeMultiOptions{Symbols: []string{"a"}}, "", 0, syscall.EINVAL},
		{"a", KprobeMultiOptions{Addresses: []uint64{1}}, "", 0, syscall.EINVAL},
		{"a", KprobeMultiOptions{Cookies: []uint64{1}}, "", 0, syscall.EINVAL},
		{"", KprobeMultiOptions{Symbols: []string{"a"}, Cookies: []uint64{1, 2}}, "",
			0, syscall.EINVAL},
		{"", KprobeMultiOptions{Symbols: []string{"a"}, UniqueMatch: true}, "", 0, syscall.EINVAL},
		{"", KprobeMultiOptions{Symbols: []string{"a\x00b"}}, "", 0, syscall.EINVAL},
		{"a", KprobeMultiOptions{Return: true, Session: true}, "", 0, syscall.EINVAL},
	} {
		f := &multiCalls{errno: c.errno}
		restore := funnel.Replace(f)
		fd, err := sys.NewFD(1000)
		if err != nil {
			t.Fatal(err)
		}
		p := &Program{name: "prog", typ: uapi.ProgKprobe, fd: fd}
		_, err = p.attachKprobeMulti(m, c.pattern, c.opts)
		restore()
		fd.Disown()
		got := ""
		if f.attach != 0 {
			got = fmt.Sprintf("%v %d %v %v %v", f.attach, f.flags, f.syms, f.addrs, f.cookie)
		}
		if got != c.want || !errors.Is(err, c.is) {
			t.Errorf("%q %+v: asked %q, want %q; %v", c.pattern, c.opts, got, c.want, err)
		}
	}
}

// TestPerfEventAttr: the kernel's bit numbers differ between byte orders.
func TestPerfEventAttr(t *testing.T) {
	if a, err := (PerfEvent{Frequency: 5}).attr(); err != nil ||
		a.Bits != unix.PerfBitFreq|unix.PerfBitDisabled && a.Bits != 1<<53|1<<63 || a.Sample != 5 {
		t.Errorf("%+v %v", a, err)
	}
}
