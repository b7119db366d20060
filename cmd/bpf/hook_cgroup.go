package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

func attachCgroup(s subject, h *hook) (hooked, error) {
	if h.mode != "" {
		return hooked{}, errors.New("links have the mode multi; others go with link=no")
	}
	return one(s.AttachCgroup(h.target, h.cgroupOptions()))
}

func setCgroup(s subject, h *hook) (hooked, error) {
	o := &nolink.CgroupOptions{CgroupOptions: *h.cgroupOptions()}
	var err error
	if o.Mode, err = h.cgroupMode(); err != nil {
		return hooked{}, err
	}
	if err := nolink.AddCgroup(s.Program, h.target, o); err != nil {
		return hooked{}, err
	}
	return hooked{
		what: fmt.Sprintf("%s to cgroup %s, without a link, %v", s.name(), h.target, o.Mode),
		undo: func() error {
			return nolink.RemoveCgroup(s.Program, h.target,
				&nolink.RemoveCgroupOptions{Type: o.Type})
		},
	}, nil
}

func (h *hook) cgroupOptions() *bpf.CgroupOptions {
	o := &bpf.CgroupOptions{Anchor: h.place, Revision: h.revision, Preorder: h.preorder}
	if h.attachType != nil {
		o.Type = *h.attachType
	}
	return o
}

// cgroupThere queries every attach type of cgroups, or the one that the hook names.
func cgroupThere(h *hook) ([]attachment, error) {
	types := cgroupTypes()
	if h.attachType != nil {
		types = []uapi.AttachType{*h.attachType}
	}
	id, err := tool.Inode(h.target)
	if err != nil {
		return nil, err
	}
	var list []attachment
	for _, t := range types {
		there, err := inspect.Cgroup(h.target, t)
		if errors.Is(err, syscall.EINVAL) && h.attachType == nil {
			continue // a type that this kernel doesn't have
		}
		if err != nil {
			return nil, err
		}
		if err := findLinks(there, uapi.LinkCgroup,
			&linkinfo.Cgroup{CgroupID: id, AttachType: t}); err != nil {
			return nil, err
		}
		list = append(list, hookedThere(there, func(p *bpf.Program) error {
			return nolink.RemoveCgroup(p, h.target, &nolink.RemoveCgroupOptions{Type: t})
		})...)
	}
	return list, nil
}

// cgroupTypes returns the attach types of cgroups. The query for LSM programs needs an LSM hook,
// which a program has but a cgroup doesn't.
func cgroupTypes() (types []uapi.AttachType) {
	for t := range uapi.AttachType(256) {
		if strings.HasPrefix(t.String(), "cgroup_") {
			types = append(types, t)
		}
	}
	return types
}

// rootCgroup returns the mount point of the cgroup2 file system.
func rootCgroup() (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		mount, fs, _ := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(mount); strings.HasPrefix(fs, "cgroup2 ") && len(fields) > 4 {
			return fields[4], nil
		}
	}
	return "", errors.New("no cgroup2 file system is mounted: name a cgroup with --cgroup")
}
