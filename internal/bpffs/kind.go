package bpffs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Kind is what a descriptor of BPF is of, as /proc names it. The kernel answers
// BPF_OBJ_GET_INFO_BY_FD for all of them, so that one would pass for another.
type Kind string

// The kinds that have ids. BTF can't be pinned.
const (
	MapKind     Kind = "bpf-map"
	ProgramKind Kind = "bpf-prog"
	LinkKind    Kind = "bpf-link"
	BTFKind     Kind = "btf"
)

// KindOf returns the kind of a descriptor by the target of its link in /proc, such as
// "anon_inode:bpf-map"; "file" if it has a name.
func KindOf(target string) Kind {
	// The kernel writes bpf-link in one place and bpf_link in another.
	is, anonymous := strings.CutPrefix(strings.ReplaceAll(target, "_", "-"), "anon-inode:")
	if !anonymous {
		return "file"
	}
	return Kind(is)
}

// Open opens what is pinned at path if it is of that kind. The caller closes it.
func Open(path string, kind Kind) (*sys.FD, error) { return OpenFlags(path, kind, 0) }

// OpenFlags is Open with flags of BPF_OBJ_GET.
func OpenFlags(path string, kind Kind, flags uapi.OpenFlags) (*sys.FD, error) {
	fd, err := sys.ObjGet(path, flags)
	if err != nil {
		return nil, Explain(path, err)
	}
	if err := OfKind(fd, kind); err != nil {
		return nil, err
	}
	return fd, nil
}

// Dup duplicates a descriptor if it is of that kind. The caller closes both.
func Dup(raw int, kind Kind) (*sys.FD, error) {
	fd, err := sys.Dup(raw)
	if err != nil {
		return nil, err
	}
	if err := OfKind(fd, kind); err != nil {
		return nil, err
	}
	return fd, nil
}

// OfKind closes fd and fails with EINVAL if it is of another kind. Without /proc nothing is
// checked, as in libbpf.
func OfKind(fd *sys.FD, kind Kind) error {
	inode, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd.Int()))
	if err != nil {
		return nil
	}
	is := KindOf(inode)
	if is == kind {
		return nil
	}
	fd.Close()
	return fmt.Errorf("it is a %s, not a %s: %w", is, kind, syscall.EINVAL)
}
