package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/batch"
	"github.com/purebpf/bpf/cmd/bpf/internal/cgroup"
	"github.com/purebpf/bpf/cmd/bpf/internal/feature"
	"github.com/purebpf/bpf/cmd/bpf/internal/iters"
	"github.com/purebpf/bpf/cmd/bpf/internal/link"
	"github.com/purebpf/bpf/cmd/bpf/internal/maps"
	"github.com/purebpf/bpf/cmd/bpf/internal/metrics"
	"github.com/purebpf/bpf/cmd/bpf/internal/network"
	"github.com/purebpf/bpf/cmd/bpf/internal/perf"
	"github.com/purebpf/bpf/cmd/bpf/internal/prog"
	"github.com/purebpf/bpf/cmd/bpf/internal/structops"
	"github.com/purebpf/bpf/cmd/bpf/internal/token"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/cmd/bpf/internal/top"
	"github.com/purebpf/bpf/cmd/bpf/internal/tree"
)

// The groups of the help text.
const (
	objects = "objects"
	system  = "system"
)

type entry struct {
	name  string
	group string
	make  func() *cobra.Command
}

// verbs are in the order of the help text.
var verbs = [...]entry{
	{"new", objects, newNewCommand},
	{"run", objects, newRunCommand},
	{"attach", objects, newAttachCommand},
	{"detach", objects, newDetachCommand},
	{"verify", objects, newVerifyCommand},
	{"explain", objects, newExplainCommand},
	{"plan", objects, newPlanCommand},
	{"check", objects, newCheckCommand},
	{"objdump", objects, newObjdumpCommand},
	{"headers", objects, newHeadersCommand},
	{"vmlinux", objects, newVmlinuxCommand},
	{"gen", objects, newGenCommand},

	{"top", system, top.Command},
	{"tree", system, tree.Command},
	{"metrics", system, metrics.Command},
	{"prog", system, prog.Command},
	{"map", system, maps.Command},
	{"link", system, link.Command},
	{"cgroup", system, cgroup.Command},
	{"perf", system, perf.Command},
	{"net", system, network.Command},
	{"feature", system, feature.Command},
	{"batch", system, batch.Command},
	{"btf", system, newBTFCommand},
	{"struct_ops", system, structops.Command},
	{"iter", system, iters.Command},
	{"token", system, token.Command},
	{"version", system, newVersionCommand},
}

// commands makes the command of the verb that a command line begins with, since making all takes as
// long as a short command; all if it begins with something else, such as help.
func commands(line []string) []*cobra.Command {
	first := tool.First(line)
	only := slices.ContainsFunc(verbs[:], func(e entry) bool { return e.name == first })
	var list []*cobra.Command
	for _, v := range verbs {
		if only && v.name != first {
			continue
		}
		cmd := v.make()
		cmd.GroupID = v.group
		list = append(list, cmd)
	}
	return list
}
