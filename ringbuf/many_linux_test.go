package ringbuf

import (
	"context"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// TestManyReaders: 1,000 readers that wait occupy no threads. The oracle is /proc/self/task.
func TestManyReaders(t *testing.T) {
	testkit.Root(t)
	readers := 1000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	const each = 8 // descriptors of a reader and its map, at most
	if most := int(min(limit.Cur, 1<<20)) / each; readers > most {
		t.Logf("sample: %d of %d readers: ulimit -n is %d", most, readers, limit.Cur)
		readers = most
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for range readers {
		m, err := bpf.CreateMap(&object.Map{Name: "events", Type: uapi.MapRingBuf,
			MaxEntries: uint32(os.Getpagesize())}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(m, nil)
		m.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		wg.Go(func() { r.Wait(ctx) })
	}
	testkit.UntilBlocked(t, "ringbuf.(*Reader).Wait", readers)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) >= 20 {
		t.Errorf("%d readers wait on %d threads", readers, len(threads))
	}
	t.Logf("%d readers wait on %d threads", readers, len(threads))
	cancel()
	wg.Wait()
}
