package skelgen_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

var (
	cMember  = regexp.MustCompile(`(?m)^\t\tstruct bpf_(map|program|link) \*(\w+);$`)
	goMember = regexp.MustCompile(
		`(?m)^\ts\.StructOps\.\w+\.bind\(o\.StructOps\("([^"]*)"\)\)$|^\to\.(Map|Program)\("([^"]*)", &s\.`)
	internal = []string{"data", "rodata", "bss", "kconfig"}
)

// TestNamesAsInC: the skeleton has the maps and programs that the C skeleton has, in its order, but
// for the maps of data sections, whose variables it has. Oracle: bpftool gen skeleton.
func TestNamesAsInC(t *testing.T) {
	testkit.Tool(t, "bpftool")
	paths := testkit.Corpus(t)
	n := testkit.Sample(t, "objects", len(paths), 30)
	compared := 0
	for i := range n {
		path := paths[i*len(paths)/n]
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, path)
		if err != nil {
			continue
		}
		text, err := skelgen.Generate(o, skelgen.Options{ObjectFile: "x.o"})
		if err != nil {
			t.Fatal(err)
		}
		var theirs, ours []string
		for _, m := range cMember.FindAllSubmatch(testkit.Run(t, "bpftool", "gen", "skeleton", path,
			"name", "x"), -1) {
			kind, name := string(m[1]), string(m[2])
			if section, _, _ := strings.Cut(name, "_"); kind != "link" &&
				!(kind == "map" && slices.Contains(internal, section)) {
				theirs = append(theirs, kind+" "+name)
			}
		}
		for _, m := range goMember.FindAllSubmatch(text, -1) {
			if kind := strings.ToLower(string(m[2])); kind != "" {
				ours = append(ours, kind+" "+string(m[3]))
			}
		}
		if !slices.Equal(ours, theirs) {
			t.Errorf("%s:\n%q\nin C\n%q", testkit.CorpusName(path), ours, theirs)
		}
		compared += len(ours)
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}
