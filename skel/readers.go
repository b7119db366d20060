package skel

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/purebpf/bpf"
)

// readers are the readers of an object's rings that loops over records use now.
type readers struct {
	mu     sync.Mutex
	open   map[io.Closer]bool
	closed bool
}

// add takes a reader, or closes it if the object is closed. err is that of making the reader.
func (r *readers) add(reader io.Closer, err error) error {
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.Join(fmt.Errorf("skeleton: the object is closed: %w", bpf.ErrClosed),
			reader.Close())
	}
	if r.open == nil {
		r.open = map[io.Closer]bool{}
	}
	r.open[reader] = true
	return nil
}

// end closes a reader unless close has done so.
func (r *readers) end(reader io.Closer) {
	r.mu.Lock()
	mine := r.open[reader]
	delete(r.open, reader)
	r.mu.Unlock()
	if mine {
		reader.Close()
	}
}

// close closes all readers, which ends their loops.
func (r *readers) close() error {
	r.mu.Lock()
	open := r.open
	r.open, r.closed = nil, true
	r.mu.Unlock()
	var errs []error
	for reader := range open {
		errs = append(errs, reader.Close())
	}
	return errors.Join(errs...)
}
