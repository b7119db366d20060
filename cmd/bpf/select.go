package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// choice is which programs of an object run, and in which process.
type choice struct {
	only, skip []string // patterns
	pid        int
	exe        string
}

// apply selects programs for the load, and returns the names of those that it leaves out. named are
// those of --attach, which run in any case.
func (c *choice) apply(o *object.Object, named func(*object.Program) bool) (off []string,
	err error) {
	only, err := matching(o, "--only", c.only)
	if err != nil {
		return nil, err
	}
	skip, err := matching(o, "--skip", c.skip)
	if err != nil {
		return nil, err
	}
	for i, p := range o.Programs {
		switch {
		case skip[i] && named(p):
			return nil, fmt.Errorf("--skip and --attach both name %s", p.Name)
		case skip[i]:
			p.Autoload = false
		case len(c.only) == 0 || named(p) || p.Type == uapi.ProgStructOps && !only[i]:
			continue
		default:
			p.Autoload = only[i]
		}
		if !p.Autoload {
			off = append(off, p.Name)
		}
	}
	return off, nil
}

// matching reports which programs match one of the patterns. Each pattern must match one.
func matching(o *object.Object, flag string, patterns []string) ([]bool, error) {
	match := make([]bool, len(o.Programs))
	for _, pattern := range patterns {
		found := false
		var names []string
		for i, p := range o.Programs {
			if glob.Match(pattern, p.Name) {
				match[i], found = true, true
			}
			names = append(names, p.Name)
		}
		if found {
			continue
		}
		err := fmt.Errorf("%s %s: %s has no such program", flag, pattern, o.Name)
		if near := withNear(err, pattern, names...); near != err {
			return nil, near
		}
		return nil, fmt.Errorf("%w; it has %s", err, listed(names))
	}
	return match, nil
}

// check refuses a process or file that doesn't exist.
func (c *choice) check() error {
	if c.pid < 0 {
		return fmt.Errorf("--pid %d: a process id is positive", c.pid)
	}
	if c.pid > 0 {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", c.pid)); err != nil {
			return fmt.Errorf("--pid %d: there is no such process: %w", c.pid, err)
		}
	}
	return nil
}

// complete returns the hook of a program for which --pid and --exe complete what its section says:
// "uprobe/FUNC" and "usdt/PROVIDER:NAME" want a file, and each of their kind takes a process. ""
// if they change nothing.
func (c *choice) complete(p *object.Program) string {
	if p.Def == nil || c.pid == 0 && c.exe == "" {
		return ""
	}
	switch p.Def.Auto {
	case object.AutoUprobe, object.AutoUprobeMulti, object.AutoUSDT:
	default:
		return ""
	}
	kind, target, _ := strings.Cut(p.Sec, "/")
	kind = strings.TrimSuffix(kind, ".s")
	if target == "" {
		return "" // which function?
	}
	if incomplete(p) {
		file := c.exe
		if file == "" {
			file = fmt.Sprintf("/proc/%d/exe", c.pid)
		}
		target = file + ":" + target
	} else if c.pid == 0 {
		return ""
	}
	hook := kind + ":" + target
	if c.pid != 0 {
		hook += fmt.Sprintf(",pid=%d", c.pid)
	}
	return hook
}

// addPID gives the hooks that take a process --pid, unless they name one. It refuses a --pid that
// no hook takes.
func (c *choice) addPID(o *object.Object, hooks []ordered) error {
	if c.pid == 0 {
		return nil
	}
	taken := false
	for _, x := range hooks {
		if slices.Contains(x.hook.kind.options, "pid") {
			taken = true
			if x.hook.pid == 0 {
				x.hook.pid = c.pid
			}
		}
	}
	if taken {
		return nil
	}
	err := errors.New("--pid: no program is attached to a process")
	for _, name := range variables(o) {
		if strings.Contains(name, "pid") || strings.Contains(name, "tgid") {
			return fmt.Errorf("%w; the object has a variable %s: --set %s=%d",
				err, name, name, c.pid)
		}
	}
	return err
}
