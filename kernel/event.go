package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/pathname"
)

// TracepointID returns the number of the tracepoint category:name for perf_event_open. It needs
// CAP_DAC_OVERRIDE unless tracefs may be read. The error wraps fs.ErrNotExist and lists similar
// names if there is no such tracepoint.
func (f *Facts) TracepointID(category, name string) (uint64, error) {
	for _, part := range [...]string{category, name} {
		if err := pathname.Check(part); err != nil {
			return 0, fmt.Errorf("there cannot be such a tracepoint: %w: %w", err, syscall.EINVAL)
		}
	}
	root, err := f.Tracefs()
	if err != nil {
		return 0, err
	}
	id, err := EventID(root, category, name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("this kernel has no such tracepoint (%s/events lists them)%s: %w",
			root, nearTracepoint(root, category, name), syscall.ENOENT)
	}
	return id, err
}

// EventID returns the number of an event of tracefs for perf_event_open.
func EventID(tracefs, group, name string) (uint64, error) {
	path := tracefs + "/events/" + group + "/" + name + "/id"
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return id, nil
}

// nearTracepoint proposes similar tracepoints, or similar categories if the category does not
// exist.
func nearTracepoint(root, category, name string) string {
	dir, want := root+"/events/"+category, name
	if _, err := os.Stat(dir); err != nil {
		dir, want = root+"/events", category
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	n := nearest.To(want)
	for _, e := range entries {
		n.Offer([]byte(e.Name()))
	}
	if hint := n.Hint(); hint != "" {
		return ", " + hint
	}
	return ""
}
