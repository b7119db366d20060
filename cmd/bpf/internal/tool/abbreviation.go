package tool

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// nouns are bpftool's objects in its order: an abbreviation means the first that fits.
var nouns = [...]string{"help", "batch", "prog", "map", "link", "cgroup", "perf", "net", "feature",
	"btf", "gen", "struct_ops", "iter", "token", "version"}

// The annotations of commands with this grammar: frameKey of all, verbsKey of those that have
// commands, which it lists in bpftool's order.
const (
	frameKey = "bpftool's grammar"
	verbsKey = "bpftool's order"
)

// First returns the first word of a command line that is no option, in full if it is an
// abbreviation of one of bpftool's; "" if there is none, or if help is asked for before.
func First(line []string) string {
	at := nextWord(line, 0)
	if at < 0 || slices.Contains(line[:at], "-h") || slices.Contains(line[:at], "--help") {
		return ""
	}
	return full(line[at], nouns[:])
}

// Expand returns the command line with the abbreviated names of commands in full. What is the name
// of a command of root is no abbreviation.
func Expand(root *cobra.Command, line []string) []string {
	at := nextWord(line, 0)
	if at < 0 {
		return line
	}
	line = slices.Clone(line)
	cmd := child(root, line[at])
	if cmd == nil {
		line[at] = full(line[at], nouns[:])
		cmd = child(root, line[at])
	}
	if cmd == nil || cmd.Annotations[verbsKey] == "" {
		return line
	}
	if verb := nextWord(line, at+1); verb >= 0 {
		line[verb] = full(line[verb], strings.Fields(cmd.Annotations[verbsKey]))
	}
	return line
}

// child returns the command of cmd with that name.
func child(cmd *cobra.Command, name string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// VersionFirst returns a command line that prints the version if the line asks for it by an option.
func VersionFirst(line []string) []string {
	if first := First(line); first != "" && !slices.Contains(nouns[:], first) {
		return line
	}
	if o := OptionsOf(line); o.ShowNumber {
		if o.Pretty {
			return []string{"version", "-p"}
		}
		if o.JSON {
			return []string{"version", "-j"}
		}
		return []string{"version"}
	}
	return line
}

// full returns the first word of the order that begins with word, or is it.
func full(word string, order []string) string {
	if word == "" || slices.Contains(order, word) {
		return word
	}
	for _, w := range order {
		if strings.HasPrefix(w, word) {
			return w
		}
	}
	return word
}

// nextWord returns the index of the next word that is neither an option nor the value of one.
func nextWord(line []string, from int) int {
	for i := from; i < len(line); i++ {
		switch word := line[i]; {
		case word == "--":
			return -1
		case word == "-B" || word == "--base-btf":
			i++
		case !strings.HasPrefix(word, "-") || word == "-":
			return i
		}
	}
	return -1
}
