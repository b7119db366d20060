package e2e

import (
	"github.com/purebpf/bpf"

	"debug/elf"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/testkit"
)

// userHit is struct hit of testdata/uprobe.bpf.c.
type userHit struct{ Count, Cookie, IP, Cookies uint64 }

// uprobes skips on a kernel that was built without uprobes.
func uprobes(t testing.TB) {
	t.Helper()
	testkit.Root(t)
	testkit.PatchedCode(t)
	if !configured(t, "CONFIG_UPROBE_EVENTS") {
		testkit.Skip(t, "the kernel was built without CONFIG_UPROBE_EVENTS")
	}
}

// uprobeObject loads the named programs of testdata/uprobe.bpf.o, which count the actions of
// process pid.
func uprobeObject(t testing.TB, pid int, names ...string) *bpf.Object {
	t.Helper()
	uprobes(t)
	obj := load(t, only(open(t, "uprobe"), names...), nil)
	if err := obj.Variable("only_pid").Set(uint32(pid)); err != nil {
		t.Fatal(err)
	}
	return obj
}

func userHitOf(t testing.TB, obj *bpf.Object, program string) *userHit {
	t.Helper()
	h, err := bpf.VarOf[userHit](obj.Variable(program + "_hit"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestUprobe attaches to functions of a C program by name, offset and return, and in every mode.
// The oracle is how often the program calls them: add_numbers twice for each line, once through
// add_more.
func TestUprobe(t *testing.T) {
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "entry", "leave", "sleepy")
	at := symbolOffset(t, v.path, "add_numbers")
	for _, c := range []struct {
		name, program, symbol string
		o                     bpf.UprobeOptions
		want, cookie          uint64
	}{
		{"by name", "entry", "add_numbers", bpf.UprobeOptions{Cookie: 7}, 2, 7},
		{"once", "entry", "add_more", bpf.UprobeOptions{}, 1, 0},
		{"of the symbol table", "entry", "add_hidden", bpf.UprobeOptions{}, 1, 0},
		{"weak", "entry", "add_weak", bpf.UprobeOptions{}, 1, 0},
		{"by offset", "entry", "", bpf.UprobeOptions{Offset: at}, 2, 0},
		{"return", "leave", "add_numbers", bpf.UprobeOptions{Return: true, Cookie: 1 << 63}, 2,
			1 << 63},
		{"sleepable", "sleepy", "add_numbers", bpf.UprobeOptions{}, 2, 0},
		{"this process", "entry", "add_numbers", bpf.UprobeOptions{PID: v.pid}, 2, 0},
		{"another process", "entry", "add_numbers", bpf.UprobeOptions{PID: os.Getpid()}, 0, 0},
		{"link", "entry", "add_numbers", bpf.UprobeOptions{Mode: bpf.ProbeLink, Cookie: 8}, 2, 8},
		{"perf", "entry", "add_numbers", bpf.UprobeOptions{Mode: bpf.ProbePerf}, 2, 0},
		{"legacy", "entry", "add_numbers", bpf.UprobeOptions{Mode: bpf.ProbeLegacy}, 2, 0},
		{"legacy return", "leave", "add_numbers",
			bpf.UprobeOptions{Mode: bpf.ProbeLegacy, Return: true},
			2, 0},
		{"legacy, this process", "entry", "add_numbers",
			bpf.UprobeOptions{Mode: bpf.ProbeLegacy, PID: v.pid}, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := userHitOf(t, obj, c.program)
			*h = userHit{}
			l, err := obj.Program(c.program).AttachUprobe(v.path, c.symbol, &c.o)
			if err != nil {
				t.Fatal(err)
			}
			v.run(t, 3)
			if h.Count != 3*c.want || c.want > 0 && h.Cookie != c.cookie {
				t.Errorf("ran %d times with cookie %#x, want %d and %#x",
					h.Count, h.Cookie, 3*c.want, c.cookie)
			}
			closeLink(t, l)
			*h = userHit{}
			v.run(t, 1)
			if h.Count != 0 {
				t.Error("it runs after it was detached")
			}
		})
	}
	if left, err := probe.Leftovers(testkit.Tracefs(t), probe.ProcessExists); err != nil ||
		len(left) > 0 {
		t.Errorf("events left in tracefs: %v, %v", left, err)
	}
	text, err := os.ReadFile(testkit.Tracefs(t) + "/uprobe_events")
	if err != nil || strings.Contains(string(text), fmt.Sprintf("purebpf_%d_", os.Getpid())) {
		t.Errorf("uprobe_events: %v\n%s", err, text)
	}
}

// TestUprobeOffset attaches to the second instruction of a function. The oracle is the address that
// the program sees, which is the address that the file is linked to; kernels before 6.7 don't
// report it.
func TestUprobeOffset(t *testing.T) {
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "entry")
	h := userHitOf(t, obj, "entry")
	var ip [2]uint64
	// The first instruction of add_hidden: a nop, or the addition.
	size := map[string]uint64{"amd64": 1, "arm64": 4, "s390x": 4, "riscv64": 2}[runtime.GOARCH]
	for i := range ip {
		offset := uint64(i) * size
		l, err := obj.Program("entry").AttachUprobe(v.path, "add_hidden",
			&bpf.UprobeOptions{Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		*h = userHit{}
		if v.run(t, 1); h.Count != 1 {
			t.Errorf("offset %d: ran %d times", offset, h.Count)
		}
		ip[i] = h.IP
		closeLink(t, l)
	}
	if old := ip == [2]uint64{}; old {
		if release := testkit.KernelRelease(); !strings.HasPrefix(release, "6.1.") {
			t.Errorf("kernel %s doesn't tell the address", release)
		}
	} else if ip[1] != ip[0]+size {
		t.Errorf("it ran at %#x", ip)
	}
}

// TestUprobeCounter makes the kernel increment a counter in the program while a probe exists. The
// oracle is the value that the program reads.
func TestUprobeCounter(t *testing.T) {
	v := startVictim(t, target(t))
	obj := uprobeObject(t, v.pid, "entry")
	counter := symbolOffset(t, v.path, "counted_here")
	for _, mode := range []bpf.ProbeMode{bpf.ProbeDefault, bpf.ProbeLegacy} {
		if _, n := v.run(t, 1); n != 0 {
			t.Fatalf("the counter is %d before", n)
		}
		l, err := obj.Program("entry").AttachUprobe(v.path, "add_numbers",
			&bpf.UprobeOptions{RefCtrOffset: counter, Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if _, n := v.run(t, 1); n != 1 {
			t.Errorf("mode %v: the counter is %d", mode, n)
		}
		closeLink(t, l)
		if _, n := v.run(t, 1); n != 0 {
			t.Errorf("mode %v: the counter is %d afterwards", mode, n)
		}
	}
}

// lonely is a function of Go's own binary to attach to.
//
//go:noinline
func lonely(n int) int { return n * 3 }

// TestUprobeGo attaches to a function of this very test binary. The oracle is how often it is
// called.
func TestUprobeGo(t *testing.T) {
	obj := uprobeObject(t, os.Getpid(), "entry")
	h := userHitOf(t, obj, "entry")
	const symbol = "github.com/purebpf/bpf.lonely"
	l, err := obj.Program("entry").AttachUprobe("/proc/self/exe", symbol,
		&bpf.UprobeOptions{PID: os.Getpid()})
	// linked without symbols (-s), as for test machines
	if err != nil && errors.Is(err, bpf.ErrNotExist) {
		f := runtime.FuncForPC(reflect.ValueOf(lonely).Pointer())
		l, err = obj.Program("entry").AttachUprobe(
			"/proc/self/exe", "", &bpf.UprobeOptions{Offset: codeOffset(t, uint64(f.Entry()))})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, l)
	for i := range 5 {
		if got := lonely(i); got != 3*i {
			t.Errorf("lonely(%d) = %d", i, got)
		}
	}
	if h.Count != 5 {
		t.Errorf("5 calls, ran %d times", h.Count)
	}
}

// codeOffset returns the offset of an address in this program's file.
func codeOffset(t testing.TB, address uint64) uint64 {
	t.Helper()
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && address >= p.Vaddr && address < p.Vaddr+p.Filesz {
			return address - p.Vaddr + p.Off
		}
	}
	t.Fatalf("%#x is nowhere in this program", address)
	return 0
}

// TestUprobeLibraryAuto attaches by section to a function of the C library, which is found by its
// name. The oracle is how often the program calls it.
func TestUprobeLibraryAuto(t *testing.T) {
	libc(t)
	v := startVictim(t, testkit.Native(t, caller, "-ldl"))
	want := []string{"auto_entry", "auto_leave", "auto_offset"}
	multi := []string{"auto_many", "auto_many_leave", "auto_session"}
	bare := []string{"entry", "leave", "sleepy", "many", "many_leave", "session"}
	obj := uprobeObject(t, v.pid, append(append(want, multi...), bare...)...)
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 6 || len(obj.NotAttached()) < len(bare) {
		t.Errorf("attached %v, not attached %v", links, obj.NotAttached())
	}
	v.run(t, 3)
	for name, n := range map[string]uint64{"auto_entry": 3, "auto_leave": 3, "auto_offset": 3,
		"auto_many": 3, "auto_many_leave": 3, "auto_session": 6} {
		if h := userHitOf(t, obj, name); h.Count != n {
			t.Errorf("%s ran %d times, want %d", name, h.Count, n)
		}
	}
	if err := links.Close(); err != nil {
		t.Error(err)
	}
}

// TestUprobeVersions attaches to versions of a function, in a library with and without its symbol
// table. The oracle is readelf's view of the library, that run_all calls each function once, and
// the linker's rules for versions.
func TestUprobeVersions(t *testing.T) {
	for _, flags := range [][]string{nil, {"-s"}} {
		lib := library(t, flags...)
		v := startVictim(t, testkit.Native(t, caller, "-ldl"), lib)
		obj := uprobeObject(t, v.pid, "entry")
		h := userHitOf(t, obj, "entry")
		for _, symbol := range []string{"versioned", "versioned@LIB_1.0", "versioned@@LIB_2.0",
			"versioned@LIB_2.0", "plain", "plain_alias", "plain@@LIB_2.0", "plain_weak"} {
			l, err := obj.Program("entry").AttachUprobe(lib, symbol, nil)
			if err != nil {
				t.Error(err)
				continue
			}
			*h = userHit{}
			v.run(t, 2)
			if h.Count != 2 {
				t.Errorf("%s ran %d times", symbol, h.Count)
			}
			closeLink(t, l)
		}
		for _, c := range []struct {
			symbol string
			err    error
			text   string
		}{
			{"versioned@LIB_3.0", bpf.ErrNotExist, "versioned@@LIB_2.0"},
			{"picked", bpf.ErrNotExist, "IFUNC"},
			{"plainn", bpf.ErrNotExist, "near: plain"},
		} {
			_, err := obj.Program("entry").AttachUprobe(lib, c.symbol, nil)
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", c.symbol, err)
			}
		}
	}
}
