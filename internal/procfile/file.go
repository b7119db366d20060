// Package procfile opens programs and libraries for probes, as seen by the processes that a path
// goes through or that are to be probed.
//
// A path behind /proc/PID/root is in another file system tree: an absolute symbolic link in a
// container means a file of the container. But the kernel follows such a link in the tree of the
// calling process, so a probe meant for the container would be placed on the host's file. This
// package follows such links below the root that they are in, and passes the opened file to the
// kernel by its descriptor.
package procfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// File is an open program or library.
type File struct {
	*os.File
	Path string // for messages and, unless Foreign, for the kernel
	// Foreign means that the kernel would, or might, open another file by Path: it must get the
	// descriptor.
	Foreign bool
}

// Same reports whether Path still names this file.
func (f *File) Same() bool {
	now, err := os.Stat(f.Path)
	if err != nil {
		return false
	}
	opened, err := f.Stat()
	return err == nil && os.SameFile(now, opened)
}

// ByDescriptor returns a path by which the kernel finds the open file while it is open. The error
// says what /proc lacks.
func (f *File) ByDescriptor() (string, error) {
	path := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	by := File{File: f.File, Path: path}
	if by.Same() {
		return path, nil
	}
	if _, err := os.Stat("/proc/self"); err != nil {
		return "", fmt.Errorf("the kernel opens the file only by %s: mount -t proc proc /proc: %w",
			path, err)
	}
	return "", fmt.Errorf("the kernel opens the file only by %s, which is another file: %w",
		path, syscall.EBADF)
}

// Mapping is a part of a file that a process has mapped as code.
type Mapping struct {
	Start, End, Offset uint64
	Path               string // in terms of this process, for which it may be another file
	device, inode      uint64
}

// deleted is the suffix that the kernel adds to the path of a file without a name.
const deleted = " (deleted)"

// name returns the last part of the path.
func (m *Mapping) name() string { return filepath.Base(strings.TrimSuffix(m.Path, deleted)) }

// parseMapping parses a line of /proc/PID/maps; ok is false if it is not code of a file.
func parseMapping(line string) (m Mapping, ok bool) {
	// start-end rwxp offset device inode   path
	at := strings.IndexByte(line, '/')
	if at < 0 {
		return m, false
	}
	fields := strings.Fields(line[:at])
	if len(fields) != 5 || !strings.Contains(fields[1], "x") {
		return m, false
	}
	start, end, _ := strings.Cut(fields[0], "-")
	major, minor, _ := strings.Cut(fields[3], ":")
	ok = true
	number := func(text string, base int) uint64 {
		n, err := strconv.ParseUint(text, base, 64)
		ok = ok && err == nil
		return n
	}
	m = Mapping{Start: number(start, 16), End: number(end, 16), Offset: number(fields[2], 16),
		Path:   line[at:],
		device: device(number(major, 16), number(minor, 16)), inode: number(fields[4], 10)}
	return m, ok && m.End > m.Start
}

// IsLibrary reports whether a name is that of a library rather than a program.
func IsLibrary(name string) bool {
	return strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
}

// noProcess converts the error of a /proc file to ESRCH if the process has ended.
func noProcess(pid int, err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("there is no process %d: %w", pid, err)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, statErr := os.Stat("/proc/self"); statErr != nil {
		return fmt.Errorf("there is no /proc to look into process %d: mount -t proc proc /proc: %w",
			pid, statErr)
	}
	// A process that has ended remains until its parent has waited for it.
	status, statusErr := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(statusErr, fs.ErrNotExist) || errors.Is(statusErr, syscall.ESRCH) {
		return fmt.Errorf("there is no process %d: %w", pid, syscall.ESRCH)
	}
	if _, state, ok := strings.Cut(string(status[strings.LastIndexByte(string(status), ')')+1:]),
		" "); ok &&
		strings.HasPrefix(state, "Z") {
		return fmt.Errorf("process %d has ended: %w", pid, syscall.ESRCH)
	}
	return err
}
