package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// tally is what the events of all steps add up to.
type tally struct {
	passed, failed, skipped int
	failures                []string
	skips                   map[string][]string // reason → tests
	samples                 []string            // "step: package test: 200 of 2000 cycles"
}

func report(dir string, w io.Writer) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	t := tally{skips: map[string][]string{}}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		err = t.add(strings.TrimSuffix(filepath.Base(path), ".json"), f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	t.print(w)
	switch {
	case t.failed > 0:
		return fmt.Errorf("%d failed", t.failed)
	case t.passed == 0:
		return fmt.Errorf("no test ran (events of steps in %s)", dir)
	}
	return nil
}

// add counts tests and subtests that have a result, and packages that failed without a failing test
// (they did not build, leaked, or died).
func (t *tally) add(step string, r io.Reader) error {
	output := map[[2]string]string{} // by package and test
	packageFailed := map[string]bool{}
	return eachEvent(r, func(e event) error {
		name := step + ": " + short(e.Package) + " " + e.Test
		switch {
		case e.Test == "" && e.Action == "fail":
			if !packageFailed[e.Package] {
				t.fail(step + ": package " + short(e.Package))
			}
		case e.Test == "":
		case e.Action == "output":
			if _, sample, ok := strings.Cut(e.Output, ": sample: "); ok {
				t.samples = append(t.samples, name+": "+strings.TrimSpace(sample))
			}
			output[[2]string{e.Package, e.Test}] += e.Output
		case e.Action == "pass":
			t.passed++
		case e.Action == "fail":
			packageFailed[e.Package] = true
			t.fail(name)
		case e.Action == "skip":
			t.skipped++
			reason := skipReason(output[[2]string{e.Package, e.Test}])
			t.skips[reason] = append(t.skips[reason], name)
		}
		return nil
	})
}

func (t *tally) fail(name string) {
	t.failed++
	t.failures = append(t.failures, name)
}

// A skip's output is "=== RUN …", what it logged, "    file.go:12: reason", "--- SKIP: …".
func skipReason(output string) string {
	location := regexp.MustCompile(`^\s*[\w.]+\.(?:go|sh):\d+: (?:skip: )?`)
	reason := "no reason given"
	for line := range strings.Lines(output) {
		if at := location.FindString(line); at != "" {
			reason = strings.TrimSpace(line[len(at):])
		}
	}
	return reason
}

func (t *tally) print(w io.Writer) {
	const show = 4
	if t.skipped > 0 {
		fmt.Fprintln(w, "\nSkipped, and why:")
	}
	for _, reason := range slices.Sorted(maps.Keys(t.skips)) {
		names := t.skips[reason]
		more := ""
		if len(names) > show {
			more = fmt.Sprintf(" and %d more", len(names)-show)
			names = names[:show]
		}
		fmt.Fprintf(w, "  %4d  %s\n        %s%s\n", len(t.skips[reason]), reason,
			strings.Join(names, ", "), more)
	}
	if len(t.samples) > 0 {
		fmt.Fprintln(w, "\nSampled, where make long tries all:")
	}
	for _, sample := range t.samples {
		fmt.Fprintln(w, "  "+sample)
	}
	if t.failed > 0 {
		fmt.Fprintln(w, "\nFailed:")
	}
	for _, name := range t.failures {
		fmt.Fprintln(w, "  "+name)
	}
	fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
}
