// Testsum runs the steps of make test and counts what they did.
//
//	testsum test NAME COMMAND...    runs a command that prints go test -json events, shows failures and package results
//	testsum check NAME COMMAND...   runs any command; it failed if its exit status is not 0 or, with -quiet, if it printed
//	testsum fuzz RUNS PACKAGE...    runs every fuzz target of the packages RUNS times
//	testsum skip NAME REASON        records a step that cannot run here
//	testsum report                  adds up all steps, lists skips with their reasons, ends with "N passed, N failed, N skipped"
//
// Every step leaves its events in DIR/NAME.json (-dir DIR, build/test by default) and exits 0
// unless the step could not be run at all: report alone decides, so that one failing step does not
// hide what the others would say.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

func main() {
	dir := flag.String("dir", filepath.Join("build", "test"), "folder of the recorded events")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr,
			"usage: testsum [-dir DIR] test|check|fuzz|skip|report ...")
	}
	flag.Parse()
	if err := run(*dir, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
}

func run(dir string, args []string) error {
	if len(args) == 0 {
		return errors.New("which step? test, check, fuzz, skip or report")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	verb, args := args[0], args[1:]
	switch {
	case verb == "test" && len(args) >= 2:
		return runTest(dir, args[0], args[1:])
	case verb == "check" && len(args) >= 3 && args[0] == "-quiet":
		return runCheck(dir, args[1], args[2:], true)
	case verb == "check" && len(args) >= 2:
		return runCheck(dir, args[0], args[1:], false)
	case verb == "fuzz" && len(args) >= 2:
		runs, err := strconv.ParseUint(args[0], 10, 32)
		if err != nil {
			return fmt.Errorf("runs of each fuzz target: %w", err)
		}
		return runFuzz(dir, runs, args[1:])
	case verb == "skip" && len(args) == 2:
		return skipStep(dir, args[0], args[1])
	case verb == "report" && len(args) == 0:
		return report(dir, os.Stdout)
	}
	return fmt.Errorf("%s %q: see the head of internal/testsum/main.go", verb, args)
}
