package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/perfbuf"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/ringbuf"
	"github.com/purebpf/bpf/uapi"
)

// ringless is this kernel as if it had no ring buffers.
type ringless struct{ *kernel.Facts }

func (k ringless) HasMapType(t uapi.MapType) (bool, error) {
	if t == uapi.MapRingBuf {
		return false, nil
	}
	return k.Facts.HasMapType(t)
}

func openAlternatives(t *testing.T, path string) *object.Object {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := bpf.Open(testkit.Compile(t, string(source)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// watchers returns the alternatives of testdata/alternatives.bpf.c that this kernel supports, the
// preferred one first. Oracles are its configuration, and whether it lets anybody load LSM
// programs: some kernels refuse them, and fentry with them, even to root.
func watchers(t *testing.T) (names []string) {
	t.Helper()
	k := kernel.Running()
	text, err := k.Kconfig()
	if err != nil {
		t.Fatalf("the kernel's configuration: %v", err)
	}
	configured := func(option string) bool {
		return bytes.Contains(text, []byte("\n"+option+"=y\n"))
	}
	_, btfErr := os.Stat("/sys/kernel/btf/vmlinux")
	if lsm, err := k.HasProgType(uapi.ProgLSM); err == nil && lsm && btfErr == nil &&
		configured("CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS") {
		names = append(names, "watch___fentry")
	}
	if configured("CONFIG_KPROBE_EVENTS") {
		names = append(names, "watch___kprobe")
	}
	return append(names, "watch___tp")
}

// Oracle: the record that testdata/alternatives.bpf.c sends for the getpriority(2) that this test
// calls, through the chosen buffer: it has the number of the chosen program.
func TestAlternatives(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	const path = "../../testdata/alternatives.bpf.c"
	numbers := map[string]uint32{"watch___fentry": 1, "watch___kprobe": 2, "watch___tp": 3}
	have := watchers(t)
	t.Logf("this kernel has %v", have)
	for i, program := range have {
		for _, row := range []struct {
			buffer string
			kernel facts.Kernel
		}{{"events___ring", kernel.Running()}, {"events___perf", ringless{kernel.Running()}}} {
			t.Run(program+" "+row.buffer, func(t *testing.T) {
				o := openAlternatives(t, path)
				groups := preflight.Groups(o)
				for j := range groups {
					// Without the better ones, which the kernel supports too.
					groups[j].Programs = slices.DeleteFunc(groups[j].Programs,
						func(p *object.Program) bool {
							return slices.Contains(have[:i], p.Name)
						})
				}
				choices, err := preflight.Choose(o, row.kernel, groups)
				if err != nil {
					t.Fatal(err)
				}
				var chosen []string
				for _, c := range choices {
					chosen = append(chosen, c.Chosen)
				}
				slices.Sort(chosen)
				if !slices.Equal(chosen, []string{row.buffer, program}) {
					t.Fatalf("chosen: %v", choices)
				}
				if got := watched(t, o, row.buffer, program); got != numbers[program] {
					t.Errorf("the record is of program %d, not %d (%s)",
						got, numbers[program], program)
				}
			})
		}
	}
}

// watched loads and attaches the choice and returns the record that a system call caused.
func watched(t *testing.T, o *object.Object, buffer, program string) (number uint32) {
	t.Helper()
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	for _, p := range obj.Programs() {
		if p.Loaded() != (p.Name() == program) {
			t.Errorf("%s: loaded %v", p.Name(), p.Loaded())
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := obj.Variable("only_tid").Set(uint32(unix.Gettid())); err != nil {
		t.Fatal(err)
	}
	var records [][]byte
	poll := openBuffer(t, obj.Map(buffer), func(data []byte) {
		records = append(records, slices.Clone(data))
	})
	links, err := obj.Attach()
	if err != nil || len(links) != 1 {
		t.Fatalf("attached %v, %v", links, err)
	}
	if _, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience(5*time.Second))
	defer cancel()
	for len(records) == 0 {
		if err := poll(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if len(records) != 1 || len(records[0]) < 4 {
		t.Fatalf("records %x", records)
	}
	return binary.NativeEndian.Uint32(records[0])
}

// openBuffer opens a ring or perf buffer until the test ends.
func openBuffer(t *testing.T, m *bpf.Map, each func([]byte)) (poll func(context.Context) error) {
	t.Helper()
	if m.Type() == uapi.MapRingBuf {
		r, err := ringbuf.NewReader(m, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return func(ctx context.Context) error {
			_, err := r.Poll(ctx, func(record ringbuf.Record) error {
				each(record.Data)
				return nil
			})
			return err
		}
	}
	r, err := perfbuf.NewReader(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return func(ctx context.Context) error {
		_, err := r.Poll(ctx, func(record perfbuf.Record) error { each(record.Data); return nil })
		return err
	}
}

// Oracle: the kernel, which accepts the choice from the object that preflight's tests choose from;
// it has neither the first map nor the first program, and would refuse both.
func TestAlternativesLoad(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	const path = "../../preflight/testdata/alternatives.bpf.c"
	o := openAlternatives(t, path)
	if _, err := preflight.Choose(o, kernel.Running(), nil); err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	seen := 0
	poll := openBuffer(t, obj.Map("events___ring"), func(data []byte) {
		if len(data) == 8 && binary.NativeEndian.Uint64(data) > 0 {
			seen++
		}
	})
	if links, err := obj.Attach(); err != nil || len(links) != 1 ||
		links[0].Name() != "watch___good" {
		t.Fatalf("attached %v, %v", links, err)
	}
	syscall.Getppid()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience(5*time.Second))
	defer cancel()
	if err := poll(ctx); err != nil || seen == 0 {
		t.Errorf("%d records, %v", seen, err)
	}

	// The kernel refuses what was not chosen.
	o = openAlternatives(t, path)
	o.Map("events___perf").Autocreate, o.Map("events___ring").Autocreate = false, false
	if _, err := bpf.Load(o, nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a map of a type that no kernel has: %v", err)
	}
}
