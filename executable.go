package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/exe"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/pathname"
)

// # Programs and libraries on disk
//
// Probes in user space name a file. A name without '/' is searched as the shell and the dynamic linker would: libraries (".so" at the
// end, or ".so." inside) in $LD_LIBRARY_PATH, /usr/lib64, /usr/lib and the distribution's folder for this processor; programs in $PATH,
// /usr/bin and /usr/sbin. "archive!/member" is an uncompressed member of a ZIP archive (an Android APK): the kernel is given the
// archive, and offsets are moved to where the member is.

// executable is a file that probes attach to.
type executable struct {
	path string // what the kernel opens
	base uint64 // where in it the program or library starts
	file *os.File
	elf  *exe.File
}

// memberMark separates an archive from its member.
const memberMark = "!/"

// openExecutable finds and opens a program or library. The caller closes it.
func openExecutable(name string) (*executable, error) {
	path, member, inArchive := strings.Cut(name, memberMark)
	if !inArchive {
		var err error
		if path, err = searchExecutable(path); err != nil {
			return nil, err
		}
	}
	// A FIFO would block, a device may do anything.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	e := &executable{path: path, file: file}
	if err := e.read(member, inArchive); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
	}
	return e, nil
}

func (e *executable) read(member string, inArchive bool) error {
	info, err := e.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a regular file: %w", syscall.EINVAL)
	}
	size := info.Size()
	if inArchive {
		var at int64
		if at, size, err = exe.Member(e.file, size, member); err != nil {
			return invalidFormat(err)
		}
		e.base = uint64(at)
	}
	e.elf, err = exe.Read(e, size)
	return invalidFormat(err)
}

// invalidFormat makes EINVAL of what is wrong with a file.
func invalidFormat(err error) error {
	var format *elf64.FormatError
	if errors.As(err, &format) {
		return fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return err
}

// ReadAt reads from the program or library.
func (e *executable) ReadAt(b []byte, off int64) (int, error) {
	return e.file.ReadAt(b, off+int64(e.base))
}

func (e *executable) Close() error { return e.file.Close() }

// function returns where a function starts, as the kernel wants it.
func (e *executable) function(symbol string) (uint64, error) {
	offset, err := e.elf.Function(symbol)
	if err != nil {
		return 0, e.invalidSymbol(err)
	}
	return offset + e.base, nil
}

// functions is function for many.
func (e *executable) functions(symbols []string) ([]uint64, error) {
	offsets, err := e.elf.Functions(symbols)
	if err != nil {
		return nil, e.invalidSymbol(err)
	}
	return e.moved(offsets), nil
}

// match returns where the functions start that match a pattern. ErrNotExist if none does.
func (e *executable) match(pattern string) ([]uint64, error) {
	if !hasWildcard(pattern) {
		offsets, err := e.elf.Named(pattern)
		if err != nil {
			return nil, e.invalidSymbol(err)
		}
		return e.moved(offsets), nil
	}
	offsets, err := e.elf.Match(func(name []byte) bool { return globMatch(pattern, name) })
	if err != nil {
		return nil, invalidFormat(err)
	}
	if len(offsets) == 0 {
		return nil, fmt.Errorf("no function matches: %w", ErrNotExist)
	}
	return e.moved(offsets), nil
}

// moved makes offsets in the archive of offsets in its member.
func (e *executable) moved(offsets []uint64) []uint64 {
	for i := range offsets {
		offsets[i] += e.base
	}
	return offsets
}

// invalidSymbol makes EINVAL of a name that means several functions, and proposes near names for one that means none.
func (e *executable) invalidSymbol(err error) error {
	var ambiguous *exe.AmbiguousError
	var missing *exe.MissingError
	switch {
	case errors.As(err, &ambiguous):
		return fmt.Errorf("%w: %w", err, syscall.EINVAL)
	case errors.As(err, &missing) && !missing.Known:
		return e.withNear(err, missing.Name)
	}
	return invalidFormat(err)
}

// withNear adds to an error about a function that isn't there what near names there are.
func (e *executable) withNear(err error, symbol string) error {
	near := nearest.To(symbol)
	if eachErr := e.elf.EachFunction(near.Offer); eachErr != nil {
		return err
	}
	return near.AddTo(err)
}

// searchExecutable finds a program or library by its name. A name with '/' is a path already.
func searchExecutable(name string) (string, error) {
	if strings.Contains(name, "/") && strings.IndexByte(name, 0) < 0 {
		return name, nil
	}
	if err := pathname.Check(name); err != nil {
		return "", fmt.Errorf("%q is no name of a program or library: %w: %w", name, err, syscall.EINVAL)
	}
	library := strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
	places := [...]string{os.Getenv("PATH"), "/usr/bin:/usr/sbin", ""}
	if library {
		places = [...]string{os.Getenv("LD_LIBRARY_PATH"), "/usr/lib64:/usr/lib", multiarch()}
	}
	for _, list := range places {
		for _, dir := range filepath.SplitList(list) {
			if dir == "" {
				continue
			}
			path := filepath.Join(dir, name)
			if mayUse(path, !library) {
				return path, nil
			}
		}
	}
	if library {
		return "", fmt.Errorf("there is no library %s in $LD_LIBRARY_PATH, %s, %s: %w", name, places[1], places[2], ErrNotExist)
	}
	return "", fmt.Errorf("there is no program %s in $PATH, %s: %w", name, places[1], ErrNotExist)
}

// multiarch is the folder of this processor's libraries in Debian and what descends from it.
func multiarch() string {
	for _, m := range [...]struct{ arch, triple string }{
		{"amd64", "x86_64-linux-gnu"}, {"386", "i386-linux-gnu"}, {"arm64", "aarch64-linux-gnu"}, {"arm", "arm-linux-gnueabihf"},
		{"s390x", "s390x-linux-gnu"}, {"riscv64", "riscv64-linux-gnu"}, {"ppc64le", "powerpc64le-linux-gnu"},
		{"ppc64", "powerpc64-linux-gnu"}, {"loong64", "loongarch64-linux-gnu"}, {"mips64le", "mips64el-linux-gnuabi64"},
	} {
		if m.arch == runtime.GOARCH {
			return "/lib/" + m.triple
		}
	}
	return "/lib"
}
