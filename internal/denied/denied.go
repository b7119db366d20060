// Package denied explains EACCES: it finds the file or directory on a path that refuses access, its
// owner and its mode. The kernel reports only that one of them does.
package denied

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// Access is what a call needs of the last element of a path, in the bits of access(2).
type Access uint32

// What calls need.
const (
	Reach  Access = 0 // nothing, but to get there
	Search Access = 1
	Write  Access = 2
	Read   Access = 4
)

// Explain adds to an EACCES about path what refuses the process, if file permissions do. A path
// that doesn't exist was to be made. Any other error is returned as it is.
func Explain(path string, need Access, err error) error {
	if !errors.Is(err, syscall.EACCES) {
		return err
	}
	if why := refuses(path, need); why != "" {
		return fmt.Errorf("%w: %s", err, why)
	}
	return err
}

// refuses says which element of path refuses the process, "" if none does.
func refuses(path string, need Access) string {
	dir := "."
	if !strings.HasPrefix(path, "/") && errors.Is(access(dir, Search), syscall.EACCES) {
		return describe(dir)
	}
	for end, c := range path {
		if c != '/' {
			continue
		}
		if dir = strings.TrimRight(path[:end], "/"); dir == "" {
			dir = "/"
		}
		if errors.Is(access(dir, Search), syscall.EACCES) {
			return describe(dir)
		}
	}
	switch err := access(path, need); {
	case errors.Is(err, syscall.EACCES), err == nil && need&Read != 0 && writeOnly(path):
		return describe(path)
	case errors.Is(err, fs.ErrNotExist) && errors.Is(access(dir, Write), syscall.EACCES):
		return describe(dir)
	}
	return ""
}
