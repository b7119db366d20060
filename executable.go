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
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/pathname"
	"github.com/purebpf/bpf/internal/procfile"
)

// # Programs and libraries on disk
//
// Probes in user space name a file. A name without '/' is searched as the shell and the dynamic linker would: libraries (".so" at the
// end, or ".so." inside) in $LD_LIBRARY_PATH, /usr/lib64, /usr/lib and the distribution's folder for this processor; programs in $PATH,
// /usr/bin and /usr/sbin. "archive!/member" is an uncompressed member of a ZIP archive (an Android APK): the kernel is given the
// archive, and offsets are moved to where the member is.

//
// A probe of one process means what that process sees: a name is searched in what it has mapped and then in its root. What is behind
// /proc/PID/root is found as that process finds it (package procfile). A file is opened once, and the kernel probes what was opened.

// executable is a file that probes attach to.
type executable struct {
	file *procfile.File
	base uint64 // where in it the program or library starts
	elf  *exe.File
}

// memberMark separates an archive from its member.
const memberMark = "!/"

// openExecutable finds, opens and reads a program or library, that of process pid unless it is 0. The caller closes it.
func openExecutable(name string, pid int) (*executable, error) {
	path, member, inArchive := strings.Cut(name, memberMark)
	e, err := openProbed(path, pid, inArchive, true)
	if err != nil {
		return nil, err
	}
	if err := e.read(member, inArchive); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), e.Close())
	}
	return e, nil
}

// openProbed finds and opens a file, to be read or for the kernel alone. asIs says that name is a path, though it may have no '/'.
func openProbed(name string, pid int, asIs, read bool) (*executable, error) {
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return nil, fmt.Errorf("%q is no name of a program or library: %w", name, syscall.EINVAL)
	}
	if !asIs && !strings.Contains(name, "/") {
		if err := pathname.Check(name); err != nil {
			return nil, fmt.Errorf("%q is no name of a program or library: %w: %w", name, err, syscall.EINVAL)
		}
	}
	if pid != 0 && !asIs && !strings.Contains(name, "/") {
		file, err := procfile.Lookup(pid, name, searchPlaces(name, true), soname)
		if err != nil {
			return nil, err
		}
		return &executable{file: file}, nil
	}
	path := name
	if !asIs {
		var err error
		if path, err = searchExecutable(name); err != nil {
			return nil, err
		}
	}
	file, err := procfile.Open(path, read)
	if err != nil {
		if errors.Is(err, ErrNotExist) {
			err = fmt.Errorf("there is no file %s: %w", path, err)
		}
		return nil, err
	}
	if pid != 0 {
		if err := file.CheckProcess(pid); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return &executable{file: file}, nil
}

func (e *executable) read(member string, inArchive bool) error {
	info, err := e.file.Stat()
	if err != nil {
		return err
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

// soname is what the dynamic linker calls the library in a file.
func soname(file *procfile.File) string {
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	f, err := exe.Read(file, info.Size())
	if err != nil {
		return ""
	}
	return f.Soname()
}

// probe has the kernel make a probe of the file by a path. Where that is what the kernel will list, it is told the file's own, and
// afterwards that must still mean the file that was opened. Otherwise, and where its own would mean another one, it is told the
// descriptor.
func (e *executable) probe(listed bool, ask func(path string) error) error {
	if e.file.Foreign || !listed {
		path, err := e.file.ByDescriptor()
		if err == nil {
			return ask(path)
		}
		if e.file.Foreign {
			return err
		}
	}
	err := ask(e.file.Path)
	if err == nil && !e.file.Same() {
		err = fmt.Errorf("another file has taken the place of %s meanwhile: %w", e.file.Path, syscall.ESTALE)
	}
	return err
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

// Close closes the file; nil has none.
func (e *executable) Close() error {
	if e == nil {
		return nil
	}
	return e.file.Close()
}

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

// checkOffsets refuses offsets in the program or library that are known to be inside instructions.
// What can't be read is left to the kernel.
func (e *executable) checkOffsets(offsets ...uint64) error {
	f := e.elf
	if f == nil {
		info, err := e.file.Stat()
		if err != nil {
			return nil
		}
		if f, err = exe.Read(e, info.Size()); err != nil {
			return nil
		}
	}
	if err := f.CheckOffsets(offsets...); err != nil {
		return fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return nil
}

// match returns where the functions start that match a pattern. ErrNotExist if none does.
func (e *executable) match(pattern string) ([]uint64, error) {
	if !glob.HasWildcard(pattern) {
		offsets, err := e.elf.Named(pattern)
		if err != nil {
			return nil, e.invalidSymbol(err)
		}
		return e.moved(offsets), nil
	}
	offsets, err := e.elf.Match(func(name []byte) bool { return glob.Match(pattern, name) })
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

// searchExecutable finds a program or library of this process's by its name. A name with '/' is a path already.
func searchExecutable(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	places := searchPlaces(name, false)
	for _, dir := range places {
		path := filepath.Join(dir, name)
		if mayUse(path, !procfile.IsLibrary(name)) {
			return path, nil
		}
	}
	kind, list := "program", "$PATH, /usr/bin, /usr/sbin"
	if procfile.IsLibrary(name) {
		kind, list = "library", "$LD_LIBRARY_PATH, /usr/lib64, /usr/lib, "+multiarch()
	}
	near := nearest.To(name)
	for _, dir := range places {
		files, _ := os.ReadDir(dir) // for the hint alone
		for _, f := range files {
			near.Offer([]byte(f.Name()))
		}
	}
	return "", near.AddTo(fmt.Errorf("there is no %s %s in %s: %w", kind, name, list, ErrNotExist))
}

// searchPlaces lists the folders in which a program or library is searched by its name, in the root of another process or here.
func searchPlaces(name string, elsewhere bool) []string {
	variable, dirs, more := "PATH", []string{"/usr/bin", "/usr/sbin"}, []string{"/usr/local/bin", "/bin", "/sbin"}
	if procfile.IsLibrary(name) {
		variable, dirs, more = "LD_LIBRARY_PATH", []string{"/usr/lib64", "/usr/lib", multiarch()}, []string{"/lib64", "/lib"}
	}
	if elsewhere { // with other settings, and maybe without links from /bin to /usr/bin
		return append(dirs, more...)
	}
	var set []string
	for _, dir := range filepath.SplitList(os.Getenv(variable)) {
		if dir != "" {
			set = append(set, dir)
		}
	}
	return append(set, dirs...)
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
