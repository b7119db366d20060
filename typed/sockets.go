package typed

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// Sockets is a map of sockets (BPF_MAP_TYPE_SOCKMAP, 4.14; BPF_MAP_TYPE_SOCKHASH, 4.18).
type Sockets[K any] struct {
	narrow *bpf.TypedMap[K, uint32] // one of them is nil
	wide   *bpf.TypedMap[K, uint64]
}

// SocketsOf returns a typed view of a sockmap or sockhash. An index of a sockmap is a uint32.
func SocketsOf[K any](m *bpf.Map) (*Sockets[K], error) {
	err := ofKind(m, uapi.MapSockMap, uapi.MapSockHash)
	s := new(Sockets[K])
	switch {
	case err != nil:
	case m.ValueSize() == 4:
		s.narrow, err = bpf.MapOf[K, uint32](m)
	default:
		s.wide, err = bpf.MapOf[K, uint64](m)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Map returns the map itself.
func (s *Sockets[K]) Map() *bpf.Map {
	switch {
	case s == nil:
		return nil
	case s.narrow != nil:
		return s.narrow.Map()
	}
	return s.wide.Map()
}

// Put makes a socket the value of key; flags are bpf.UpdateAny and the like. The kernel removes it
// when it is closed. EOPNOTSUPP if the kernel takes no such socket, or not in its state: TCP
// sockets must be connected or listening. A listener of package net is an MPTCP socket, which the
// kernel doesn't take, unless net.ListenConfig.SetMultipathTCP(false) was called.
func (s *Sockets[K]) Put(key K, socket syscall.Conn, flags uapi.ElemFlags) error {
	if socket == nil {
		return refuse(s.Map(), "update map", fmt.Errorf("there is no socket: %w", syscall.EINVAL))
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return refuse(s.Map(), "update map", err)
	}
	var updated error
	if err := raw.Control(func(fd uintptr) {
		if s != nil && s.narrow != nil {
			updated = s.narrow.Update(key, uint32(fd), flags)
		} else {
			updated = s.typed().Update(key, uint64(fd), flags)
		}
	}); err != nil {
		return refuse(s.Map(), "update map", err)
	}
	return updated
}

func (s *Sockets[K]) typed() *bpf.TypedMap[K, uint64] {
	if s == nil {
		return nil
	}
	return s.wide
}

// Cookie returns the cookie of the socket that is the value of key (SO_COOKIE), of a map whose
// values have 8 bytes. ErrNotExist if there is none, ENOSPC if values have 4 bytes.
func (s *Sockets[K]) Cookie(key K) (uint64, error) {
	if s != nil && s.narrow != nil {
		return 0, refuse(s.Map(), "look up in map", fmt.Errorf("cookies need values of 8 bytes, "+
			"this map's have 4: %w", syscall.ENOSPC))
	}
	return s.typed().Lookup(key)
}

// Delete removes key. ErrNotExist for a sockhash, EINVAL for a sockmap if it isn't there.
func (s *Sockets[K]) Delete(key K) error {
	if s != nil && s.narrow != nil {
		return s.narrow.Delete(key)
	}
	return s.typed().Delete(key)
}
