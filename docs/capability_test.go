package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/purebpf/bpf/uapi"
)

// The table of program types in deploying.md has every type and what uapi.ProgCaps says, which a
// test of package kernel holds against the kernel.
func TestCapabilities(t *testing.T) {
	text, err := os.ReadFile("deploying.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| program type | needs |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	word := regexp.MustCompile("`[A-Za-z0-9_]+`")
	documented := map[string]string{}
	for row := range strings.Lines(table) {
		types, needs, _ := strings.Cut(strings.Trim(row, "|\n"), "|")
		for _, name := range word.FindAllString(types, -1) {
			documented[name] = strings.Join(word.FindAllString(needs, -1), " ")
		}
	}
	for typ := uapi.ProgSocketFilter; typ <= uapi.ProgNetfilter; typ++ {
		var want []string
		for _, c := range uapi.ProgCaps(typ) {
			want = append(want, "`"+c.String()+"`")
		}
		name := "`" + typ.String() + "`"
		if got := documented[name]; got != strings.Join(want, " ") {
			t.Errorf("%s needs %s, want %s", name, got, want)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("%s is no program type", name)
	}
}
