//go:build linux

package kernel

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle is bpftool, which reads the same file.
func TestVmlinuxBTF(t *testing.T) {
	spec, err := Running().BTF()
	if errors.Is(err, fs.ErrNotExist) {
		testkit.Skip(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(testkit.Tool(t, "bpftool"), "btf", "dump", "file",
		"/sys/kernel/btf/vmlinux").Output()
	if err != nil {
		t.Fatal(err)
	}
	types := 0
	for line := range bytes.Lines(out) {
		if line[0] == '[' {
			types++
		}
	}
	if int(spec.Len()) != types+1 {
		t.Errorf("%d types, bpftool has %d", spec.Len()-1, types)
	}
	again, err := Running().BTF()
	if again != spec || err != nil {
		t.Error("another view has another BTF")
	}
}

// noMmap is a kernel that cannot map sysfs files (before 6.16).
type noMmap struct{ funnel.Kernel }

func (noMmap) Mmap(unsafe.Pointer, uintptr, int, int, int, int64) (unsafe.Pointer, syscall.Errno) {
	return nil, syscall.ENODEV
}

func TestReadWhereItCannotBeMapped(t *testing.T) {
	path := sysfsBTF + "vmlinux"
	want, err := os.ReadFile(path)
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	mapped, err := mapFile(path)
	if err != nil || !bytes.Equal(mapped, want) {
		t.Errorf("mapped: %d bytes, %v", len(mapped), err)
	}
	defer funnel.Replace(noMmap{})()
	read, err := mapFile(path)
	if err != nil || !bytes.Equal(read, want) {
		t.Errorf("read: %d bytes, %v", len(read), err)
	}
}

// smallBTF returns BTF with one named int, so that tests can tell where BTF came from.
func smallBTF(name string) string {
	return string(rawBTF([]uint32{1, kindInt, 4, signedInt32}, "\x00"+name+"\x00"))
}

func nameOfFirst(t *testing.T, f *Facts) string {
	t.Helper()
	spec, err := f.BTF()
	if err != nil {
		return "error: " + err.Error()
	}
	first, _ := spec.Type(1)
	return first.Name()
}

// The oracle is libbpf's list of places and its rule that the kernel's own BTF, if there, is the
// only one tried (libbpf-behaviour 9.2).
func TestVmlinuxPlaces(t *testing.T) {
	r := testkit.KernelRelease()
	places := []string{
		"sys/kernel/btf/vmlinux", "boot/vmlinux-" + r, "lib/modules/" + r + "/vmlinux-" + r,
		"lib/modules/" + r + "/build/vmlinux",
		"usr/lib/modules/" + r + "/kernel/vmlinux", "usr/lib/debug/boot/vmlinux-" + r,
		"usr/lib/debug/boot/vmlinux-" + r + ".debug",
		"usr/lib/debug/lib/modules/" + r + "/vmlinux",
	}
	for i := range places {
		files := map[string]string{}
		for j, path := range places[i:] {
			files[path] = smallBTF("from_" + string(rune('a'+i+j)))
		}
		if got, want := nameOfFirst(t, fakeRoot(t, files)), "from_"+
			string(rune('a'+i)); got != want {
			t.Errorf("%s is there: %q", places[i], got)
		}
	}
	broken := fakeRoot(t, map[string]string{places[0]: "no BTF at all, and longer than a header",
		places[1]: smallBTF("x")})
	if _, err := broken.BTF(); err == nil ||
		!strings.Contains(err.Error(), "/sys/kernel/btf/vmlinux") ||
		errors.Is(err, fs.ErrNotExist) {
		t.Errorf("broken BTF: %v", err)
	}
	if _, err := fakeRoot(t, nil).BTF(); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), r) {
		t.Errorf("none: %v", err)
	}
	// An unusable image does not hide a later one.
	damaged := map[string]string{places[1]: "no BTF at all, and longer than a header",
		places[3]: "\x7fELF", places[5]: smallBTF("good")}
	if got := nameOfFirst(t, fakeRoot(t, damaged)); got != "good" {
		t.Errorf("after damaged images: %q", got)
	}
	delete(damaged, places[5])
	if _, err := fakeRoot(t, damaged).BTF(); err == nil || errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), places[1]) ||
		!strings.Contains(err.Error(), places[3]) || strings.Contains(err.Error(), "\n") {
		t.Errorf("damaged images only: %v", err)
	}
	empty := fakeRoot(t, map[string]string{places[0]: ""})
	if _, err := empty.BTF(); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty BTF: %v", err)
	}
}

// An object that clang compiled from C stands for a vmlinux image: BTF in an ELF section.
// llvm-objcopy extracts the section.
func TestVmlinuxImage(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "image.c")
	if err := os.WriteFile(source,
		[]byte("struct in_the_image { int a; } x;\nint f(struct in_the_image *p) { return p->a; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	object := filepath.Join(dir, "image.o")
	if out, err := exec.Command(testkit.Tool(t, "clang-19"), "-target", "bpf", "-g", "-O1", "-c",
		source, "-o", object).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	image, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	stripped := filepath.Join(dir, "stripped.o")
	if out, err := exec.Command(testkit.Tool(t, "llvm-objcopy-19"), "--remove-section=.BTF", object,
		stripped).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	without, err := os.ReadFile(stripped)
	if err != nil {
		t.Fatal(err)
	}
	r := testkit.KernelRelease()
	f := fakeRoot(t, map[string]string{"boot/vmlinux-" + r: string(without), "lib/modules/" + r +
		"/build/vmlinux": string(image)})
	spec, err := f.BTF()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := spec.FindByName("in_the_image", btf.KindStruct); !ok {
		t.Error("another BTF was found")
	}
}

func BenchmarkVmlinuxBTF(b *testing.B) {
	for b.Loop() {
		s := &shared{}
		if _, err := view(s).BTF(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReadBTF reads the BTF of an object. The oracle is llvm-objcopy, which dumps the section.
func TestReadBTF(t *testing.T) {
	object := testkit.Compile(t, "struct s { int a; }; struct s s;")
	want := filepath.Join(t.TempDir(), "btf")
	testkit.Run(t, "llvm-objcopy-19", "--dump-section", ".BTF="+want, object,
		filepath.Join(t.TempDir(), "copy"))
	section, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{object, want} {
		if raw, err := ReadBTF(path); err != nil || !bytes.Equal(raw, section) {
			t.Errorf("%s: %d bytes, %v; llvm-objcopy has %d", path, len(raw), err, len(section))
		}
	}
	if _, err := ReadBTF(os.DevNull); !errors.Is(err, io.ErrUnexpectedEOF) ||
		!strings.Contains(err.Error(), "too short for BTF") {
		t.Error(err)
	}
	if _, err := ReadBTF("/proc/self/exe"); !errors.Is(err, ErrNoBTF) {
		t.Errorf("a Go program: %v", err)
	}
}
