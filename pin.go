package bpf

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// pin makes a kernel object reachable under path, which must be on a BPF file system.
func pin(fd int, path string) error {
	place, err := bpffs.At(path)
	if err != nil {
		return err
	}
	defer place.Close()
	return place.Pin(fd)
}

// pinning is what a call that pins several things has pinned so far. Its end undoes it or lets go of it.
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

// end removes what was pinned if the call failed.
func (p *pinning) end(failed bool) {
	for _, place := range slices.Backward(*p) {
		if failed {
			place.Unpin()
		}
		place.Close()
	}
	*p = nil
}

// pinRefused explains why nothing was pinned under path.
func pinRefused(path string, err error) error {
	return fmt.Errorf("at %s: %w", path, (&attempt{op: opPin}).explained(err))
}

// openPinned opens what is pinned under path if it is of that kind: bpf-map, bpf-prog or bpf-link. The kernel answers
// BPF_OBJ_GET_INFO_BY_FD for all of them, so that one would pass for another; /proc tells them apart. Without it nothing is checked, as in
// libbpf.
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

// ofKind closes fd if it is of another kind.
func ofKind(fd *sys.FD, kind string) error {
	inode, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd.Int()))
	// The kernel writes bpf-link in one place and bpf_link in another.
	if is, known := strings.CutPrefix(strings.ReplaceAll(inode, "_", "-"), "anon-inode:"); err == nil && known && is != kind {
		fd.Close()
		return fmt.Errorf("it is a %s, not a %s: %w", is, kind, syscall.EINVAL)
	}
	return nil
}

// mapShape asks what a map is. Kernels before 4.13 don't answer BPF_OBJ_GET_INFO_BY_FD; /proc tells what they know.
func mapShape(fd *sys.FD) (*sys.MapInfo, error) {
	info, err := sys.MapInfoByFD(fd.Int())
	if err != syscall.EINVAL {
		return info, err
	}
	f, openErr := os.Open("/proc/self/fdinfo/" + strconv.Itoa(fd.Int()))
	if openErr != nil {
		return nil, err
	}
	defer f.Close()
	info = new(sys.MapInfo)
	seen := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		n, err := strconv.ParseUint(strings.TrimSpace(value), 0, 32)
		if err != nil {
			continue
		}
		switch name {
		case "map_type":
			info.Type, seen = uapi.MapType(n), true
		case "key_size":
			info.KeySize = uint32(n)
		case "value_size":
			info.ValueSize = uint32(n)
		case "max_entries":
			info.MaxEntries = uint32(n)
		case "map_flags":
			info.Flags = uint32(n)
		}
	}
	if !seen {
		return nil, fmt.Errorf("not a BPF map: %w", syscall.EINVAL)
	}
	return info, nil
}
