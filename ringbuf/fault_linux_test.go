package ringbuf

import (
	"io"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestReaderFaults(t *testing.T) {
	obj := loadRing(t)
	testkit.OpenFaults(t, func() (io.Closer, error) {
		return NewReader(obj.Map("small"), obj.Map("events"))
	}, nil)
}
