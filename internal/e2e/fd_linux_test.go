package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// TestFromFD opens maps, programs and links by descriptors of the caller. Oracle: the ids that the
// kernel reports for both descriptors, and fcntl for the caller's.
func TestFromFD(t *testing.T) {
	testkit.Root(t)
	m := newMap(t, object.Map{Type: uapi.MapHash, KeySize: 4, ValueSize: 8, MaxEntries: 3})
	p := loadedProgram(t, "link", "raw_tp")
	l, err := p.AttachRawTracepoint("sys_enter", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := []int{m.FD(), p.FD(), l.FD(), int(file.Fd()), -1, 1 << 20}
	before := testkit.FDs()
	for i, open := range []func(fd int) (id, want uint32, own int, err error){
		func(fd int) (uint32, uint32, int, error) {
			got, err := bpf.MapFromFD(fd)
			if err != nil {
				return 0, 0, 0, err
			}
			defer got.Close()
			if got.KeySize() != 4 || got.ValueSize() != 8 || got.MaxEntries() != 3 {
				t.Error(got)
			}
			return mapID(t, got), mapID(t, m), got.FD(), nil
		},
		func(fd int) (uint32, uint32, int, error) {
			got, err := bpf.ProgramFromFD(fd)
			if err != nil {
				return 0, 0, 0, err
			}
			defer got.Close()
			return bpftest.ProgramID(t, got), bpftest.ProgramID(t, p), got.FD(), nil
		},
		func(fd int) (uint32, uint32, int, error) {
			got, err := bpf.LinkFromFD(fd)
			if err != nil {
				return 0, 0, 0, err
			}
			defer got.Close()
			return linkID(t, got), linkID(t, l), got.FD(), nil
		},
	} {
		for k, fd := range all {
			id, want, own, err := open(fd)
			switch {
			case k == i && (err != nil || id != want || own == fd):
				t.Errorf("%d: id %d, want %d, descriptors %d and %d: %v", i, id, want, fd, own, err)
			case k == i:
				if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
					t.Errorf("%d: the caller's descriptor: %v", i, err)
				}
			case k < 4 && (!errors.Is(err, syscall.EINVAL) ||
				!strings.Contains(err.Error(), "not a bpf-")):
				t.Errorf("%d, descriptor %d: %v", i, k, err)
			case k >= 4 && !errors.Is(err, syscall.EBADF):
				t.Errorf("%d, descriptor %d: %v", i, k, err)
			}
		}
	}
	if after := testkit.FDs(); !slices.Equal(before, after) {
		t.Errorf("descriptors before %v, after %v", before, after)
	}
}
