package bpf

import (
	"fmt"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// AttachStructOps registers a struct_ops map with the kernel: a TCP congestion control, a scheduler, ... (libbpf
// bpf_map__attach_struct_ops; 5.6). Closing the Link unregisters it. A map declared in .struct_ops.link has a kernel link (6.4), which
// can be pinned and updated. One in .struct_ops has none: it stays registered when the process is killed, and only QueryStructOps and
// UnregisterStructOps find it and take it away.
//
// ErrExist if the subsystem has one of that name or takes only one, with those of the type as hint. No privileges
// beyond those of the load, unless the subsystem asks for some. The caller closes the Link.
func (m *Map) AttachStructOps() (*Link, error) {
	if m.kind != object.MapStructOps || m.fd.Int() < 0 {
		return nil, m.fail("attach struct_ops", fmt.Errorf("it is no struct_ops map of a loaded object: %w", syscall.EINVAL))
	}
	var key uint32
	err := sys.MapUpdateWait(m.fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(unsafe.SliceData(m.image)), uapi.Any)
	if err != nil && !(m.link && err == syscall.EBUSY) {
		return nil, m.structOpsFail(err)
	}
	l := &Link{name: m.name, what: m.name + " to the kernel", object: m.object}
	if !m.link {
		fd, err := m.fd.Dup()
		if err != nil {
			sys.MapDeleteWait(m.fd.Int(), unsafe.Pointer(&key), 0)
			return nil, m.fail("attach struct_ops", err)
		}
		l.undo = func() error {
			defer fd.Close()
			var key uint32
			return sys.MapDeleteWait(fd.Int(), unsafe.Pointer(&key), 0)
		}
		return l, nil
	}
	l.fd, err = sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: m.fd.Uint32(), AttachType: uapi.AttachStructOps})
	if err != nil {
		return nil, m.structOpsFail(err)
	}
	return l, nil
}

func (m *Map) structOpsFail(err error) error {
	return withHint(m.fail("attach struct_ops", err), func() string { return m.structOpsHint(err) })
}

// UpdateMap puts another struct_ops map in place of the registered one at one stroke (libbpf bpf_link__update_map; 6.4). Only for links
// of maps declared in .struct_ops.link.
func (l *Link) UpdateMap(m *Map) error {
	if l.fd == nil {
		return l.fail("update", fmt.Errorf("the map is registered without a link: %w", syscall.EINVAL))
	}
	if m.kind != object.MapStructOps || m.fd.Int() < 0 {
		return l.fail("update", fmt.Errorf("%s is no struct_ops map of a loaded object: %w", m.name, syscall.EINVAL))
	}
	var key uint32
	err := sys.MapUpdateWait(m.fd.Int(), unsafe.Pointer(&key), unsafe.Pointer(unsafe.SliceData(m.image)), uapi.Any)
	if err != nil && err != syscall.EBUSY {
		return l.fail("update", err)
	}
	if err := sys.LinkUpdate(&sys.LinkUpdateAttr{LinkFD: l.fd.Uint32(), New: m.fd.Uint32()}); err != nil {
		return l.fail("update", err)
	}
	return nil
}
