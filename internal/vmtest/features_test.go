//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFeatureTable checks that the table has all rows, and that the tests it names exist. The
// oracle is the source of the tests.
func TestFeatureTable(t *testing.T) {
	list, err := readFeatures()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 122 {
		t.Errorf("%d features, want 122", len(list))
	}
	sources := map[string]string{}
	count := map[string]int{}
	for _, f := range list {
		for kernel, want := range f.want {
			if want != "yes" && want != "no" {
				t.Errorf("%s on %s: %q", f.name, kernel, want)
			}
			if want == "yes" {
				count[kernel]++
			}
		}
		if f.test == "" {
			continue
		}
		pkg, test, _ := strings.Cut(f.test, " ")
		dir := filepath.Join("..", "..", pkg)
		if pkg == "bpf" {
			dir = filepath.Join("..", "..")
		}
		if sources[dir] == "" {
			files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				sources[dir] += string(text)
			}
		}
		function, sub, _ := strings.Cut(test, "/")
		if !strings.Contains(sources[dir], "\nfunc "+function+"(t *testing.T)") {
			t.Errorf("%s: no test %s in %s", f.name, function, dir)
		}
		if sub != "" && !strings.Contains(strings.ReplaceAll(sources[dir], " ", "_"), `"`+sub+`"`) {
			t.Errorf("%s: no subtest %s in %s", f.name, sub, dir)
		}
	}
	if count["6.1"] != 99 || count["6.12"] != 117 {
		t.Errorf("features by kernel: %v", count)
	}
}

// TestFeatureReport checks that a skip is a no, and that a difference from the table is a failure.
func TestFeatureReport(t *testing.T) {
	list := []feature{
		{"a", map[string]string{"6.1": "yes"}, "bpf TestA"},
		{"b", map[string]string{"6.1": "no"}, "bpf TestB"},
		{"c", map[string]string{"6.1": "yes"}, "bpf TestC"},
		{"d", map[string]string{"6.1": "no"}, "bpf TestD"},
		{"e", map[string]string{"6.1": "yes"}, "bpf TestE"},
		{"f", map[string]string{"6.1": "yes"}, ""},
		{"g", map[string]string{"6.1": "no"}, "bpf TestB/sub"},
		{"h", map[string]string{"6.1": "yes"}, "bpf TestA/sub"},
	}
	m := newMatrix(nil)
	record := m.column("6.1")
	for _, e := range []event{{Action: "pass", Test: "TestA"}, {Action: "skip", Test: "TestB"},
		{Action: "skip", Test: "TestC"}, {Action: "pass", Test: "TestD"}} {
		e.Package = module
		record(e)
	}
	var out strings.Builder
	if err := m.reportFeatures(&out, list, "6.1", "6.1"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"pass","Package":"` + module + `/internal/vmtest@6.1","Test":"Feature/a"`,
		`"pass","Package":"` + module + `/internal/vmtest@6.1","Test":"Feature/b"`,
		`"fail","Package":"` + module + `/internal/vmtest@6.1","Test":"Feature/c"`,
		`"fail","Package":"` + module + `/internal/vmtest@6.1","Test":"Feature/d"`,
		`"fail","Package":"` + module + `/internal/vmtest@6.1","Test":"Feature/e"`,
		`"pass","Package":"` + module + `/internal/vmtest@6.1","Test":"Feature/g"`,
		`"fail","Package":"` + module + `/internal/vmtest@6.1","Test":"Feature/h"`,
		`"fail","Package":"` + module + `/internal/vmtest@6.1"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "Feature/f") {
		t.Error("a feature without a test is reported")
	}
}
