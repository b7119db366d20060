//go:build !linux

package nolink

import "github.com/purebpf/bpf"

const (
	soAttachBPF = iota
	soAttachReuseportEBPF
	soDetachFilter
	soDetachReuseportBPF
)

func setSocketOption(fd, option, value int) error { return bpf.ErrNotSupported }
