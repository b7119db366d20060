package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

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

func (m pretend) EventSourceHas(string, string) (bool, error) { return false, nil }

func (m pretend) Tracefs() (string, error) { return m.tracefs, nil }

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

// attached attaches a program to a place.
func attached(m pretend, at Place, mode Mode, program *sys.FD, cookie uint64) (*Event, error) {
	way, err := Choose(m, at, mode, cookie, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	e, err := way.Open()
	if err != nil {
		return nil, err
	}
	err = e.Attach(&Attachment{Program: program, Cookie: cookie, Ioctl: way.Ioctl(), Kernel: m,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, e.Close(false))
	}
	return e, nil
}

// TestProbeModes tries all modes on all kinds of kernels. The oracle is libbpf's table of what each
// mode needs and does.
func TestProbeModes(t *testing.T) {
	const pmu = 42
	for _, c := range []struct {
		mode       Mode
		pmu, links bool
		how        string // link, ioctl, "" if it is refused
		legacy     bool
		cookie     bool // a cookie is possible
	}{
		{ModeDefault, true, true, "link", false, true},
		{ModeDefault, true, false, "ioctl", false, false},
		{ModeDefault, false, true, "link", true, true},
		{ModeDefault, false, false, "ioctl", true, false},
		{ModeLegacy, true, true, "ioctl", true, false},
		{ModeLegacy, false, false, "ioctl", true, false},
		{ModePerf, true, true, "ioctl", false, false},
		{ModePerf, true, false, "ioctl", false, false},
		{ModePerf, false, true, "", false, false},
		{ModeLink, true, true, "link", false, true},
		{ModeLink, true, false, "", false, false},
		{ModeLink, false, true, "", false, false},
		{9, true, true, "", false, false},
	} {
		for _, o := range []struct {
			Return         bool
			Offset, Cookie uint64
		}{{}, {Return: true}, {Offset: 0x24}, {Cookie: 7}} {
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
			at := Kprobe{Symbol: "vfs.read", Offset: o.Offset, Return: o.Return}
			e, err := attached(m, &at, c.mode, progFD, o.Cookie)
			lines := readFile(t, m.tracefs+"/kprobe_events")
			if refused := c.how == "" || o.Cookie != 0 && !c.cookie; refused != (err != nil) {
				t.Errorf("%+v %+v: %v", c, o, err)
			} else if refused && c.mode == 9 && !errors.Is(err, syscall.EINVAL) ||
				refused && c.mode != 9 && !errors.Is(err, errors.ErrUnsupported) {
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
				wantEvent := sys.PerfEventAttr{Type: sys.PerfType(pmu), Config2: o.Offset}
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
				if err := e.Close(false); err != nil {
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
		if _, err := attached(m, &Kprobe{Symbol: "f"}, ModeDefault, progFD, 0); err == nil {
			t.Errorf("%s: no error", step)
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
	if _, err := define(dir, "kprobe", false, "f",
		target, offset); !errors.Is(err, fs.ErrNotExist) {
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

// unsure is a kernel whose features can't be determined.
type unsure struct{ err error }

func (k unsure) Has(facts.Feature) (bool, error) { return false, k.err }

// TestSyscallFunctionUnsure: if it is unknown whether system calls have wrappers, the library
// assumes none, as libbpf does.
func TestSyscallFunctionUnsure(t *testing.T) {
	var book bytes.Buffer
	log := slog.New(slog.NewTextHandler(&book, nil))
	if got := SyscallFunction(unsure{syscall.EACCES}, "unlinkat", log); got != "__se_sys_unlinkat" {
		t.Error(got)
	}
	for _, want := range []string{"level=WARN", "SYSCALL_WRAPPER", "permission denied"} {
		if !strings.Contains(book.String(), want) {
			t.Errorf("no %s in %s", want, &book)
		}
	}
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
