package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// Oracle: /dev/full, where nothing can be written. A command whose text is lost says so and fails.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	defer full.Close()
	const object = "../../testdata/link.bpf.o"
	for _, args := range [][]string{{"help"}, {"run", "--help"}, {"version"}, {"objdump", object}, {"check", object}, {"check", "-j", object},
		{"verify", object}, {"verify", "-j", object}, {"plan", object}} {
		if args[0] == "verify" || args[0] == "plan" {
			testkit.Root(t)
		}
		cmd := command(t, args...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		err, _ := cmd.Run().(*exec.ExitError)
		if err == nil || err.ExitCode() != 1 || !strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("%v: %v, %s", args, err, errs.String())
		}
	}
}
