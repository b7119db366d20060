package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
)

// pinnedOf returns the paths in dir that pinLinks gives to links of programs of these names and
// where something is pinned: NAME, or NAME-1, NAME-2, ...
func pinnedOf(dir string, names ...string) (paths []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		if !slices.Contains(names, name) {
			i := strings.LastIndexByte(name, '-')
			if i < 0 || !slices.Contains(names, name[:i]) {
				continue
			}
			if _, err := strconv.ParseUint(name[i+1:], 10, 32); err != nil {
				continue
			}
		}
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths
}

// withPinned adds to an error of attaching or pinning the pins in dir under the names of the
// programs, as an earlier run leaves them, and how to remove them.
func withPinned(err error, dir string, names ...string) error {
	if dir == "" || !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.EEXIST) &&
		!errors.Is(err, syscall.E2BIG) && !errors.Is(err, syscall.EPERM) {
		return err
	}
	var links, others []string
	for _, path := range pinnedOf(dir, names...) {
		l, openErr := bpf.OpenLink(path)
		if openErr != nil {
			others = append(others, path)
			continue
		}
		l.Close()
		links = append(links, path)
	}
	var how []string
	if links != nil {
		how = append(how, "bpf detach "+strings.Join(links, " ")+" detaches what was pinned before")
	}
	if others != nil {
		how = append(how, "rm "+strings.Join(others, " ")+" removes pins that are no links")
	}
	if how == nil {
		return err
	}
	return fmt.Errorf("%w; %s", err, strings.Join(how, ", "))
}
