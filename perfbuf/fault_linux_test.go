package perfbuf

import (
	"io"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestReaderFaults(t *testing.T) {
	obj := loadPerf(t)
	testkit.OpenFaults(t, func() (io.Closer, error) {
		return NewReader(obj.Map("events"), nil)
	}, nil)
}
