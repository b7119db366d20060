package inspect_test

import (
	"errors"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// TestLinksBusy: links that are made and closed during the listing are no errors. The oracle is
// that nothing is wrong with this kernel.
func TestLinksBusy(t *testing.T) {
	p := bpftest.Load(t, "../testdata/link.bpf.o", "raw_tp").Program("raw_tp")
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			l, err := p.AttachRawTracepoint("sys_enter", nil)
			if err == nil {
				err = l.Close()
			}
			// The listing may still hold the last one, and old kernels allow only one.
			if err != nil && !errors.Is(err, bpf.ErrExist) {
				done <- err
				return
			}
		}
	}()
	until := time.Now().Add(testkit.Patience(200 * time.Millisecond))
	for time.Now().Before(until) {
		if _, err := inspect.Links(uapi.LinkRawTracepoint); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
