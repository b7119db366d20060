package extack

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The oracle is the extended ack that netlink returns for the same call.
func TestOf(t *testing.T) {
	testkit.Netns(t)
	testkit.Tracefs(t)
	if _, ok := eventID(); !ok {
		testkit.Skip(t, "the kernel has no tracepoint netlink_extack (5.13)")
	}
	index, err := rtnl.InterfaceIndex("lo")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	words := Of(func() {
		calls++
		err = rtnl.TCQdiscDel(index, "prio", 0xffffffff, 0x10000)
	})
	var refused *rtnl.Error
	if !errors.As(err, &refused) || refused.Message == "" {
		t.Fatalf("not refused with a message: %v", err)
	}
	if words != refused.Message || calls != 1 {
		t.Errorf("%q after %d calls, netlink says %q", words, calls, refused.Message)
	}
	if words := Of(func() { rtnl.XDPQuery(index) }); words != "" {
		t.Errorf("about nothing: %q", words)
	}
	// Messages from other threads are not collected.
	words = Of(func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			rtnl.TCQdiscDel(index, "prio", 0xffffffff, 0x10000)
		}()
		<-done
	})
	if words != "" {
		t.Errorf("another thread's: %q", words)
	}
}

// The oracle is the layout in linux/perf_event.h. Whatever the ring contains, nothing outside of it
// is read.
func FuzzLast(f *testing.F) {
	event := make([]byte, messageField, 32)
	event = binary.NativeEndian.AppendUint32(event, 4<<16|12)
	event = append(event, "abc\x00"...)
	b := binary.NativeEndian.AppendUint32(nil, recordSample)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(binary.NativeEndian.AppendUint32(b, uint32(len(event))), event...)
	binary.NativeEndian.PutUint16(b[6:], uint16(len(b)))
	if words := last(append(b, b...)); words != "abc" {
		f.Errorf("%q", words)
	}
	f.Add(b)
	f.Add(append(b, b...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(last(b)) > len(b) {
			t.Error("more than there is")
		}
	})
}
