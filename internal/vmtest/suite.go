//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/purebpf/bpf/internal/vm"
)

const module = "github.com/purebpf/bpf"

// perPackage is the time limit of one package's tests: software emulation is 6 to 40 times slower
// than the machine.
const perPackage = 30 * time.Minute

// suite is one package's tests, built to run elsewhere.
type suite struct {
	pkg    string
	binary string
}

// crossEnv returns the environment in which go builds static programs for a machine.
func crossEnv(arch string) []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
}

// buildGuest builds the guest program for the kernel's machine, once.
func buildGuest(ctx context.Context, dir string, k vm.Kernel) (string, error) {
	to := filepath.Join(dir, "init-"+k.Arch)
	if exists(to) {
		return to, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, "./internal/vm/guest")
	cmd.Env = crossEnv(k.Arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build of the guest program: %w\n%s", err, out)
	}
	return to, nil
}

// listPackages returns the named packages that have tests; for all packages ("./...") only those
// whose tests use package sys, because their results depend on the kernel.
func listPackages(ctx context.Context, o *options) ([]string, error) {
	list := exec.CommandContext(ctx, "go",
		append([]string{"list", "-test", "-json=ImportPath,Deps"},
			strings.Split(o.packages, ",")...)...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []string
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		// A package with tests is listed a second time, as the program that runs them.
		pkg, isTest := strings.CutSuffix(p.ImportPath, ".test")
		if isTest && (o.packages != "./..." || slices.Contains(p.Deps, module+"/sys")) {
			packages = append(packages, pkg)
		}
	}
	if len(packages) == 0 {
		return nil, fmt.Errorf("no package of %s has tests that a kernel decides", o.packages)
	}
	return packages, nil
}

// buildSuites builds the packages' tests for a machine. Those for another machine are built once
// for all of its kernels.
func buildSuites(ctx context.Context, o *options, dir, arch string,
	packages []string) ([]suite, error) {
	start := time.Now()
	dir = filepath.Join(dir, "tests-"+arch)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var suites []suite
	for _, pkg := range packages {
		s := suite{pkg: pkg, binary: filepath.Join(dir, strings.ReplaceAll(pkg, "/", "_")+".test")}
		suites = append(suites, s)
		if exists(s.binary) {
			continue
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-o", s.binary, s.pkg)
		cmd.Env = crossEnv(arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go test -c %s for %s: %w\n%s", s.pkg, arch, err, out)
		}
	}
	o.say("built %d test binaries for %s in %.1f s", len(suites), arch, time.Since(start).Seconds())
	return suites, nil
}

// environment returns the environment of commands in the machine. They run as root and must find
// the copied files.
func environment() []string {
	return []string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "TMPDIR=/tmp", "LANG=C.UTF-8",
		"PUREBPF_CACHE=/cache", "PUREBPF_REQUIRE_ROOT=1", "PUREBPF_SLOW=1",
		"PUREBPF_DISPOSABLE=1"}
}

// littleEndian are packages whose tests resolve the little-endian objects beside them, which C
// libbpf cannot load on a big-endian kernel either.
var littleEndian = []string{module + "/plan", module + "/preflight"}

// leaveOut removes those packages and writes events that say so.
func leaveOut(packages []string, version string) ([]string, error) {
	out := json.NewEncoder(os.Stdout)
	var rest []string
	for _, pkg := range packages {
		if !slices.Contains(littleEndian, pkg) {
			rest = append(rest, pkg)
			continue
		}
		name := pkg + "@" + version
		for _, e := range []event{
			{Action: "output", Package: name, Test: "TestAll",
				Output: "    suite.go:0: skip: its tests resolve little-endian objects\n"},
			{Action: "skip", Package: name, Test: "TestAll"},
		} {
			if err := out.Encode(e); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

func runKernel(ctx context.Context, o *options, dir, version string, packages []string,
	results *matrix) error {
	k, err := vm.FindKernel(filepath.Join(o.cache, "kernels"), version)
	if err != nil {
		return err
	}
	if k.Arch == "s390x" {
		if packages, err = leaveOut(packages, version); err != nil {
			return err
		}
	}
	arch := k.Arch
	if o.goarch != "" {
		arch = o.goarch
	}
	suites, err := buildSuites(ctx, o, dir, arch, packages)
	if err != nil {
		return err
	}
	guest, err := buildGuest(ctx, dir, k)
	if err != nil {
		return err
	}
	root := vm.NewInitramfs(k, guest)
	for _, folder := range strings.FieldsFunc(o.corpus, func(r rune) bool { return r == ',' }) {
		if from := filepath.Join(o.cache, "corpus", folder); exists(from) {
			root.Add(from, "/cache/corpus/"+folder)
		}
	}
	if err := addTestdata(ctx, root); err != nil {
		return err
	}
	if k.Arch == runtime.GOARCH {
		for _, part := range []string{"oracle/oracle", "compiled"} {
			if from := filepath.Join(o.cache, part); exists(from) {
				root.Add(from, "/cache/"+part)
			}
		}
		if err := addTools(root); err != nil {
			return err
		}
	} else {
		if from := filepath.Join(o.cache, "compiled-"+k.Arch); exists(from) { // of testkit.Foreign
			root.Add(from, "/cache/compiled")
		}
		if err := addForeign(ctx, o, root, dir, k.Arch); err != nil {
			return err
		}
	}
	var job vm.Job
	for _, s := range suites {
		// A test runs in its package's folder, and finds its files by relative names.
		inside := sourceDir(s.pkg)
		program := "/bin/tests/" + filepath.Base(s.binary)
		root.Add(s.binary, program)
		root.Text(inside+"/.keep", "")
		args := []string{"-test.v=test2json", "-test.timeout=" + perPackage.String()}
		if o.short {
			args = append(args, "-test.short")
		}
		if o.run != "" {
			args = append(args, "-test.run="+o.run)
		}
		job.Commands = append(job.Commands,
			vm.Command{Path: program, Args: args, Dir: inside, Env: environment(),
				Timeout: perPackage + time.Minute})
	}
	converters := map[int]*converter{}
	defer func() {
		for _, c := range converters {
			c.stop()
		}
	}()
	err = boot(ctx, o, dir, k, root, job, func(r vm.Report) error {
		c := converters[r.Command]
		if c == nil {
			if c, err = newConverter(ctx, suites[r.Command].pkg+"@"+version,
				results.column(version)); err != nil {
				return err
			}
			converters[r.Command] = c
		}
		if _, err := c.in.Write(r.Output); err != nil {
			return err
		}
		if !r.Ended {
			return nil
		}
		delete(converters, r.Command)
		return c.end(r.Status)
	})
	if err != nil {
		return err
	}
	results.finish(version)
	return nil
}

// addTestdata copies every testdata folder of the module, and the files that packages embed: a
// package's tests may use another's. Sources and guides are included, since tests compare them with
// what the kernel and the command have.
func addTestdata(ctx context.Context, root *vm.Initramfs) error {
	list := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Dir,EmbedFiles", module+"/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p struct {
			ImportPath, Dir string
			EmbedFiles      []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		inside := sourceDir(p.ImportPath)
		if testdata := filepath.Join(p.Dir, "testdata"); exists(testdata) {
			root.Add(testdata, inside+"/testdata")
		}
		for _, pattern := range []string{"*.go", "*.md"} {
			files, err := filepath.Glob(filepath.Join(p.Dir, pattern))
			if err != nil {
				return err
			}
			for _, file := range files {
				root.Add(file, path.Join(inside, filepath.Base(file)))
			}
		}
		for _, file := range p.EmbedFiles {
			root.Add(filepath.Join(p.Dir, file), path.Join(inside, file))
		}
	}
}

// sourceDir returns the path of a package's folder in the machine.
func sourceDir(pkg string) string {
	return path.Join("/src", strings.TrimPrefix(pkg, module))
}

// tools are programs that tests use as oracles in the machine, where busybox has none or another
// one.
var tools = []string{"bpftool", "ip", "tc", "gzip", "zcat", "getconf", "setpriv", "unshare"}

func addTools(root *vm.Initramfs) error {
	for _, name := range tools {
		for _, dir := range []string{"/usr/bin", "/usr/sbin"} {
			if file := filepath.Join(dir, name); exists(file) {
				if err := root.AddProgram(file); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// converter converts a test binary's output to events with go tool test2json, and passes them on as
// they arrive.
type converter struct {
	in   io.WriteCloser
	cmd  *exec.Cmd
	name string
	read chan error
}

func newConverter(ctx context.Context, name string, record func(event)) (*converter, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json", "-t", "-p", name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &converter{in: in, cmd: cmd, name: name, read: make(chan error, 1)}
	go func() { c.read <- passEvents(out, record) }()
	return c, nil
}

func passEvents(out io.Reader, record func(event)) error {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				return err
			}
			record(e)
			if _, err := os.Stdout.Write(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// end closes the stream of a package whose process ended with a status. test2json ends with "fail"
// only if the tests themselves failed; for a process that died without output, end adds the
// failure.
func (c *converter) end(status int) error {
	if status != 0 {
		fmt.Fprintf(c.in, "\nFAIL\nexit status %d in the virtual machine\n", status)
	}
	return c.stop()
}

func (c *converter) stop() error {
	closeErr := c.in.Close()
	return errors.Join(closeErr, <-c.read, c.cmd.Wait())
}
