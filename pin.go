package bpf

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/sys"
)

// pin pins a kernel object at path, which must be on a BPF file system.
func pin(fd int, path string) error {
	place, err := bpffs.At(path)
	if err != nil {
		return err
	}
	defer place.Close()
	return place.Pin(fd)
}

// pinning are the pins that a call has made so far. end removes or keeps them.
type pinning []*bpffs.Place

func (p *pinning) pin(fd int, path string) error {
	place, err := bpffs.At(path)
	if err != nil {
		return err
	}
	if err := place.Pin(fd); err != nil {
		place.Close()
		return err
	}
	*p = append(*p, place)
	return nil
}

// end removes the pins if the call failed.
func (p *pinning) end(failed bool) {
	for _, place := range slices.Backward(*p) {
		if failed {
			place.Unpin()
		}
		place.Close()
	}
	*p = nil
}

// pinRefused explains why the kernel refused to pin at path.
func pinRefused(path string, err error) error {
	return fmt.Errorf("at %s: %w", path, (&attempt{op: opPin}).explained(err))
}

// openPinned opens the object that is pinned at path if it is of that kind: bpf-map, bpf-prog or
// bpf-link. The kernel answers BPF_OBJ_GET_INFO_BY_FD for all of them, so that one would pass for
// another; /proc distinguishes them. Without /proc nothing is checked, as in libbpf.
func openPinned(path, kind string) (*sys.FD, error) {
	fd, err := sys.ObjGet(path, 0)
	if err != nil {
		return nil, bpffs.Explain(path, err)
	}
	if err := ofKind(fd, kind); err != nil {
		return nil, err
	}
	return fd, nil
}

// ownFD duplicates a descriptor of the caller if it is of that kind.
func ownFD(raw int, kind string) (*sys.FD, error) {
	fd, err := sys.Dup(raw)
	if err != nil {
		return nil, err
	}
	if err := ofKind(fd, kind); err != nil {
		return nil, err
	}
	return fd, nil
}

// ofKind closes fd if it is of another kind. Without /proc nothing is checked.
func ofKind(fd *sys.FD, kind string) error {
	inode, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd.Int()))
	if err != nil {
		return nil
	}
	// The kernel writes bpf-link in one place and bpf_link in another.
	is, anonymous := strings.CutPrefix(strings.ReplaceAll(inode, "_", "-"), "anon-inode:")
	if is == kind {
		return nil
	}
	fd.Close()
	if !anonymous {
		is = "file"
	}
	return fmt.Errorf("it is a %s, not a %s: %w", is, kind, syscall.EINVAL)
}
