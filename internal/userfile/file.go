// Package userfile opens programs and libraries for probes in user space, finds functions and USDT
// probes in them, and says by which path the kernel finds the same file.
//
// A path means the file that is seen by the process that it goes through (/proc/PID/root/...) or
// that is to be probed. A path behind /proc/PID/root is in another file system tree: an absolute
// symbolic link in a container means a file of the container. But the kernel follows such a link in
// the tree of the calling process, so a probe meant for the container would be placed on the host's
// file. This package follows such links below the root that they are in, opens the file once, and
// passes it to the kernel by its descriptor.
//
// Package exe reads what is in a file. Offsets here are those that the kernel uses: for a member of
// an archive they are offsets in the archive, where package exe's are offsets in the member.
package userfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/exe"
	"github.com/purebpf/bpf/internal/pathname"
)

// File is an open program or library.
type File struct {
	file *os.File
	path string // for messages and, unless foreign, for the kernel
	// foreign means that the kernel would, or might, open another file by path: it must get the
	// descriptor.
	foreign bool
	base    uint64    // where the program or library starts in the file
	elf     *exe.File // nil if it was not read
}

// memberMark separates an archive from its member.
const memberMark = "!/"

// Open finds, opens and reads a program or library; pid is the process that is to be probed, 0 for
// all. name is a path, a name without '/' that is searched as the shell and the dynamic linker
// search, or "archive!/member" for an uncompressed member of a ZIP archive (an Android APK). With a
// pid, a name is searched in what that process has mapped and then in its root.
//
// The error wraps fs.ErrNotExist if there is no such file, EINVAL if it is no program or library,
// or if the process calls another file by that path, and ESRCH if there is no such process. The
// caller closes the File.
func Open(name string, pid int) (*File, error) {
	path, member, inArchive := strings.Cut(name, memberMark)
	f, err := find(path, pid, inArchive, true)
	if err != nil {
		return nil, err
	}
	if err := f.read(member, inArchive); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return f, nil
}

// OpenForOffsets is Open for probes that are placed by offsets alone: a file that is not an archive
// is not read, and this process needs no permission to read it.
func OpenForOffsets(name string, pid int) (*File, error) {
	if strings.Contains(name, memberMark) {
		return Open(name, pid)
	}
	return find(name, pid, false, false)
}

// find finds and opens a file. asIs means that name is a path even without '/'.
func find(name string, pid int, asIs, read bool) (*File, error) {
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return nil, fmt.Errorf("%q is no name of a program or library: %w", name, syscall.EINVAL)
	}
	if !asIs && !strings.Contains(name, "/") {
		if err := pathname.Check(name); err != nil {
			return nil, fmt.Errorf("%q is no name of a program or library: %w: %w",
				name, err, syscall.EINVAL)
		}
		if pid != 0 {
			return lookup(pid, name, places(name, true))
		}
	}
	path := name
	if !asIs {
		var err error
		if path, err = search(name); err != nil {
			return nil, err
		}
	}
	f, err := openPath(path, read)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there is no file %s: %w", path, err)
		}
		return nil, err
	}
	if pid != 0 {
		if err := f.checkProcess(pid); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// read reads the headers of the program or library.
func (f *File) read(member string, inArchive bool) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	at, length := int64(0), int64(size)
	if inArchive {
		if at, length, err = exe.Member(f, length, member); err != nil {
			return invalidFormat(err)
		}
		f.base = uint64(at)
	}
	f.elf, err = exe.Read(io.NewSectionReader(f, at, length), length)
	return invalidFormat(err)
}

// invalidFormat adds EINVAL to an error about the format of a file.
func invalidFormat(err error) error {
	var format *elf64.FormatError
	if errors.As(err, &format) {
		return fmt.Errorf("%w: %w", err, syscall.EINVAL)
	}
	return err
}

// Path returns the path of the file, for messages. The kernel may open another file by it.
func (f *File) Path() string { return f.path }

// Size returns the size of the file.
func (f *File) Size() (uint64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), nil
}

// ReadAt reads from the file.
func (f *File) ReadAt(b []byte, off int64) (int, error) { return f.file.ReadAt(b, off) }

// Close closes the file. f may be nil.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	return f.file.Close()
}

// Probe calls ask with a path by which the kernel finds the file; ask makes a probe of it. If
// listed, that is the path that the kernel will show, so it is the file's own, unless the kernel
// would find another file by that; the error is ESTALE if another file has taken the path
// meanwhile, and then what ask made is of the wrong file. If not listed, it is that of the
// descriptor.
func (f *File) Probe(listed bool, ask func(path string) error) error {
	if f.foreign || !listed {
		path, err := f.byDescriptor()
		if err == nil {
			return ask(path)
		}
		if f.foreign {
			return err
		}
	}
	err := ask(f.path)
	if err == nil && !f.isAt(f.path) {
		err = fmt.Errorf("another file has taken the place of %s meanwhile: %w",
			f.path, syscall.ESTALE)
	}
	return err
}

// byDescriptor returns a path by which the kernel finds the open file while it is open. The error
// says what /proc lacks.
func (f *File) byDescriptor() (string, error) {
	path := "/proc/self/fd/" + strconv.Itoa(int(f.file.Fd()))
	if f.isAt(path) {
		return path, nil
	}
	if _, err := os.Stat("/proc/self"); err != nil {
		return "", fmt.Errorf("the kernel opens the file only by %s: mount -t proc proc /proc: %w",
			path, err)
	}
	return "", fmt.Errorf("the kernel opens the file only by %s, which is another file: %w",
		path, syscall.EBADF)
}

// isAt reports whether path names this file.
func (f *File) isAt(path string) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	opened, err := f.file.Stat()
	return err == nil && os.SameFile(now, opened)
}

// soname returns the dynamic linker's name for the library, "" if it has none.
func (f *File) soname() string {
	size, err := f.Size()
	if err != nil {
		return ""
	}
	elf, err := exe.Read(f, int64(size))
	if err != nil {
		return ""
	}
	return elf.Soname()
}
