//go:build !linux

package hotplug

import "syscall"

// Watch exists on Linux only; New answers ENOSYS.
type Watch struct{}

// New answers ENOSYS.
func New(func()) (*Watch, error) { return nil, syscall.ENOSYS }

// Close does nothing.
func (w *Watch) Close() error { return nil }
