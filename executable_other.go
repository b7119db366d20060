//go:build !linux

package bpf

func mayUse(string, bool) bool { return false }
