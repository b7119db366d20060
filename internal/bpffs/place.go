// Package bpffs pins and opens maps, programs and links on BPF file systems. A place is a name in a
// directory that is held open by a descriptor, so that a symlink created between two steps changes
// nothing.
package bpffs

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/denied"
	"github.com/purebpf/bpf/sys"
)

// Place is a name in a directory under which something is or will be pinned. The directory need not
// exist yet.
type Place struct {
	path string
	dir  *sys.FD // nil while it does not exist
	name string  // in dir

	inode uint64 // of the pin made by Pin

	// parent and base belong to a directory that Pin made.
	parent *sys.FD
	base   string
}

// At opens the directory of path if it exists. It creates nothing. The caller closes the Place.
func At(path string) (*Place, error) {
	dir, name := split(path)
	switch {
	case strings.IndexByte(path, 0) >= 0:
		return nil, fmt.Errorf("the path contains a NUL: %w", syscall.EINVAL)
	case name == "" || name == "." || name == "..":
		return nil, fmt.Errorf("the path does not end in a name for a pin: %w", syscall.EINVAL)
	}
	p := &Place{path: path, name: name}
	var err error
	if p.dir, err = openDir(nil, dir); err != nil && !errors.Is(err, syscall.ENOENT) {
		return nil, Explain(path, &fs.PathError{Op: "open", Path: dir, Err: err})
	}
	return p, nil
}

// split splits a path before its last element. Unlike path.Clean, it keeps the meaning of paths
// with symlinks.
func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	dir, name = path[:i+1], path[i+1:]
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	if dir == "" {
		dir = "."
	}
	return dir, name
}

// Get opens the object pinned at the place. The error is ENOENT if there is none. The caller closes
// the FD.
func (p *Place) Get() (*sys.FD, error) {
	if p.dir.Int() < 0 {
		return nil, syscall.ENOENT
	}
	fd, err := sys.ObjGetAt(p.dir.Int(), p.name, 0)
	if err == syscall.EINVAL { // no directories for BPF_OBJ_GET before 6.5
		fd, err = sys.ObjGet(p.byProc(), 0)
	}
	if err != nil {
		return nil, Explain(p.path, err)
	}
	return fd, nil
}

// Pin pins a map, program or link at the place. It creates the directory if needed, but not that
// directory's parent, as libbpf does (make_parent_dir). The error is EEXIST if something is pinned
// there, and EINVAL if the directory is not on a BPF file system. If Pin fails it leaves nothing
// behind.
func (p *Place) Pin(fd int) error {
	if fd < 0 {
		return syscall.EBADF
	}
	for tries := 0; ; tries++ {
		made, err := p.ensureDir()
		if err == nil {
			err = p.pin(fd)
		}
		if err != nil && made {
			p.removeDir()
		}
		if err != syscall.ENOENT || made || tries == maxTries {
			return err
		}
		p.dir.Close() // another process that created the directory has removed it
		p.dir = nil
	}
}

// maxTries limits how often a directory may vanish between two calls.
const maxTries = 16

func (p *Place) pin(fd int) error {
	if err := require(p.dir, dirOf(p.path)); err != nil {
		return err
	}
	err := sys.ObjPinAt(fd, p.dir.Int(), p.name, 0)
	if err == syscall.EINVAL { // no directories for BPF_OBJ_PIN before 6.5
		err = sys.ObjPin(fd, p.byProc(), 0)
	}
	if err == nil {
		p.inode = inode(p.dir, p.name)
	}
	return Explain(p.path, err)
}

// byProc returns a path to the place through the descriptor, or the path that it was opened by if
// there is no /proc.
func (p *Place) byProc() string {
	dir := "/proc/self/fd/" + strconv.Itoa(p.dir.Int())
	if !exists(dir) {
		return p.path
	}
	return dir + "/" + p.name
}

// Unpin removes the pin, and the directory if Pin created it and it is empty. If another pin has
// replaced the one that Pin made, Unpin leaves it and returns ESTALE.
func (p *Place) Unpin() error {
	if p.dir.Int() < 0 {
		return syscall.ENOENT
	}
	if err := require(p.dir, dirOf(p.path)); err != nil {
		return err
	}
	if now := inode(p.dir, p.name); p.inode != 0 && now != 0 && now != p.inode {
		return fmt.Errorf("another pin has replaced it: %w", syscall.ESTALE)
	}
	if err := unlink(p.dir, p.name, false); err != nil {
		return Explain(p.path, err)
	}
	p.removeDir()
	return nil
}

// Close closes the directory. Pins stay.
func (p *Place) Close() error {
	return errors.Join(p.dir.Close(), p.parent.Close())
}

// ensureDir opens the directory, and creates it if needed.
func (p *Place) ensureDir() (made bool, err error) {
	if p.dir.Int() >= 0 {
		return false, nil
	}
	dir := dirOf(p.path)
	if p.dir, err = openDir(nil, dir); err == nil {
		return false, nil // another process created it meanwhile
	} else if !errors.Is(err, syscall.ENOENT) {
		return false, Explain(p.path, &fs.PathError{Op: "open", Path: dir, Err: err})
	}
	above, base := split(dir)
	parent, err := openDir(nil, above)
	if errors.Is(err, syscall.ENOENT) {
		return false, fmt.Errorf(
			"there is no directory %s, and only the last directory of a path is created: %w",
			missing(above), err)
	}
	if err != nil {
		return false, Explain(p.path, &fs.PathError{Op: "open", Path: above, Err: err})
	}
	keep := false
	defer func() {
		if !keep {
			parent.Close()
		}
	}()
	if err := require(parent, above); err != nil {
		return false, err
	}
	err = makeDir(parent, base)
	made = err == nil
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return false, Explain(p.path, &fs.PathError{Op: "mkdir", Path: dir, Err: err})
	}
	if made {
		p.parent, p.base, keep = parent, base, true
	}
	if p.dir, err = openDir(parent, base); err != nil {
		if made {
			p.removeDir()
		}
		return false, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	return made, nil
}

// removeDir removes the directory if ensureDir created it and it is empty. If it is not empty,
// others use it too.
func (p *Place) removeDir() {
	if p.parent.Int() < 0 {
		return
	}
	if unlink(p.parent, p.base, true) == nil {
		p.dir.Close()
		p.dir = nil
	}
	p.parent.Close()
	p.parent = nil
}

func dirOf(path string) string {
	dir, _ := split(path)
	return dir
}

// missing returns the first directory of a path that does not exist.
func missing(dir string) string {
	for {
		above, name := split(dir)
		if above == dir || name == "" || exists(above) {
			return dir
		}
		dir = above
	}
}

// Explain adds the reason to the kernel's error about path: which part of the path refuses this
// process (EACCES), or that BPF file systems refuse every name with a dot (EPERM).
func Explain(path string, err error) error {
	if errors.Is(err, syscall.EACCES) {
		return denied.Explain(path, denied.Read|denied.Write, err)
	}
	if !errors.Is(err, syscall.EPERM) {
		return err
	}
	for end := 0; end < len(path); end++ {
		start := end
		for end < len(path) && path[end] != '/' {
			end++
		}
		name := path[start:end]
		if name == "." || name == ".." || !strings.Contains(name, ".") {
			continue
		}
		above := strings.TrimRight(path[:start], "/")
		switch {
		case start > 0 && above == "":
			above = "/"
		case above == "":
			above = "."
		}
		if onBPFFS(above) {
			return fmt.Errorf("names on a BPF file system must not have a dot, as %q has: %w", name,
				err)
		}
	}
	return err
}

// require fails with EINVAL, as libbpf does, if a directory is not on a BPF file system.
func require(dir *sys.FD, path string) error {
	is, err := isBPFFS(dir)
	if err != nil {
		return &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	if !is {
		return fmt.Errorf("%s is not on a BPF file system (mount -t bpf bpf /sys/fs/bpf): %w", path,
			syscall.EINVAL)
	}
	return nil
}

// Unpin removes the pin at path.
func Unpin(path string) error {
	p, err := At(path)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Unpin()
}
