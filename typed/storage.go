package typed

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// Storage is a map with a value for each socket (BPF_MAP_TYPE_SK_STORAGE, 5.2), file (its inode;
// INODE_STORAGE, 5.10), task (TASK_STORAGE, 5.11) or cgroup (CGRP_STORAGE, 6.2). The value is freed
// with its owner. User space names the owner by a descriptor: a socket, an open file, a pidfd
// (OpenTask), an open cgroup directory.
type Storage[V any] struct{ m *bpf.TypedMap[int32, V] }

// StorageOf returns a typed view of a storage.
func StorageOf[V any](m *bpf.Map) (*Storage[V], error) {
	if err := ofKind(m, uapi.MapSKStorage, uapi.MapInodeStorage, uapi.MapTaskStorage,
		uapi.MapCgrpStorage); err != nil {
		return nil, err
	}
	t, err := bpf.MapOf[int32, V](m)
	if err != nil {
		return nil, err
	}
	return &Storage[V]{t}, nil
}

// Map returns the map itself.
func (s *Storage[V]) Map() *bpf.Map { return s.typed().Map() }

func (s *Storage[V]) typed() *bpf.TypedMap[int32, V] {
	if s == nil {
		return nil
	}
	return s.m
}

// Lookup returns the value of the owner with that descriptor. ErrNotExist if it has none, EBADF if
// fd is no such owner, ENOTSOCK from storages of sockets.
func (s *Storage[V]) Lookup(fd int) (V, error) {
	key, err := s.key("look up in map", fd)
	if err != nil {
		return *new(V), err
	}
	value, err := s.typed().Lookup(key)
	return value, s.explain(fd, err)
}

// Update sets the value of the owner with that descriptor; flags are bpf.UpdateAny and the like.
func (s *Storage[V]) Update(fd int, value V, flags uapi.ElemFlags) error {
	key, err := s.key("update map", fd)
	if err != nil {
		return err
	}
	return s.explain(fd, s.typed().Update(key, value, flags))
}

// Delete removes the value of the owner with that descriptor. ErrNotExist if it has none.
func (s *Storage[V]) Delete(fd int) error {
	key, err := s.key("delete from map", fd)
	if err != nil {
		return err
	}
	return s.explain(fd, s.typed().Delete(key))
}

func (s *Storage[V]) key(op string, fd int) (int32, error) {
	if fd < 0 || fd > math.MaxInt32 {
		return 0, refuse(s.Map(), op, fmt.Errorf("%d is no descriptor: %w", fd, syscall.EBADF))
	}
	return int32(fd), nil
}

// explain adds what the owner has to be to a refusal of its descriptor.
func (s *Storage[V]) explain(fd int, err error) error {
	var e *bpf.Error
	if err == nil || !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.ENOTSOCK) ||
		!errors.As(err, &e) || e.Hint != "" {
		return err
	}
	owner := map[uapi.MapType]string{
		uapi.MapSKStorage: "a socket", uapi.MapInodeStorage: "an open file",
		uapi.MapTaskStorage: "a pidfd", uapi.MapCgrpStorage: "an open cgroup directory",
	}[s.Map().Type()]
	hinted := *e
	hinted.Hint = fmt.Sprintf("the key is the descriptor of %s; %d is none", owner, fd)
	return &hinted
}

// OpenTask returns a pidfd of a process, whose descriptor is a key of task storages (5.3). The
// value belongs to the process's main thread. The caller closes it.
func OpenTask(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("open a pidfd of process %d: %w", pid, err)
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("pidfd:%d", pid)), nil
}
