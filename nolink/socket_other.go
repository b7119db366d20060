//go:build !linux

package nolink

const (
	soAttachBPF = iota
	soAttachReuseportEBPF
	soDetachFilter
	soDetachReuseportBPF
)

func setSocketOption(fd, option, value int) error { return ErrNotSupported }
