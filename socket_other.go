//go:build !linux

package bpf

const (
	soAttachBPF = iota
	soAttachReuseportEBPF
	soDetachFilter
	soDetachReuseportBPF
)

func setSocketOption(fd, option, value int) error { return ErrNotSupported }
