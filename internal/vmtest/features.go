//go:build linux

package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// featureTable says for each feature on which of the kernels of scripts/getkernel.sh C libbpf could
// attach and trigger it, and which test of ours covers it. A test of a feature skips if the kernel
// lacks it, so a skip is a "no". A skip that the table does not expect is a failure; so is a test
// that passes where the table says that the feature is missing. The table does not cover the host,
// which may lack anything; there each skip has its own proof.
//
//go:embed features.tsv
var featureTable string

type feature struct {
	name string
	want map[string]string // kernel → "yes", "no"
	test string            // "bpf TestKprobeAuto", "" if there is none
}

func readFeatures() (list []feature, err error) {
	var kernels []string
	for line := range strings.Lines(featureTable) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			if len(fields) > 2 {
				kernels = fields[1 : len(fields)-1]
			}
			continue
		}
		if len(fields) != len(kernels)+2 {
			return nil, fmt.Errorf("features.tsv: %q has %d fields, want %d",
				fields[0], len(fields), len(kernels)+2)
		}
		f := feature{name: fields[0], want: map[string]string{}, test: fields[len(fields)-1]}
		if f.test == "-" {
			f.test = ""
		}
		for i, kernel := range kernels {
			f.want[kernel] = fields[i+1]
		}
		list = append(list, f)
	}
	return list, nil
}

// result returns the outcome of a feature in the run of a column: yes, no, FAIL, or "-" if no test
// of it ran. A test that skips also skips its subtests.
func (m *matrix) result(f feature, column string) string {
	cell := m.cells[f.test][column]
	pkg, test, _ := strings.Cut(f.test, " ")
	if whole, _, sub := strings.Cut(test, "/"); sub && (cell == "" || cell == "-") &&
		m.cells[pkg+" "+whole][column] == "skip" {
		cell = "skip"
	}
	switch cell {
	case "", "-":
		return "-"
	case "skip":
		return "no"
	default:
		return cell
	}
}

// reportFeatures writes an event of go test -json for each feature with a test, as if it were a
// test itself: it passes if the kernel has or lacks it according to the table. kernel is the column
// of the table, column that of the run.
func (m *matrix) reportFeatures(w io.Writer, list []feature, column, kernel string) error {
	out := json.NewEncoder(w)
	pkg := module + "/internal/vmtest@" + column
	verdict := "pass"
	for _, f := range list {
		want, got := f.want[kernel], m.result(f, column)
		if f.test == "" || want == "" {
			continue
		}
		test := "Feature/" + strings.ReplaceAll(f.name, " ", "_")
		e := event{Action: "pass", Package: pkg, Test: test}
		if got != want {
			e.Action, verdict = "fail", "fail"
			text := fmt.Sprintf("    %s: %s, %s says %s\n", f.name, want, f.test, got)
			if err := out.Encode(
				event{Action: "output", Package: pkg, Test: test, Output: text}); err != nil {
				return err
			}
		}
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	return out.Encode(event{Action: verdict, Package: pkg})
}

// printFeatures writes the table of feature × kernel: the results, and in brackets the table's
// entry if that differs. kernels are the columns of the table that belong to the columns of the
// run.
func (m *matrix) printFeatures(w io.Writer, list []feature, kernels map[string]string) {
	width := len("feature")
	for _, f := range list {
		width = max(width, len(f.name))
	}
	fmt.Fprintf(w, "%-*s", width, "feature")
	for _, c := range m.columns {
		fmt.Fprintf(w, "  %-9s", c)
	}
	fmt.Fprintln(w, "  test")
	for _, f := range list {
		fmt.Fprintf(w, "%-*s", width, f.name)
		for _, c := range m.columns {
			cell := m.result(f, c)
			if want := f.want[kernels[c]]; want != "" && want != cell {
				cell += " [" + want + "]"
			}
			fmt.Fprintf(w, "  %-9s", cell)
		}
		test := f.test
		if test == "" {
			test = "-"
		}
		fmt.Fprintln(w, " ", test)
	}
	fmt.Fprintln(w)
}
