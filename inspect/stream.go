package inspect

import (
	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/sys"
)

// ReadStream reads what a program has written to one of its streams, such as the report of a fault,
// and returns the number of bytes, 0 if there are none (libbpf bpf_prog_stream_read; 6.17). What
// was read is removed.
func ReadStream(p *bpf.Program, from sys.Stream, buf []byte) (n int, err error) {
	err = p.UseFD(func(fd int) error {
		n, err = sys.ProgStreamRead(fd, from, buf)
		return err
	})
	return n, err
}
