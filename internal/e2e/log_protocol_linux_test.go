package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// logKernel answers the loads of one program by a script instead of the kernel, and records the
// requests.
type logKernel struct {
	funnel.Kernel
	program string
	script  []logAnswer
	asked   []string // "level size" of each attempt
}

type logAnswer struct {
	errno    syscall.Errno // 0: ask the kernel
	log      string
	trueSize uint32
}

func (k *logKernel) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdProgLoad {
		return k.Kernel.BPF(cmd, attr, size, common)
	}
	a := (*sys.ProgLoadAttr)(attr)
	if a.Name.String() != k.program {
		return k.Kernel.BPF(cmd, attr, size, common)
	}
	k.asked = append(k.asked, fmt.Sprintf("%d %d", a.LogLevel, a.LogSize))
	if len(k.script) == 0 {
		return -1, syscall.EIO
	}
	answer := k.script[0]
	k.script = k.script[1:]
	if a.LogSize > 0 {
		copy(unsafe.Slice((*byte)(a.LogBuf.Unsafe()), a.LogSize), answer.log+"\x00")
	} else if !a.LogBuf.IsNil() {
		return -1, syscall.EINVAL
	}
	a.LogTrueSize = answer.trueSize
	if answer.errno != 0 {
		return -1, answer.errno
	}
	return k.Kernel.BPF(cmd, attr, size, common)
}

// TestLogProtocol: when a log is requested, how large its buffer is, and what happens to it. The
// oracle is C libbpf's protocol: no buffer at level 0; after a failure level 1 with 16 MiB - 1,
// doubled while the kernel answers ENOSPC and the size fits.
func TestLogProtocol(t *testing.T) {
	testkit.Root(t)
	// knows the features, so that the script sees only the program's own loads
	k := kernel.Running()
	obj, err := bpf.Load(only(open(t, "maps"), "count", "callee"),
		&bpf.LoadOptions{SkipPins: true, Kernel: k})
	if err != nil {
		t.Fatal(err)
	}
	obj.Close()
	const first = 1<<24 - 1
	for _, c := range []struct {
		name   string
		level  uapi.LogLevel
		size   uint32 // LoadOptions.LogSize
		script []logAnswer
		asked  string
		want   syscall.Errno // 0: it loads
		text   string        // in the error, or in the program's log
		whole  bool          // false: truncated
	}{
		{"loads", 0, 0, []logAnswer{{}}, "0 0", 0, "", true},
		{"loads at the second attempt", 0, 0, []logAnswer{{errno: syscall.ENOMEM}, {}},
			fmt.Sprintf("0 0, 1 %d", first), 0, "processed", true},
		{"refused", 0, 0, []logAnswer{{errno: syscall.EACCES},
			{errno: syscall.EACCES, log: "R1 bad\nprocessed 1 insns\n"}},
			fmt.Sprintf("0 0, 1 %d", first), syscall.EACCES, "R1 bad", true},
		{"refused for another reason the second time", 0,
			0, []logAnswer{{errno: syscall.EACCES}, {errno: syscall.EINVAL, log: "R2 bad\n"}},
			fmt.Sprintf("0 0, 1 %d", first), syscall.EINVAL, "R2 bad", true},
		{"refused without a log", 0, 0, []logAnswer{{errno: syscall.EPERM}, {errno: syscall.EPERM}},
			fmt.Sprintf("0 0, 1 %d", first), syscall.EPERM, "", true},
		{"partial log with EFAULT", 0, 0,
			[]logAnswer{{errno: syscall.EFAULT},
				{errno: syscall.EFAULT, log: "The sequence of 8193 jumps is too complex.\n"}},
			fmt.Sprintf("0 0, 1 %d", first), syscall.EFAULT, "8193 jumps", true},
		{"no room, doubled", 0, 0,
			[]logAnswer{{errno: syscall.EACCES}, {errno: syscall.ENOSPC, log: "R1"},
				{errno: syscall.ENOSPC, log: "R1"}, {errno: syscall.EACCES, log: "R1 bad\n"}},
			fmt.Sprintf("0 0, 1 %d, 1 %d, 1 %d", first, 2*first, 4*first), syscall.EACCES, "R1 bad",
			true},
		{"no room, the kernel says how much", 0, 0,
			[]logAnswer{{errno: syscall.EACCES}, {errno: syscall.ENOSPC, trueSize: 20 << 20},
				{errno: syscall.EACCES, log: "R1 bad\n"}},
			fmt.Sprintf("0 0, 1 %d, 1 %d", first, 20<<20+4096), syscall.EACCES, "R1 bad", true},
		{"a log of gigabytes, of which the end is enough", 0, 0,
			[]logAnswer{
				{errno: syscall.EACCES}, {errno: syscall.ENOSPC, trueSize: 2 << 30},
				{errno: syscall.ENOSPC, log: "R1 bad\n", trueSize: 2 << 30},
			},
			fmt.Sprintf("0 0, 1 %d, 1 %d", first, 64<<20), syscall.EACCES, "R1 bad", false},
		{"level of the caller", 2, 0, []logAnswer{{}}, fmt.Sprintf("2 %d", first), 0, "processed",
			true},
		{"level of the caller, refused", 2, 0,
			[]logAnswer{{errno: syscall.EACCES, log: "R1 bad\n"}}, fmt.Sprintf("2 %d", first),
			syscall.EACCES, "R1 bad", true},
		{"limited, fits", 0, 1000,
			[]logAnswer{{errno: syscall.EACCES}, {errno: syscall.EACCES, log: "R1 bad\n"}},
			"0 0, 1 1000", syscall.EACCES, "R1 bad", true},
		{"limited, no room: the refusal counts", 0, 1000,
			[]logAnswer{{errno: syscall.EACCES},
				{errno: syscall.ENOSPC, log: "R1", trueSize: 5000}},
			"0 0, 1 1000", syscall.EACCES, "R1", false},
		{"limited, no room at the caller's level", 1, 1000,
			[]logAnswer{{errno: syscall.ENOSPC, log: "R1"}}, "1 1000", syscall.ENOSPC, "R1", false},
		{"limited to less than kernels take", 0, 1,
			[]logAnswer{{errno: syscall.EACCES}, {errno: syscall.EACCES, log: "R1 bad\n"}},
			"0 0, 1 128", syscall.EACCES, "R1 bad", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := &logKernel{program: "count", script: c.script}
			defer funnel.Replace(calls)()
			obj, err := bpf.Load(only(open(t, "maps"), "count", "callee"),
				&bpf.LoadOptions{SkipPins: true, Kernel: k, LogLevel: c.level, LogSize: c.size})
			if got := strings.Join(calls.asked, ", "); got != c.asked {
				t.Errorf("asked %s, want %s", got, c.asked)
			}
			if c.want == 0 {
				if err != nil {
					t.Fatal(err)
				}
				defer obj.Close()
				if log := obj.Program("count").VerifierLog(); (log == "") != (c.text == "") ||
					!strings.Contains(log, c.text) {
					t.Errorf("log %.100q, want %q", log, c.text)
				}
				return
			}
			var e *bpf.VerifierError
			if !errors.Is(err, c.want) || errors.As(err, &e) != (c.text != "") {
				t.Fatalf("%T %v", err, err)
			}
			if e != nil && (!strings.Contains(e.Log, c.text) || e.Truncated == c.whole ||
				e.LogSize != c.script[len(c.script)-1].trueSize) {
				t.Errorf("log %q, truncated %v, size %d", e.Log, e.Truncated, e.LogSize)
			}
		})
	}
}

// TestLogSize limits the log of a program that the kernel refuses. The oracle is the kernel's own
// complete log, whose end (6.4) or beginning is kept.
func TestLogSize(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	refused := func(size uint32) *bpf.VerifierError {
		t.Helper()
		_, err := bpf.Load(only(open(t, "refused"), "null_pointer"),
			&bpf.LoadOptions{LogSize: size, LogLevel: 2})
		var e *bpf.VerifierError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		return e
	}
	whole, part := refused(0), refused(200)
	if whole.Truncated || len(whole.Log) < 400 || !part.Truncated ||
		!errors.Is(part, syscall.ENOSPC) || len(part.Log) > 200 || len(part.Log) < 150 {
		t.Fatalf("whole: %d bytes, truncated %v; part: %d bytes, truncated %v, %v", len(whole.Log),
			whole.Truncated, len(part.Log), part.Truncated, part)
	}
	if !strings.Contains(whole.Log, part.Log[:100]) { // the last line reports the time it took
		t.Errorf("%q is no part of %q", part.Log, whole.Log)
	}
	if part.LogSize != 0 && part.LogSize < uint32(len(whole.Log)) {
		t.Errorf("the whole log has %d bytes, the kernel says %d", len(whole.Log), part.LogSize)
	}
}

// TestRetriesAreTold: every retry is logged. The oracle is the script of the kernel's answers.
func TestRetriesAreTold(t *testing.T) {
	testkit.Root(t)
	k := kernel.Running()
	// probes the features
	obj, err := bpf.Load(only(open(t, "maps"), "count", "callee"),
		&bpf.LoadOptions{SkipPins: true, Kernel: k})
	if err != nil {
		t.Fatal(err)
	}
	obj.Close()
	logger, book := logBook()
	calls := &logKernel{program: "count",
		script: []logAnswer{{errno: syscall.EAGAIN}, {errno: syscall.ENOMEM},
			{errno: syscall.ENOSPC}, {}}}
	restore := funnel.Replace(calls)
	obj, err = bpf.Load(only(open(t, "maps"), "count", "callee"),
		&bpf.LoadOptions{SkipPins: true, Kernel: k, Logger: logger})
	restore()
	if err != nil {
		t.Fatal(err)
	}
	obj.Close()
	btfLoads := 0
	defer funnel.Replace(refusing{refuse: func(cmd uapi.Cmd, attr unsafe.Pointer) syscall.Errno {
		if cmd != uapi.CmdBTFLoad {
			return 0
		}
		if btfLoads++; btfLoads < 3 {
			return [...]syscall.Errno{syscall.ENOMEM, syscall.ENOSPC}[btfLoads-1]
		}
		return 0
	}})()
	obj, err = bpf.Load(only(open(t, "maps"), "callee"),
		&bpf.LoadOptions{SkipPins: true, Kernel: k, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	obj.Close()
	for _, want := range [][]string{
		{"EAGAIN", "program=count", "attempts=2"},
		{"verifier log", "program=count", "cannot allocate memory"},
		{"larger buffer", "program=count", "bytes=16777215", "next=33554430"},
		{"BTF", "with a log", "cannot allocate memory"},
		{"larger buffer", "object=maps bytes=16777215"},
	} {
		if !logged(book, append(want, "level=INFO")...) {
			t.Errorf("no line with %q in\n%s", want, book)
		}
	}
	if n := strings.Count(book.String(), "uploaded BTF"); n != 2 {
		t.Errorf("%d lines say that BTF was uploaded, want 2:\n%s", n, book)
	}
}

// shortRecords is a kernel whose line info records are 12 bytes long: it refuses longer ones unless
// the rest is zero.
type shortRecords struct {
	funnel.Kernel
	refused int
}

func (k *shortRecords) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdProgLoad {
		return k.Kernel.BPF(cmd, attr, size, common)
	}
	a := (*sys.ProgLoadAttr)(attr)
	records := unsafe.Slice((*byte)(a.LineInfo.Unsafe()), a.LineInfoCnt*a.LineInfoRecSize)
	for at := uint32(0); at < uint32(len(records)); at += a.LineInfoRecSize {
		for _, c := range records[at+12 : at+a.LineInfoRecSize] {
			if c != 0 {
				k.refused++
				a.LineInfoRecSize = 12
				return -1, syscall.E2BIG
			}
		}
	}
	return k.Kernel.BPF(cmd, attr, size, common)
}

// TestShortRecords: line info is sent again with the part zeroed that the kernel doesn't know
// (section 12 of libbpf's behaviour).
func TestShortRecords(t *testing.T) {
	testkit.Root(t)
	k := kernel.Running()
	load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true, Kernel: k}) // probes the features
	calls := new(shortRecords)
	defer funnel.Replace(calls)()
	obj, err := bpf.Load(open(t, "maps"), &bpf.LoadOptions{SkipPins: true, Kernel: k})
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	info, err := obj.Program("count").Info()
	if err != nil || info.NumLineInfo == 0 || calls.refused != 4 {
		t.Fatalf("%+v, refused %d loads of 4, %v", info, calls.refused, err)
	}
}
