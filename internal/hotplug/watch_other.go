//go:build !linux

package hotplug

import "syscall"

// Watch exists only on Linux; New returns ENOSYS.
type Watch struct{}

// New returns ENOSYS.
func New(func()) (*Watch, error) { return nil, syscall.ENOSYS }

// Close does nothing.
func (w *Watch) Close() error { return nil }
