package ringbuf

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
)

// readable asks poll(2).
func readable(t testing.TB, fd int) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1 && fds[0].Revents == unix.POLLIN
}

// TestRings reads single rings of a reader, in an event loop of its own. The oracles are the
// programs, which number their records, poll(2), and the kernel's ids of the maps.
func TestRings(t *testing.T) {
	obj := loadRing(t)
	maps := []*bpf.Map{obj.Map("events"), obj.Map("small")}
	r := newReader(t, maps...)
	for i, m := range maps {
		want, err := m.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info, err := r.Map(i).Info(); err != nil || info.ID != want.ID {
			t.Errorf("ring %d is map %+v (%v), want %d", i, info, err, want.ID)
		}
	}
	fd := r.EpollFD()
	if fd < 0 || readable(t, fd) {
		t.Fatalf("descriptor %d of empty rings is readable", fd)
	}
	run(t, obj, "fill", request{Count: 100})
	run(t, obj, "fill_small", request{Count: 10, Length: 13, First: 7000})
	if !readable(t, fd) {
		t.Error("not readable with records")
	}
	var got []uint64
	keep := func(record Record) error {
		if record.Ring != 1 {
			t.Errorf("a record of ring %d", record.Ring)
		}
		got = append(got, number(record))
		return nil
	}
	for _, max := range []int{0, -1, 4, 100, 100} {
		if _, err := r.ConsumeRing(1, max, keep); err != nil {
			t.Fatal(err)
		}
		if max == 4 && len(got) != 4 {
			t.Errorf("%d records, want 4", len(got))
		}
	}
	if len(got) != 10 || got[0] != 7000 || got[9] != 7009 {
		t.Errorf("records %v", got)
	}
	if r.Position(1).Available() != 0 || r.Position(0).Available() == 0 || !readable(t, fd) {
		t.Error("the other ring was read too")
	}
	if n, err := r.Consume(func(Record) error { return nil }); n != 100 || err != nil {
		t.Error(n, err)
	}
	if readable(t, fd) {
		t.Error("readable without records")
	}
	for _, ring := range []int{-1, 2} {
		if _, err := r.ConsumeRing(ring, 1, keep); !errors.Is(err, bpf.ErrNotExist) {
			t.Errorf("ring %d: %v", ring, err)
		}
		if r.Map(ring) != nil {
			t.Errorf("ring %d has a map", ring)
		}
	}
	r.Close()
	if r.EpollFD() != -1 || r.Map(0) != nil {
		t.Error("a closed reader has descriptors")
	}
}
