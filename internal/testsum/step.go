package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// runTest runs a command that prints test events. It shows the output of what failed and one line
// per package.
func runTest(dir, step string, command []string) error {
	rec, err := record(dir, step)
	if err != nil {
		return err
	}
	defer rec.close()
	start := time.Now()
	fmt.Printf("== %s: %s\n", step, strings.Join(command, " "))
	if slices.Contains(command, "-short") {
		if err := rec.add(event{Action: "output", Package: step, Test: "all",
			Output: "    step: sample: what -short leaves\n"}); err != nil {
			return err
		}
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	output := map[[2]string]*strings.Builder{} // by package and test, until its result is known
	failures := 0
	err = eachEvent(stdout, func(e event) error {
		key := [2]string{e.Package + e.ImportPath, e.Test}
		switch e.Action {
		case "output", "build-output":
			if key[0] == "" {
				fmt.Print(e.Output)
				break
			}
			if output[key] == nil {
				output[key] = &strings.Builder{}
			}
			output[key].WriteString(e.Output)
		case "fail", "build-fail":
			failures++
			if out := output[key]; out != nil {
				fmt.Printf("--- %s: %s %s\n%s", step, short(key[0]), e.Test, shorten(out.String()))
			}
			delete(output, key)
		case "pass", "skip":
			delete(output, key)
		}
		if e.Test == "" && (e.Action == "pass" || e.Action == "fail") {
			fmt.Printf("   %s %-40s %6.1f s\n", e.Action, short(e.Package), e.Elapsed)
		}
		return rec.add(e)
	})
	if werr := cmd.Wait(); err == nil && werr != nil && failures == 0 {
		// It failed without saying which test did: the step as a whole did.
		fmt.Printf("--- %s: %v\n", step, werr)
		err = rec.add(event{Action: "fail", Package: step, Test: step})
	}
	fmt.Printf("== %s: %.1f s\n", step, time.Since(start).Seconds())
	return err
}

// shorten keeps the beginning and the end of what a failed test printed; the step's .json has all
// of it.
func shorten(out string) string {
	const most = 60
	lines := strings.SplitAfter(out, "\n")
	if len(lines) <= most {
		return out
	}
	return strings.Join(lines[:most/2], "") + fmt.Sprintf("    … %d lines …\n",
		len(lines)-most) + strings.Join(lines[len(lines)-most/2:], "")
}

// runCheck runs any command as one test of its own.
func runCheck(dir, step string, command []string, quiet bool) error {
	rec, err := record(dir, step)
	if err != nil {
		return err
	}
	defer rec.close()
	start := time.Now()
	var out bytes.Buffer
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	action := "pass"
	if err != nil || quiet && out.Len() > 0 {
		action = "fail"
	}
	elapsed := time.Since(start).Seconds()
	fmt.Printf("== %s: %s %.1f s\n", step, action, elapsed)
	if action == "fail" {
		fmt.Printf("%s\n%s", strings.Join(command, " "), out.Bytes())
		if err != nil {
			fmt.Println(err)
		}
	}
	return rec.add(event{Action: action, Package: "check", Test: step, Elapsed: elapsed})
}

// skipStep records a step that cannot run here as a skipped test with its reason.
func skipStep(dir, step, reason string) error {
	rec, err := record(dir, step)
	if err != nil {
		return err
	}
	fmt.Printf("== %s: skip: %s\n", step, reason)
	return errors.Join(
		rec.add(event{Action: "output", Package: "check", Test: step, Output: "    test.sh:1: " +
			reason + "\n"}),
		rec.add(event{Action: "skip", Package: "check", Test: step}),
		rec.close())
}

// runFuzz finds the fuzz targets of packages and runs each that many times, starting from its
// seeds. A number, not a duration: before Go 1.27 a fuzzer that a duration ends now and then
// reports that end as a failure (go.dev/issue/75804).
func runFuzz(dir string, runs uint64, packages []string) error {
	rec, err := record(dir, "fuzz")
	if err != nil {
		return err
	}
	defer rec.close()
	list := exec.Command("go", append([]string{"list"}, packages...)...)
	list.Stderr = os.Stderr
	found, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for pkg := range strings.FieldsSeq(string(found)) {
		names, err := exec.Command("go", "test", "-list", "^Fuzz", pkg).Output()
		if err != nil {
			return fmt.Errorf("fuzz targets of %s: %w", pkg, err)
		}
		for name := range strings.FieldsSeq(string(names)) {
			if !strings.HasPrefix(name, "Fuzz") {
				continue
			}
			start := time.Now()
			// Minimising interesting inputs would take most of so short a time.
			out, err := exec.Command("go", "test", "-run=^$", "-fuzz=^"+name+"$",
				fmt.Sprintf("-fuzztime=%dx", runs), "-fuzzminimizetime=1x", pkg).CombinedOutput()
			action := "pass"
			if err != nil {
				action = "fail"
				fmt.Printf("%s", out)
			}
			fmt.Printf("== fuzz: %s %s %s %s\n", action, short(pkg), name, lastExecs(out))
			if err := rec.add(event{Action: action, Package: pkg, Test: "fuzzing " + name,
				Elapsed: time.Since(start).Seconds()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastExecs picks the number of runs from the fuzzer's last progress line.
func lastExecs(out []byte) string {
	at := bytes.LastIndex(out, []byte("execs: "))
	if at < 0 {
		return ""
	}
	number, _, _ := bytes.Cut(out[at+len("execs: "):], []byte(" "))
	return string(number) + " runs"
}
