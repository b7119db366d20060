//go:build !linux

package kernel

func uname() (release, version string) { return "", "" }
