package tool

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Oracle: bpftool, which was asked what each abbreviation means.
func TestExpand(t *testing.T) {
	root := &cobra.Command{Use: "bpf"}
	prog := Noun{Name: "prog", Verbs: []Verb{{Name: "show", Alias: "list"}, {Name: "dump"},
		{Name: "pin"}, {Name: "load"}, {Name: "loadall"}, {Name: "detach"}}}
	root.AddCommand(prog.Command(), &cobra.Command{Use: "run"}, &cobra.Command{Use: "plan"})
	for line, want := range map[string]string{
		"p s":                      "prog show",
		"-j p s id 5":              "-j prog show id 5",
		"-B prog p -f d x":         "-B prog prog -f dump x",
		"pr l":                     "prog list",
		"prog lo a b":              "prog load a b",
		"prog loada a b":           "prog loadall a b",
		"prog de":                  "prog detach",
		"prog h":                   "prog help",
		"plan s":                   "plan s",
		"pl s":                     "pl s",
		"pe":                       "perf",
		"b file x":                 "batch file x",
		"prog --base-btf=x -- s y": "prog --base-btf=x -- s y",
		"":                         "",
		"-j":                       "-j",
	} {
		if got := Expand(root, strings.Fields(line)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestVersionFirst(t *testing.T) {
	for line, want := range map[string]string{
		"-V":              "version",
		"-jV":             "version -j",
		"prog show -p -V": "version -p",
		"run -V":          "run -V",
		"prog show":       "prog show",
	} {
		if got := VersionFirst(strings.Fields(line)); strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
