//go:build amd64

package include_test

import (
	"bytes"
	"debug/elf"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

// A program reads and writes bit-fields of a struct that another compilation laid out otherwise.
// Oracle: clang, which wrote that struct's value before and after, and the values in its source.
func TestFamilyBitfield(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "5.14") // programs of type syscall
	source, err := os.ReadFile("testdata/bitfield_kernel.c")
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(testkit.Compile(t, string(source)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := f.Section(".BTF").Data()
	if err != nil {
		t.Fatal(err)
	}
	types, err := btf.Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	before, after := elfObject(t, f, "before"), elfObject(t, f, "after")

	o, err := bpf.Open(compileWithHeaders(t, "bitfield.bpf.c", "-nostdlibinc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, &bpf.LoadOptions{CustomBTF: types})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	defer obj.Close()
	const behind = "not of it"
	context := append(bytes.Clone(before), behind...)
	context = append(context, make([]byte, 4096-len(context))...)
	if _, err := obj.Program("bits").Run(&bpf.RunOptions{Context: context}); err != nil {
		t.Fatal(err)
	}
	if want := append(after, behind[:8]...); !bytes.Equal(context[:len(want)], want) {
		t.Errorf("the program wrote\n% x, clang\n% x", context[:len(want)], want)
	}
	was := [9]int64{5, 9, 1, -200, 0, 0x9876543210, 0xabcdef, -12345, -7}
	is := [9]int64{2, 14, 0, -3, 1, 0x123456789a, 0x765432, 12345, 77}
	for name, want := range map[string][9]int64{"direct": was, "probed": was, "again": is} {
		if got := variable[[9]int64](t, obj, name); got != want {
			t.Errorf("%s: the program read %d instead of %d", name, got, want)
		}
	}
}

// elfObject returns the bytes of a variable.
func elfObject(t *testing.T, f *elf.File, name string) []byte {
	t.Helper()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == name {
			data, err := f.Sections[s.Section].Data()
			if err != nil {
				t.Fatal(err)
			}
			return data[s.Value : s.Value+s.Size]
		}
	}
	t.Fatalf("no variable %s", name)
	return nil
}

// Programs read a bit-field of the kernel's memory that a system call sets. Oracle: sched_getattr(2).
func TestFamilyTaskBits(t *testing.T) {
	for _, x := range []struct{ section, program, variable string }{
		{"raw_tp/sys_enter", "bits_probed", "bits_probed_seen"},
		{"tp_btf/sys_enter", "bits_direct", "bits_direct_seen"},
	} {
		t.Run(x.program, func(t *testing.T) {
			obj := family(t, x.section, x.program)
			// What the system call sets is the thread's.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if _, err := obj.Attach(); err != nil {
				t.Fatal(err)
			}
			attr, err := unix.SchedGetAttr(0, 0)
			if err != nil {
				t.Fatal(err)
			}
			old := *attr
			defer unix.SchedSetAttr(0, &old, 0)
			for _, flag := range []uint64{unix.SCHED_FLAG_RESET_ON_FORK, 0} {
				attr.Flags = flag
				if err := unix.SchedSetAttr(0, attr, 0); err != nil {
					t.Fatal(err)
				}
				now, err := unix.SchedGetAttr(0, 0)
				if err != nil {
					t.Fatal(err)
				}
				lseek(t)
				if got := variable[uint64](t, obj, x.variable); got != now.Flags&1 {
					t.Errorf("sched_reset_on_fork is %d instead of %d", got, now.Flags&1)
				}
			}
		})
	}
}
