package userringbuf

import (
	"io"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

func TestWriterFaults(t *testing.T) {
	obj := loadRing(t, 4096)
	testkit.OpenFaults(t, func() (io.Closer, error) { return NewWriter(obj.Map("ring"), nil) }, nil)
}
