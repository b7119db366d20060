package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"runtime"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/magic"
	"github.com/purebpf/bpf/sys"
)

// sysfsBTF is where a kernel with CONFIG_DEBUG_INFO_BTF shows its BTF (5.4).
const sysfsBTF = "/sys/kernel/btf/"

// vmlinuxPaths are where distributions keep vmlinux images with BTF, in libbpf's order; %s is the
// release.
var vmlinuxPaths = [...]string{
	"/boot/vmlinux-%s",
	"/lib/modules/%s/vmlinux-%s",
	"/lib/modules/%s/build/vmlinux",
	"/usr/lib/modules/%s/kernel/vmlinux",
	"/usr/lib/debug/boot/vmlinux-%s",
	"/usr/lib/debug/boot/vmlinux-%s.debug",
	"/usr/lib/debug/lib/modules/%s/vmlinux",
}

// BTF returns the BTF of vmlinux (libbpf btf__load_vmlinux_btf), parsed once per process:
// /sys/kernel/btf/vmlinux, mapped if the kernel allows (6.16), else read; if it does not exist, the
// first vmlinux image in the usual places whose BTF can be read. It stays mapped as long as the
// process lives. If the kernel's own BTF exists but is unusable, BTF returns that error and tries
// no other place. The error wraps fs.ErrNotExist if there is no BTF anywhere, and names every image
// that could not be used.
func (f *Facts) BTF() (*btf.Spec, error) {
	return f.shared.vmlinux.get(func() (*btf.Spec,
		error) {
		return loadVmlinux(f.shared.root, f.Release())
	})
}

func loadVmlinux(root, release string) (*btf.Spec, error) {
	if runtime.GOOS != "linux" && root == "" {
		return nil, ErrNotLinux
	}
	path := root + sysfsBTF + "vmlinux"
	raw, err := mapFile(path)
	if err == nil {
		spec, err := btf.Parse(raw, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return spec, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("kernel BTF: %w", err)
	}
	var unusable error
	for _, pattern := range vmlinuxPaths {
		path := root + replaceRelease(pattern, release)
		spec, err := ReadSpec(path, nil)
		switch {
		case err == nil:
			return spec, nil
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrNoBTF):
		case unusable == nil:
			unusable = err
		default:
			unusable = fmt.Errorf("%w; %w", unusable, err)
		}
	}
	if unusable != nil {
		return nil, fmt.Errorf(
			"this kernel (%s) has no %svmlinux (CONFIG_DEBUG_INFO_BTF), and no vmlinux image "+
				"with BTF can be used: %w", release, sysfsBTF, unusable)
	}
	return nil, fmt.Errorf(
		"this kernel (%s) has no BTF: neither %svmlinux (CONFIG_DEBUG_INFO_BTF) nor a vmlinux "+
			"image with BTF in /boot or /lib/modules: %w",
		release, sysfsBTF, fs.ErrNotExist)
}

func replaceRelease(pattern, release string) string {
	var b []byte
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '%' {
			b = append(b, release...)
			i++
			continue
		}
		b = append(b, pattern[i])
	}
	return string(b)
}

// ErrNoBTF is the error for an ELF file without a .BTF section.
var ErrNoBTF = errors.New("no .BTF section")

// ReadBTF reads the BTF in a file: raw, as in /sys/kernel/btf, or from the .BTF section of an ELF
// file such as a vmlinux image, a module or a BPF object; either may be compressed with gzip. The
// result can be passed to btf.Parse (together libbpf btf__parse, or btf__parse_split for a module)
// and to facts.Recording. ReadBTF works on any OS. It refuses more than 256 MiB of BTF, and FIFOs,
// devices and directories. If the file is something else, the error says what it is; it wraps
// ErrNoBTF if an ELF file has no BTF.
func ReadBTF(path string) ([]byte, error) {
	sections, err := readSections(path)
	return sections.btf, err
}

// ReadSpec is ReadBTF that also parses what it read (libbpf btf__parse, btf__parse_split). base is
// nil except for split BTF. A file with a distilled base, .BTF.base, needs none: without one, the
// result is split over the distilled base; with one, it is put over base (see btf.Spec.Relocate).
func ReadSpec(path string, base *btf.Spec) (*btf.Spec, error) {
	sections, err := readSections(path)
	if err != nil {
		return nil, err
	}
	spec, err := sections.parse(base)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return spec, nil
}

// btfSections are the parts of a file that are BTF.
type btfSections struct {
	btf, base []byte // .BTF and .BTF.base, nil if absent
	elf       bool
}

func (s btfSections) parse(base *btf.Spec) (*btf.Spec, error) {
	under := base
	if s.base != nil {
		distilled, err := btf.Parse(s.base, nil)
		if err != nil {
			return nil, fmt.Errorf("distilled base, .BTF.base: %w", err)
		}
		under = distilled
	}
	spec, err := btf.Parse(s.btf, under)
	if err == nil && s.base != nil && base != nil {
		spec, err = spec.Relocate(base)
	}
	if err != nil {
		return nil, err
	}
	if s.elf {
		spec.SetPointerSize(8) // elf64 reads no others
	}
	return spec, nil
}

func readSections(path string) (btfSections, error) {
	file, err := input.OpenStored(path, input.MaxBTF)
	if err != nil {
		return btfSections{}, err
	}
	defer file.Close()
	head, err := file.Head()
	if err != nil {
		return btfSections{}, fmt.Errorf("%s: %w", path, err)
	}
	if magic.IsGzip(head) {
		inside, err := file.UnpackedHead()
		if err != nil {
			return btfSections{}, fmt.Errorf("%s: %w", path, err)
		}
		if what := magic.BTF(inside); what != "" {
			return btfSections{}, fmt.Errorf("%s: unpacked it is neither BTF nor ELF but %s", path,
				what)
		}
		raw, err := input.ReadUnpacked(path, input.MaxBTF)
		if err != nil {
			return btfSections{}, err
		}
		return btfIn(bytes.NewReader(raw), int64(len(raw)), raw[:min(len(raw), magic.HeadSize)],
			path)
	}
	return btfIn(file, file.Size(), head, path)
}

// btfIn reads the BTF in size bytes that begin with head.
func btfIn(r io.ReaderAt, size int64, head []byte, path string) (btfSections, error) {
	if len(head) < 4 {
		return btfSections{}, fmt.Errorf("%s: too short for BTF: %w", path, io.ErrUnexpectedEOF)
	}
	if what := magic.BTF(head); what != "" {
		return btfSections{}, fmt.Errorf("%s: neither BTF nor ELF but %s", path, what)
	}
	if string(head[:4]) != "\x7fELF" {
		raw, err := input.ReadAll(io.NewSectionReader(r, 0, math.MaxInt64), size, path,
			input.MaxBTF)
		return btfSections{btf: raw}, err
	}
	elf, err := elf64.Read(r, size)
	if err != nil {
		return btfSections{}, fmt.Errorf("%s: %w", path, err)
	}
	sections := btfSections{elf: true}
	if sections.btf, err = elfBTF(elf, ".BTF", path); err != nil {
		return btfSections{}, err
	}
	if sections.btf == nil {
		return btfSections{}, fmt.Errorf("%s: %w", path, ErrNoBTF)
	}
	if sections.base, err = elfBTF(elf, ".BTF.base", path); err != nil {
		return btfSections{}, err
	}
	return sections, nil
}

// elfBTF returns a copy of a section, nil if there is none.
func elfBTF(elf *elf64.File, name, path string) ([]byte, error) {
	section := elf.SectionByName(name)
	if section == nil {
		return nil, nil
	}
	if section.Size > input.MaxBTF {
		return nil, fmt.Errorf("%s: %d bytes of BTF, more than the limit of %d MiB: %w",
			path, section.Size, input.MaxBTF>>20, syscall.EFBIG)
	}
	data, err := elf.Data(section)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return append([]byte{}, data...), nil
}

// mapFile returns the content of a file of sysfs: mapped if the kernel can, else read. sysfs
// returns at most a page per read, whatever the size of the buffer, but the size of the file is
// known, so no byte is copied twice.
func mapFile(path string) ([]byte, error) {
	file, err := sys.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size := file.Size()
	if size <= 0 || size > 1<<31 {
		return nil, fmt.Errorf("%s has %d bytes", path, size)
	}
	// The mapping must be private: sysfs refuses shared ones.
	if raw, err := sys.Mmap(file.Int(), 0, int(size), sys.ProtRead, sys.MapPrivate); err == nil {
		return raw, nil
	}
	raw := make([]byte, size)
	if n, err := file.ReadAt(raw, 0); err != nil {
		return nil, fmt.Errorf("%s: %d of %d bytes: %w", path, n, size, err)
	}
	return raw, nil
}
