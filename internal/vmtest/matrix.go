//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of go test -json (see go doc test2json).
type event struct {
	Action, Package, Test, Output string
}

// matrix is the table of test × kernel.
type matrix struct {
	packages map[string]bool
	columns  []string
	tests    []string                     // "sys TestMapCreate", in the order first seen
	cells    map[string]map[string]string // test → column → "yes", "FAIL", "skip"
}

func newMatrix(packages []string) *matrix {
	m := &matrix{packages: map[string]bool{}, cells: map[string]map[string]string{}}
	for _, pkg := range packages {
		m.packages[pkg] = true
	}
	return m
}

// column returns a function that records the results of one kernel.
func (m *matrix) column(name string) func(event) {
	if !slices.Contains(m.columns, name) {
		m.columns = append(m.columns, name)
	}
	words := map[string]string{"pass": "yes", "fail": "FAIL", "skip": "skip"}
	return func(e event) {
		word := words[e.Action]
		if e.Test == "" || word == "" {
			return
		}
		pkg, _, _ := strings.Cut(e.Package, "@")
		pkg = strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		if pkg == "" {
			pkg = "bpf"
		}
		test := pkg + " " + e.Test
		if m.cells[test] == nil {
			m.cells[test] = map[string]string{}
			m.tests = append(m.tests, test)
		}
		m.cells[test][name] = word
	}
}

// finish marks tests that another column has and this one does not.
func (m *matrix) finish(name string) {
	for _, test := range m.tests {
		if m.cells[test][name] == "" {
			m.cells[test][name] = "-"
		}
	}
}

// addHost adds the column of the host from the events of go test -json.
func (m *matrix) addHost(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	record := m.column("host")
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil && m.packages[e.Package] {
			record(e)
		}
		if errors.Is(err, io.EOF) {
			m.finish("host")
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (m *matrix) print(w io.Writer) {
	width := 4
	for _, test := range m.tests {
		width = max(width, len(test))
	}
	slices.Sort(m.tests)
	fmt.Fprintf(w, "%-*s", width, "test")
	for _, c := range m.columns {
		fmt.Fprintf(w, "  %-5s", c)
	}
	fmt.Fprintln(w)
	for _, test := range m.tests {
		fmt.Fprintf(w, "%-*s", width, test)
		for _, c := range m.columns {
			cell := m.cells[test][c]
			if cell == "" {
				cell = "-"
			}
			fmt.Fprintf(w, "  %-5s", cell)
		}
		fmt.Fprintln(w)
	}
}
