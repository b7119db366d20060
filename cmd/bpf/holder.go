package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
)

// retold is an error told in other words.
type retold struct {
	text string
	err  error
}

func (e *retold) Error() string { return e.text }

func (e *retold) Unwrap() error { return e.err }

// taken retells an error about a hook that holds one program, and has one already: which program,
// by which link of which process or pin, and how to detach it. It returns other errors as they are.
func (h *hook) taken(err error) error {
	if !errors.Is(err, syscall.EBUSY) || h.kind.there == nil {
		return err
	}
	list, listErr := h.kind.there(h)
	if listErr != nil || len(list) != 1 {
		return err
	}
	a := list[0]
	text := fmt.Sprintf("%s on %s is taken: program %d", h.kind.name, h.target, a.program)
	if p, err := bpf.ProgramFromID(a.program); err == nil {
		text += fmt.Sprintf(" (%s)", p.Name())
		p.Close()
	}
	switch len(a.links) {
	case 0:
		text += fmt.Sprintf(" without a link; bpf detach %s:%s --program-id %d detaches it",
			h.kind.name, h.target, a.program)
	case 1:
		id := a.links[0]
		text += fmt.Sprintf(" by link %d", id)
		processes, pins := processesOf(id), pinsOf(id)
		if len(processes) > 0 {
			text += " of " + listed(processes)
		}
		if len(pins) > 0 {
			text += ", pinned at " + listed(pins)
		}
		text += fmt.Sprintf("; bpf detach %d detaches it", id)
	default:
		return err
	}
	return &retold{text, err}
}

// processesOf returns the processes that hold a link: "name(pid)".
func processesOf(link uint32) (list []string) {
	want := fmt.Sprintf("link_id:\t%d\n", link)
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		files, _ := os.ReadDir(dir + "/fd")
		for _, f := range files {
			to, err := os.Readlink(dir + "/fd/" + f.Name())
			if err != nil || !strings.HasPrefix(to, "anon_inode:") ||
				!strings.Contains(to, "bpf_link") {
				continue
			}
			info, err := os.ReadFile(dir + "/fdinfo/" + f.Name())
			if err != nil || !strings.Contains(string(info), want) {
				continue
			}
			name, _ := os.ReadFile(dir + "/comm")
			list = append(list, fmt.Sprintf("%s(%s)", strings.TrimSpace(string(name)),
				filepath.Base(dir)))
			break
		}
	}
	return list
}

const mostPins = 10_000 // files that pinsOf looks at

// pinsOf returns where a link is pinned, in the BPF file systems that this process sees.
func pinsOf(link uint32) (list []string) {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	seen := 0
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[2] != "bpf" {
			continue
		}
		filepath.WalkDir(f[1], func(path string, entry fs.DirEntry, err error) error {
			if seen++; err != nil || seen > mostPins {
				return fs.SkipDir
			}
			if !entry.Type().IsRegular() {
				return nil
			}
			l, err := bpf.OpenLink(path)
			if err != nil {
				return nil
			}
			defer l.Close()
			if info, err := l.Info(); err == nil && info.ID == link {
				list = append(list, path)
			}
			return nil
		})
	}
	return list
}
