//go:build linux

package main

import (
	"os"
	"testing"
)

// The guide has the table of features.tsv, which the machines' kernels confirm (reportFeatures).
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../../docs/kernels.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := guide(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Error("docs/kernels.md is not of today's features.tsv: run make generate")
	}
	if _, err := guide("no table"); err == nil {
		t.Error("a guide without a place for the table is accepted")
	}
}
