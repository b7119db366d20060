package bpf

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// AttachStructOps registers a struct_ops map with the kernel: a TCP congestion control, a
// scheduler, ... (libbpf bpf_map__attach_struct_ops; 5.6). Closing the Link unregisters it. A map
// declared in .struct_ops.link has a kernel link (6.4), which can be pinned and updated. One in
// .struct_ops has none: it stays registered when the process is killed, and only
// inspect.UnregisterStructOps removes it. A clone of the map can be attached as well, also after
// its object was closed. A map that was opened by a pin or an id can be attached only if it is
// declared in .struct_ops.link and was attached before, since its value isn't known.
//
// ErrExist if the subsystem has a map of that name or takes only one; the hint lists the registered
// maps of the type. Some subsystems require privileges.
func (m *Map) AttachStructOps() (*Link, error) {
	if _, err := m.use(); err != nil {
		return nil, m.fail("attach struct_ops", err)
	}
	defer m.release()
	if m.typ != uapi.MapStructOps {
		return nil, m.fail("attach struct_ops", errNoStructOps(m))
	}
	if err := m.storeStructOps(); err != nil {
		return nil, m.structOpsFail(err)
	}
	l := &Link{name: m.name, what: m.name + " to the kernel", object: m.object}
	if !m.hasStructOpsLink() {
		fd, err := m.fd.Dup()
		if err != nil {
			var key uint32
			sys.MapDeleteWait(m.fd.Int(), unsafe.Pointer(&key), 0)
			return nil, m.fail("attach struct_ops", err)
		}
		l.undo = func() error {
			defer fd.Close()
			var key uint32
			err := sys.MapDeleteWait(fd.Int(), unsafe.Pointer(&key), 0)
			if err != nil {
				err = fmt.Errorf("the map stays registered until inspect.UnregisterStructOps: %w",
					err)
			}
			return err
		}
		return l, nil
	}
	var err error
	l.fd, err = sys.LinkCreate(
		&sys.LinkCreateAttr{ProgFD: m.fd.Uint32(), AttachType: uapi.AttachStructOps})
	if err != nil {
		return nil, m.structOpsFail(err)
	}
	return l, nil
}

// hasStructOpsLink reports whether the map is registered by a link. A map without a link is
// registered when its value is written.
func (m *Map) hasStructOpsLink() bool { return m.flags&uapi.FLink != 0 }

func errNoStructOps(m *Map) error {
	return fmt.Errorf("the map is of type %v, want %v: %w",
		m.typ, uapi.MapStructOps, syscall.EINVAL)
}

// storeStructOps writes the value of a struct_ops map into the kernel, which registers one without
// a link. A map with a link may have its value already.
func (m *Map) storeStructOps() error {
	if m.image == nil {
		if m.hasStructOpsLink() {
			return nil
		}
		return fmt.Errorf("the value of a map that was opened by a pin or an id is unknown: %w",
			ErrNotSupported)
	}
	image := slices.Clone(m.image)
	for _, s := range m.slots {
		fd, ok := s.Program.Hold()
		if !ok {
			return fmt.Errorf("one of its programs is closed: %w", ErrClosed)
		}
		defer s.Program.Release() // until the kernel has the value
		binary.NativeEndian.PutUint64(image[s.Offset:], uint64(fd))
	}
	var key uint32
	err := sys.MapUpdateWait(m.fd.Int(), unsafe.Pointer(&key),
		unsafe.Pointer(unsafe.SliceData(image)), uapi.Any)
	if err == syscall.EBUSY && m.hasStructOpsLink() {
		return nil
	}
	return err
}

func (m *Map) structOpsFail(err error) error {
	return m.fail("attach struct_ops", (&explain.Attempt{Op: explain.Register,
		Map: explain.Map{FD: m.fd.Int()}}).Of(err))
}

// UpdateMap atomically replaces the registered map with another struct_ops map (libbpf
// bpf_link__update_map; 6.4). Both must be declared in .struct_ops.link. If m is the registered
// map, also by another descriptor, UpdateMap does nothing, since kernels up to at least 6.18
// corrupt their list of TCP congestion controls when one replaces itself. With CAP_SYS_ADMIN that
// can't happen even if another process updates the link at the same time. EINVAL if the link or the
// map is of another kind, or the subsystem doesn't accept m as a replacement (a TCP congestion
// control keeps its name); ErrNotSupported if the subsystem has no updates; ENOLINK if it was
// detached.
func (l *Link) UpdateMap(m *Map) error {
	if l.isNone() {
		return missing("update link", "link")
	}
	if l.fd == nil {
		return l.fail("update",
			fmt.Errorf("the map is registered without a link: %w", syscall.EINVAL))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.updateMap(m); err != nil {
		return l.fail("update", err)
	}
	return nil
}

func (l *Link) updateMap(m *Map) error {
	if _, err := m.use(); err != nil {
		return fmt.Errorf("map %s: %w", m.Name(), err)
	}
	defer m.release()
	if _, err := l.use(); err != nil {
		return err
	}
	defer l.release()
	switch {
	case m.typ != uapi.MapStructOps:
		return fmt.Errorf("map %s: %w", m.name, errNoStructOps(m))
	case !m.hasStructOpsLink():
		return fmt.Errorf("map %s can't have a link; declare it in SEC(\".struct_ops.link\"): %w",
			m.name, syscall.EINVAL)
	}
	registered, err := l.structOpsID()
	if err != nil {
		return err
	}
	info, err := sys.MapInfoByFD(m.fd.Int())
	if err != nil {
		return err
	}
	if registered == info.ID {
		return nil
	}
	if err := m.storeStructOps(); err != nil {
		return fmt.Errorf("set the value of map %s: %w", m.name, err)
	}
	for {
		refused := l.replaceMap(m, registered)
		if refused != syscall.EPERM {
			return refused
		}
		now, err := l.structOpsID()
		switch {
		case err != nil:
			return err
		case now == info.ID:
			return nil
		case now == registered:
			return refused
		}
		registered = now // somebody else updated it in between
	}
}

// replaceMap replaces the map with that id by m. EPERM, and nothing changes, if that map can be
// opened and is no longer the registered one.
func (l *Link) replaceMap(m *Map, id uint32) error {
	a := sys.LinkUpdateAttr{LinkFD: l.fd.Uint32(), New: m.fd.Uint32()}
	if id != 0 {
		if old, err := sys.MapFDByID(id); err == nil {
			defer old.Close()
			a.Flags, a.Old = uapi.FReplace, old.Uint32()
		}
	}
	return sys.LinkUpdate(&a)
}

// structOpsID returns the id of the map that the link registers, 0 if it was detached.
func (l *Link) structOpsID() (uint32, error) {
	info, err := sys.LinkInfoByFD(l.fd.Int())
	if err != nil {
		return 0, err
	}
	if info.Type != uapi.LinkStructOps {
		return 0, fmt.Errorf("the link is of type %v, want %v: %w",
			info.Type, uapi.LinkStructOps, syscall.EINVAL)
	}
	return sys.LinkInfoAs[sys.MapLinkInfo](info).MapID, nil
}
