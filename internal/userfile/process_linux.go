package userfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// processDir returns the directory of a process in /proc.
func processDir(pid int) string { return "/proc/" + strconv.Itoa(pid) }

// Mappings returns the code of files that a process has mapped. The error is ESRCH if there is no
// such process.
func Mappings(pid int) ([]Mapping, error) {
	file, err := os.Open(processDir(pid) + "/maps")
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: only its own user and CAP_SYS_PTRACE may look into a "+
			"process: run it with sudo", err)
	} else if err != nil {
		return nil, noProcess(pid, err)
	}
	defer file.Close()
	var list []Mapping
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m, ok := parseMapping(lines.Text()); ok {
			list = append(list, m)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, noProcess(pid, err)
	}
	return list, nil
}

// mapsTo reports whether the mapping is of that file.
func (m *Mapping) mapsTo(f *File) bool {
	info, err := f.file.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || uint64(stat.Ino) != m.inode {
		return false
	}
	if uint64(stat.Dev) == m.device {
		return true
	}
	// Some file systems use device numbers of their own. The kernel writes both paths in the same
	// way.
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.file.Fd())))
	return err == nil && path == m.Path
}

// lookup opens a program or library that a process has mapped, or could map, by its name without
// '/'. "libx.so.1" also matches "libx.so.1.2" if that is the only one, and then a library whose
// soname it is: its file may have another name, and the name may lead to a newer file now. A file
// that is not mapped is looked up in dirs below the process's root. The error is fs.ErrNotExist if
// it is not there either, EINVAL if several files with that name are mapped, and ESRCH if there is
// no such process. The caller closes the File.
func lookup(pid int, name string, dirs []string) (*File, error) {
	mappings, err := Mappings(pid)
	if err != nil {
		return nil, err
	}
	for _, is := range []func(*Mapping) bool{
		func(m *Mapping) bool { return m.name() == name },
		func(m *Mapping) bool { return isLibrary(name) && strings.HasPrefix(m.name(), name+".") },
		func(m *Mapping) bool { return isLibrary(name) && m.soname(pid) == name },
	} {
		var found []*Mapping
		for i := range mappings {
			m := &mappings[i]
			known := false
			for _, f := range found {
				known = known || f.device == m.device && f.inode == m.inode
			}
			if !known && is(m) {
				found = append(found, m)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return openMapped(pid, found[0])
		default:
			return nil, fmt.Errorf("process %d has mapped %s and %s: give a path: %w",
				pid, found[0].Path, found[1].Path, syscall.EINVAL)
		}
	}
	root := processDir(pid) + "/root"
	for _, dir := range dirs {
		f, err := openPath(root+dir+"/"+name, true)
		switch {
		case err == nil:
			return f.here(dir + "/" + name), nil
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) ||
			errors.Is(err, syscall.EINVAL):
		default:
			return nil, err
		}
	}
	return nil, fmt.Errorf("process %d has not mapped %s, and its root has none in %s: %w",
		pid, name, strings.Join(dirs, ", "), fs.ErrNotExist)
}

// soname returns the soname of the library that the process has mapped, "" if it cannot be opened.
func (m *Mapping) soname(pid int) string {
	f, err := openMapped(pid, m)
	if err != nil {
		return ""
	}
	defer f.Close()
	return f.soname()
}

// openMapped opens a file that a process has mapped, which may have lost its name since.
func openMapped(pid int, m *Mapping) (*File, error) {
	dir := processDir(pid)
	var denied error
	for _, path := range []string{
		fmt.Sprintf("%s/map_files/%x-%x", dir, m.Start, m.End), dir + "/root" + m.Path,
		dir + "/exe", m.Path,
	} {
		f, err := openPath(path, true)
		if err != nil {
			if denied == nil && errors.Is(err, fs.ErrPermission) {
				denied = err
			}
			continue
		}
		if m.mapsTo(f) {
			return f.here(m.Path), nil
		}
		f.Close()
	}
	err := fmt.Errorf("%s, which process %d has mapped, is no longer in its root by that name",
		m.Path, pid)
	if denied == nil {
		denied = fs.ErrNotExist
	}
	return nil, fmt.Errorf("%w: %w", err, denied)
}

// here changes the path of the file to another one if that names the same file for this process.
func (f *File) here(path string) *File {
	if f.isAt(path) {
		return &File{file: f.file, path: path}
	}
	return f
}

// checkProcess returns an error if path names another file for a process, which has mapped that one
// and not this: it has another root, and a probe of this file would never see it.
func (f *File) checkProcess(pid int) error {
	if f.foreign || !strings.HasPrefix(f.path, "/") {
		return nil
	}
	mappings, err := Mappings(pid)
	if err != nil {
		if errors.Is(err, syscall.ESRCH) {
			return err
		}
		return nil // without permission to look, the question stays open
	}
	path := processDir(pid) + "/root" + f.path
	theirs, err := openPath(path, false)
	if err != nil {
		return nil
	}
	defer theirs.Close()
	if f.same(theirs) {
		return nil
	}
	maps := false
	for i := range mappings {
		if mappings[i].mapsTo(f) {
			return nil
		}
		maps = maps || mappings[i].mapsTo(theirs)
	}
	if !maps {
		return nil
	}
	return fmt.Errorf("process %d lives in another root, where %s is another file: give %s: %w",
		pid, f.path, path, syscall.EINVAL)
}

func (f *File) same(other *File) bool {
	a, errA := f.file.Stat()
	b, errB := other.file.Stat()
	return errA == nil && errB == nil && os.SameFile(a, b)
}
