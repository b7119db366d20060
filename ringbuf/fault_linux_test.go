package ringbuf

import (
	"errors"
	"io"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestReaderFaults(t *testing.T) {
	obj := loadRing(t)
	testkit.OpenFaults(t, func() (io.Closer, error) {
		r, err := NewReader(obj.Map("small"), nil)
		if err != nil {
			return nil, err
		}
		if err := r.Add(obj.Map("events")); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		return r, nil
	}, nil)
}
