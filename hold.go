package bpf

import (
	"cmp"
	"fmt"

	"github.com/purebpf/bpf/sys"
)

// # Closing concurrently with other methods
//
// The number of a closed descriptor may belong to another file at once, and access to unmapped
// memory crashes the process. So each method holds what it uses (use): Close waits until nothing is
// held, and later calls fail with ErrClosed. Holding costs two atomic additions. Nothing is held
// while code of the caller runs (the body of a loop, a Handler's Attach), which may close anything,
// except in UseFD; a Handler's Prepare must not close the object that is being loaded.

// held holds fd until release is called. If fd is nil or closed it holds nothing; fd.Closed reports
// that.
func held(fd *sys.FD) (release func()) {
	if _, ok := fd.Hold(); !ok {
		return func() {}
	}
	return fd.Release
}

// use keeps the program's descriptor open until release; the error says why there is none.
func (p *Program) use() error {
	if _, ok := p.descriptor().Hold(); ok {
		return nil
	}
	return cmp.Or(p.absence(), ErrClosed)
}

// UseFD calls f with the program's descriptor, which stays open until f returns, and returns f's
// error. If there is no descriptor, it returns an error and doesn't call f. f must not close the
// program: Close waits for it.
func (p *Program) UseFD(f func(fd int) error) error {
	if err := p.use(); err != nil {
		return p.fail("use program", err)
	}
	defer p.release()
	return f(p.fd.Int())
}

func (p *Program) release() { p.fd.Release() }

func (p *Program) descriptor() *sys.FD {
	if p == nil {
		return nil
	}
	return p.fd
}

// use returns the map's descriptor and keeps it open, and the memory mapped, until release; the
// error says why there is none.
func (m *Map) use() (fd int, err error) {
	fd, ok := m.descriptor().Hold()
	if ok {
		return fd, nil
	}
	return -1, cmp.Or(m.absence(), ErrClosed)
}

// UseFD calls f with the map's descriptor; see Program.UseFD.
func (m *Map) UseFD(f func(fd int) error) error {
	fd, err := m.use()
	if err != nil {
		return m.fail("use map", err)
	}
	defer m.release()
	return f(fd)
}

// UseMemory calls f with the map's memory (see Memory), which stays mapped until f returns, and
// returns f's error. If there is none, it returns an error and doesn't call f: ErrNotSupported if
// the map is not mapped. f must not close the map: Close waits for it.
func (m *Map) UseMemory(f func(memory []byte) error) error {
	return m.UseFD(func(int) error {
		if m.memory == nil {
			return m.fail("use memory of", fmt.Errorf("it is not mapped: %w", ErrNotSupported))
		}
		return f(m.memory)
	})
}

func (m *Map) release() { m.fd.Release() }

func (m *Map) descriptor() *sys.FD {
	if m == nil {
		return nil
	}
	return m.fd
}

// use returns the link's descriptor and keeps it open until release. kernelLink refuses a Link that
// has none.
func (l *Link) use() (fd int, err error) {
	fd, ok := l.descriptor().Hold()
	if !ok {
		return -1, ErrClosed
	}
	return fd, nil
}

// UseFD calls f with the descriptor of the kernel's link; see Program.UseFD.
func (l *Link) UseFD(f func(fd int) error) error {
	if err := l.kernelLink("use"); err != nil {
		return err
	}
	fd, err := l.use()
	if err != nil {
		return l.fail("use", err)
	}
	defer l.release()
	return f(fd)
}

func (l *Link) release() { l.fd.Release() }

func (l *Link) descriptor() *sys.FD {
	if l == nil {
		return nil
	}
	return l.fd
}
