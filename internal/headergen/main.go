// Command headergen writes the parts of include/bpf that are tables: bpf_helper_defs.h from
// helpers.tsv and bpf_registers.h from registers.tsv. `make generate` runs it.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/purebpf/bpf/include"
)

//go:embed helpers.tsv
var helperTable string

//go:embed registers.tsv
var registerTable string

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: headergen DIR")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "headergen:", err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	helpers, err := parseHelpers(helperTable)
	if err != nil {
		return err
	}
	machines, err := parseRegisters(registerTable)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"bpf_helper_defs.h": helperHeader(helpers),
		"bpf_registers.h":   registerHeader(machines),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// table returns the fields of each line of a table, and checks their number.
func table(name, text string, fields int) ([][]string, error) {
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != fields {
			return nil, fmt.Errorf("%s:%d: %d fields instead of %d", name, i+1, len(row), fields)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// header starts a generated file.
func header(w *bytes.Buffer, guard, source, about string) {
	fmt.Fprintf(w, "/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */\n")
	fmt.Fprintf(w, "/* %s: \"bpf headers\" writes it. */\n", include.Mark)
	fmt.Fprintf(w, "/* Code generated from internal/headergen/%s. DO NOT EDIT. */\n", source)
	fmt.Fprintf(w, "#ifndef %s\n#define %s\n\n", guard, guard)
	comment(w, about)
}

const width = 99 // of a line

// comment writes text as a block comment, a paragraph for each line of it.
func comment(w *bytes.Buffer, text string) {
	w.WriteString("/*\n")
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := " *"
		for word := range strings.FieldsSeq(paragraph) {
			if len(line)+1+len(word) > width {
				w.WriteString(line + "\n")
				line = " *"
			}
			line += " " + word
		}
		w.WriteString(line + "\n")
	}
	w.WriteString(" */\n")
}
