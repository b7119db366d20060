//go:build !linux

package sys

func withoutRuntimeSignals(f func()) { f() }
