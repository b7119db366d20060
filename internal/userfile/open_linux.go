package userfile

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/denied"
)

// maxLinks is the number of symbolic links that the kernel follows in one path.
const maxLinks = 40

// openPath opens the file at path. Symbolic links behind a link of /proc to another process's root,
// directory or file (/proc/PID/root, cwd, exe, fd/N, map_files/...) are followed in that process's
// root. If read is false, openPath also opens a file without read permission, for the kernel only.
// It refuses directories, pipes and devices with EINVAL. The caller closes the File.
func openPath(name string, read bool) (*File, error) {
	w := walk{left: slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool {
		return s == ""
	})}
	defer w.close()
	fd, err := w.open(name)
	if err == nil {
		defer unix.Close(fd)
	}
	switch {
	case !w.crossed:
		// It is an ordinary path: the kernel opens it, and reports errors.
		f, err := openRegular(name, name, read)
		return f, w.explain(err)
	case err != nil:
		return nil, w.explain(&os.PathError{Op: "open", Path: name,
			Err: denied.Explain(name, denied.Reach, err)})
	}
	f, err := openRegular("/proc/self/fd/"+strconv.Itoa(fd), name, read)
	if err != nil {
		return nil, err
	}
	f.foreign = true
	return f, nil
}

// openRegular opens the file at path; name is for errors.
func openRegular(path, name string, read bool) (*File, error) {
	// A FIFO would block, a device may do anything.
	flags := unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := retry(func() (int, error) { return unix.Open(path, flags, 0) })
	if err == unix.EACCES && !read {
		fd, err = retry(func() (int, error) {
			return unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		})
	}
	if err != nil {
		need := denied.Reach
		if read {
			need = denied.Read
		}
		return nil, &os.PathError{Op: "open", Path: name, Err: denied.Explain(path, need, err)}
	}
	f := &File{file: os.NewFile(uintptr(fd), name), path: name}
	info, err := f.file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file: %w", name, syscall.EINVAL)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		if fd, err := call(); err != unix.EINTR {
			return fd, err
		}
	}
}

// walk follows a path, one name at a time.
type walk struct {
	root    int      // start of absolute links
	dirs    []step   // from the root, or another starting directory, to the current one
	left    []string // names still to follow
	links   int
	crossed bool   // it has followed a link of /proc to something of a process
	process string // that process, as /proc names it
	alone   bool   // without the kernel's openat2
}

// step is a directory, and the name by which it was reached.
type step struct {
	fd   int
	name string
}

func (w *walk) close() {
	w.start()
	if w.root > 0 {
		unix.Close(w.root)
	}
}

// start makes dirs start again.
func (w *walk) start(dirs ...step) {
	for _, d := range w.dirs {
		unix.Close(d.fd)
	}
	w.dirs = dirs
}

// open returns a descriptor of the file that the path leads to (O_PATH).
func (w *walk) open(name string) (int, error) {
	root, err := openat(unix.AT_FDCWD, "/", unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	w.root = root
	at := "."
	if strings.HasPrefix(name, "/") {
		at = "/"
	}
	fd, err := openat(unix.AT_FDCWD, at, unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	w.start(step{fd, ""})
	for len(w.left) > 0 {
		if fd, done, err := w.next(); done || err != nil {
			return fd, err
		}
	}
	return -1, unix.EISDIR
}

func openat(dir int, name string, flags int) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat(dir, name, flags|unix.O_PATH|unix.O_CLOEXEC, 0)
	})
}

// next follows the next name. done reports that the path ends there.
func (w *walk) next() (fd int, done bool, err error) {
	name := w.left[0]
	w.left = w.left[1:]
	here := w.dirs[len(w.dirs)-1].fd
	switch {
	case name == ".":
		return -1, false, nil
	case name == ".." && len(w.dirs) > 1:
		w.dirs = w.dirs[:len(w.dirs)-1]
		return -1, false, unix.Close(here)
	case name == ".." && sameInode(here, w.root):
		return -1, false, nil // the parent of a root is the root
	case name == "..":
		if fd, err = openat(here, name, unix.O_DIRECTORY); err == nil {
			w.start(step{fd, name})
		}
		return -1, false, err
	}
	if fd, err = openat(here, name, unix.O_NOFOLLOW); err != nil {
		if err == unix.ENOENT && !w.crossed && onProc(here) {
			w.process = name
		}
		return -1, false, err
	}
	var info unix.Stat_t
	if err = unix.Fstat(fd, &info); err != nil {
		unix.Close(fd)
		return -1, false, err
	}
	if info.Mode&unix.S_IFMT != unix.S_IFLNK {
		if len(w.left) == 0 {
			return fd, true, nil
		}
		if info.Mode&unix.S_IFMT != unix.S_IFDIR {
			unix.Close(fd)
			return -1, false, unix.ENOTDIR
		}
		w.dirs = append(w.dirs, step{fd, name})
		return -1, false, nil
	}
	defer unix.Close(fd)
	if w.links++; w.links > maxLinks {
		return -1, false, unix.ELOOP
	}
	if process := w.processOf(name); process >= 0 {
		return w.cross(w.dirs[process], name)
	}
	if w.crossed && (name == "self" || name == "thread-self") && onProc(here) {
		return -1, false, fmt.Errorf(
			"it leads through %s in /proc, which is this process and not the one "+
				"whose root it is: %w", name, unix.EXDEV)
	}
	text, err := readlink(fd)
	if err != nil {
		return -1, false, err
	}
	return -1, false, w.follow(text)
}

// follow continues with the text of a symbolic link.
func (w *walk) follow(text string) error {
	if strings.HasPrefix(text, "/") {
		fd, err := openat(w.root, ".", unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		w.start(step{fd, ""})
	}
	names := slices.DeleteFunc(strings.Split(text, "/"), func(s string) bool { return s == "" })
	w.left = append(names, w.left...)
	return nil
}

func sameInode(a, b int) bool {
	var infoA, infoB unix.Stat_t
	return unix.Fstat(a, &infoA) == nil && unix.Fstat(b, &infoB) == nil && infoA.Dev == infoB.Dev &&
		infoA.Ino == infoB.Ino
}

func readlink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// processOf returns the index in dirs of the process's directory if name is one of the links in it
// that lead to a file of the process and not where their text says; -1 for any other link.
func (w *walk) processOf(name string) int {
	last := len(w.dirs) - 1
	switch name {
	case "root", "cwd", "exe":
	default:
		switch w.dirs[last].name {
		case "fd", "map_files":
			last--
		default:
			return -1
		}
	}
	if last < 0 || !onProc(w.dirs[last].fd) {
		return -1
	}
	// Only processes have a status; /proc/self is a link to one.
	status, err := openat(w.dirs[last].fd, "status", unix.O_NOFOLLOW)
	if err != nil {
		return -1
	}
	unix.Close(status)
	return last
}

func onProc(fd int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(fd, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// cross continues behind a link in a process's directory in /proc.
func (w *walk) cross(process step, name string) (fd int, done bool, err error) {
	if w.process = process.name; w.crossed {
		w.process = "" // as named in a container
	}
	w.crossed = true
	if fd, err = openat(w.dirs[len(w.dirs)-1].fd, name, 0); err != nil || len(w.left) == 0 {
		return fd, err == nil, err
	}
	root, err := openat(process.fd, "root", unix.O_DIRECTORY)
	if err != nil {
		unix.Close(fd)
		return -1, false, err
	}
	unix.Close(w.root)
	w.root = root
	w.start(step{fd, ""})
	if w.alone || name != "root" {
		return -1, false, nil
	}
	// The kernel can stay below a root (5.6). Cases that it does not support, or not for links of
	// /proc, are handled here.
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err = retry(func() (int, error) {
		return unix.Openat2(root, strings.Join(w.left, "/"), &how)
	})
	switch err {
	case nil:
		return fd, true, nil
	case unix.ENOENT, unix.ENOTDIR, unix.EACCES:
		return -1, false, err
	}
	return -1, false, nil
}

// explain adds to the error about a missing file whether the process exists.
func (w *walk) explain(err error) error {
	pid, numberErr := strconv.Atoi(w.process)
	if err == nil || numberErr != nil {
		return err
	}
	return noProcess(pid, err)
}

func device(major, minor uint64) uint64 { return unix.Mkdev(uint32(major), uint32(minor)) }
