package main

import "github.com/spf13/cobra"

// verbs are in the order of the help text.
var verbs = [...]struct {
	name string
	make func() *cobra.Command
}{
	{"new", newNewCommand},
	{"run", newRunCommand},
	{"attach", newAttachCommand},
	{"detach", newDetachCommand},
	{"verify", newVerifyCommand},
	{"plan", newPlanCommand},
	{"check", newCheckCommand},
	{"objdump", newObjdumpCommand},
	{"headers", newHeadersCommand},
	{"btf", newBTFCommand},
	{"vmlinux", newVmlinuxCommand},
	{"gen", newGenCommand},
	{"version", newVersionCommand},
}

// commands makes the command of the verb that a command line begins with, since making all takes as
// long as a short command; all if it begins with something else, such as help.
func commands(line []string) []*cobra.Command {
	if len(line) > 0 && (line[0] == "-j" || line[0] == "--json") {
		line = line[1:]
	}
	for _, v := range verbs {
		if len(line) > 0 && v.name == line[0] {
			return []*cobra.Command{v.make()}
		}
	}
	var all []*cobra.Command
	for _, v := range verbs {
		all = append(all, v.make())
	}
	return all
}
