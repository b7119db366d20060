//go:build !linux

package userfile

func mayUse(string, bool) bool { return false }
