//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// The guide's table is between these lines.
const (
	guideBegin = "<!-- features: made by make generate of internal/vmtest/features.tsv -->\n"
	guideEnd   = "<!-- end of features -->\n"
)

// writeGuide puts the table of features into the guide at path.
func writeGuide(path string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := guide(string(old))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if text == string(old) {
		return nil
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// guide returns the text of the guide with the table replaced.
func guide(old string) (string, error) {
	before, rest, ok := strings.Cut(old, guideBegin)
	_, after, ok2 := strings.Cut(rest, guideEnd)
	if !ok || !ok2 {
		return "", fmt.Errorf("no lines %q and %q",
			strings.TrimSpace(guideBegin), strings.TrimSpace(guideEnd))
	}
	list, err := readFeatures()
	if err != nil {
		return "", err
	}
	kernels := []string{"6.1", "6.12"}
	var table bytes.Buffer
	fmt.Fprintf(&table, "| feature | %s |\n| --- |%s\n", strings.Join(kernels, " | "),
		strings.Repeat(" --- |", len(kernels)))
	for _, f := range list {
		fmt.Fprintf(&table, "| %s |", f.name)
		for _, k := range kernels {
			fmt.Fprintf(&table, " %s |", f.want[k])
		}
		fmt.Fprintln(&table)
	}
	return before + guideBegin + table.String() + guideEnd + after, nil
}
