package testkit

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// DebianKernel is what a kernel package says about a kernel that is not running.
type DebianKernel struct {
	Release string // "6.1.0-56-cloud-amd64"
	Version uint32 // KERNEL_VERSION of the Debian version: 6.1.192
	BTF     []byte // .BTF of vmlinux
	Kconfig []byte
	modules string
}

// Debian reads the kernel that scripts/getkernel.sh unpacked from a meta package
// ("linux-image-cloud-amd64"). Without it the test skips, or fails with PUREBPF_TOOLS_REQUIRED=1.
func Debian(t testing.TB, meta string) DebianKernel {
	t.Helper()
	dir := filepath.Join(Cache(), "kernels", meta)
	images, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		missing(t, "PUREBPF_TOOLS_REQUIRED", "kernel %s is not unpacked (make kernels)", meta)
	}
	k := DebianKernel{Release: strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")}
	k.modules = filepath.Join(dir, "lib", "modules", k.Release)
	if k.Kconfig, err = os.ReadFile(filepath.Join(dir, "boot", "config-"+k.Release)); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(images[0])
	if err != nil {
		t.Fatal(err)
	}
	k.Version = debianVersion(t, image)
	kept := filepath.Join(dir, "vmlinux-"+k.Release+".btf")
	if k.BTF, err = os.ReadFile(kept); err == nil {
		return k
	}
	k.BTF = elfSection(t, unpackImage(t, image), ".BTF")
	if err := writeAtomic(kept, k.BTF); err != nil {
		t.Fatal(err)
	}
	return k
}

// ModuleBTF returns the .BTF section of a module, split over the kernel's BTF. ok is false if the
// kernel has no such module.
func (k DebianKernel) ModuleBTF(t testing.TB, name string) (data []byte, ok bool) {
	t.Helper()
	dep, err := os.ReadFile(filepath.Join(k.modules, "modules.dep"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(dep)) {
		file, _, _ := strings.Cut(line, ":")
		base := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".xz"), ".ko")
		if strings.ReplaceAll(base, "-", "_") != name {
			continue
		}
		path := filepath.Join(k.modules, file)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".xz") {
			raw = Run(t, "xz", "-dc", path)
		}
		return elfSection(t, raw, ".BTF"), true
	}
	return nil, false
}

// debianVersion finds "Debian 6.1.192-2" in the version string of a boot image.
func debianVersion(t testing.TB, image []byte) uint32 {
	t.Helper()
	if len(image) < 0x250 {
		t.Fatal("no boot image")
	}
	at := int(binary.LittleEndian.Uint16(image[0x20e:])) + 0x200
	text := string(image[at : at+bytes.IndexByte(image[at:], 0)])
	_, after, ok := strings.Cut(text, "Debian ")
	if !ok {
		t.Fatalf("no Debian version in %q", text)
	}
	var v [3]uint32
	i := 0
	for _, c := range []byte(after) {
		if c == '.' && i < 2 {
			i++
		} else if c >= '0' && c <= '9' {
			v[i] = v[i]*10 + uint32(c-'0')
		} else {
			break
		}
	}
	return v[0]<<16 | v[1]<<8 | min(v[2], 255)
}

// unpackImage returns the vmlinux in a boot image (Documentation/arch/x86/boot.rst).
func unpackImage(t testing.TB, image []byte) []byte {
	t.Helper()
	setup := int(image[0x1f1])
	off, size := binary.LittleEndian.Uint32(image[0x248:]),
		binary.LittleEndian.Uint32(image[0x24c:])
	start := (setup+1)*512 + int(off)
	payload := image[start : start+int(size)-4] // the size of vmlinux is at the end
	for _, p := range []struct{ magic, tool string }{
		{"\x02\x21\x4c\x18", "lz4"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"\xfd7zXZ", "xz"},
		{"\x1f\x8b", "gzip"},
	} {
		if !bytes.HasPrefix(payload, []byte(p.magic)) {
			continue
		}
		cmd := exec.Command(Tool(t, p.tool), "-dc")
		cmd.Stdin = bytes.NewReader(payload)
		out, err := cmd.Output()
		if len(out) == 0 {
			t.Fatalf("%s: %v", p.tool, err)
		}
		return out
	}
	t.Fatalf("vmlinux is packed in an unknown way: % x", payload[:8])
	return nil
}

func elfSection(t testing.TB, file []byte, name string) []byte {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	s := f.Section(name)
	if s == nil {
		t.Fatalf("no section %s", name)
	}
	data, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
