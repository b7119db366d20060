package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	tableRow = regexp.MustCompile("^\\| (\\d+) \\| (`[^|]*) \\| .* \\| (yes|no) \\|$")
	quoted   = regexp.MustCompile("`([^`]+)`")
)

// TestPage: ARCHITECTURE.md has every room of the house on its floor, in order, and the arrows of
// its picture are imports. The oracle is the tree.
func TestPage(t *testing.T) {
	top := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(top, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	packages := imports(t, top)
	last, rows, arrows := 0, 0, 0
	for line := range strings.Lines(string(text)) {
		if from, to, ok := strings.Cut(line, " ──▶ "); ok {
			from = dirOf(strings.TrimSpace(from))
			for _, name := range strings.Fields(to) {
				arrows++
				path := strings.TrimSuffix(module+"/"+dirOf(name), "/")
				if !slices.Contains(packages[from], path) {
					t.Errorf("the picture has an arrow from %s to %s, which it doesn't import",
						from, name)
				}
			}
		}
		row := tableRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		floor, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		if floor < last {
			t.Errorf("floor %d comes after floor %d", floor, last)
		}
		last = floor
		for _, name := range quoted.FindAllStringSubmatch(row[2], -1) {
			rows++
			r, ok := find(dirOf(name[1]))
			if !ok || r.floor != floor {
				t.Errorf("the table has %s on floor %d, the test on %d", name[1], floor, r.floor)
			}
		}
	}
	if rows < 60 || arrows < 40 {
		t.Errorf("%d rows, %d arrows", rows, arrows)
	}
}

// dirOf returns the directory of a package by its name on the page.
func dirOf(name string) string {
	if name == "bpf" {
		return ""
	}
	return name
}
