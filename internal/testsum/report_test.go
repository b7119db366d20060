package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Oracle: go test itself, run over a module made here with one test of every result.
func TestReportCountsWhatGoTestDid(t *testing.T) {
	const tests = `package m
import "testing"
func TestPass(t *testing.T) { t.Run("sub", func(t *testing.T) {}); t.Log("sample: 2 of 20 cycles") }
func TestFail(t *testing.T) { t.Log("because"); t.Fail() }
func TestSkipA(t *testing.T) { t.Log("noise"); t.Skip("skip: no such kernel") }
func TestSkipB(t *testing.T) { t.Skip("skip: no such kernel") }
`
	src, dir := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m\n", "m_test.go": tests} {
		if err := os.WriteFile(filepath.Join(src, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", ".")
	cmd.Dir = src
	out, err := cmd.Output()
	if err == nil {
		t.Fatal("go test passed a failing test")
	}
	if err := os.WriteFile(filepath.Join(dir, "unit.json"), out, 0o644); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report(dir, &text); err == nil {
		t.Error("no error though a test failed")
	}
	if got := text.String(); !strings.HasSuffix(got, "\n2 passed, 1 failed, 2 skipped\n") ||
		!strings.Contains(got, "   2  no such kernel\n") ||
		!strings.Contains(got, "unit: m TestFail") ||
		!strings.Contains(got, "\n  unit: m TestPass: 2 of 20 cycles\n") {
		t.Errorf("report:\n%s", got)
	}
}

// A package that does not build has no failing test, and must not count as passed.
func TestReportPackageFailure(t *testing.T) {
	var c tally
	c.skips = map[string][]string{}
	err := c.add("unit", strings.NewReader(`{"Action":"fail","Package":"p"}`+"\n"))
	if err != nil || c.failed != 1 {
		t.Errorf("%v: %+v", err, c)
	}
}

func TestReportOfNothingIsAnError(t *testing.T) {
	if report(t.TempDir(), &bytes.Buffer{}) == nil {
		t.Error("no error though no test ran")
	}
}
