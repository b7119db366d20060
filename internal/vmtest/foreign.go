//go:build linux

package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/purebpf/bpf/internal/vm"
)

// foreign describes how to compile the objects that tests load for another machine.
var foreign = []struct {
	arch   string
	target string // clang's target
	define string // the machine's name in libbpf's bpf_tracing.h
}{
	{"amd64", "bpfel", "x86"},
	{"arm64", "bpfel", "arm64"},
	{"s390x", "bpfeb", "s390"},
}

const registersFile = "user_pt_regs.h"

//go:embed testdata/user_pt_regs.h
var registers []byte

// addForeign compiles for another machine every object of a testdata folder whose source is beside
// it and begins with its compiler command line, and puts the result in its place in the virtual
// machine.
func addForeign(ctx context.Context, o *options, root *vm.Initramfs, dir, arch string) error {
	sources, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.ImportPath}} {{.Dir}}",
		module+"/...").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	count := 0
	for line := range strings.Lines(string(sources)) {
		pkg, folder, _ := strings.Cut(strings.TrimSpace(line), " ")
		folder = filepath.Join(folder, "testdata")
		files, err := filepath.Glob(filepath.Join(folder, "*.bpf.c"))
		if err != nil {
			return err
		}
		for _, source := range files {
			commands, err := compilations(source)
			if err != nil {
				return err
			}
			for _, args := range commands {
				made, object, err := compileFor(ctx, o, arch, folder,
					filepath.Join(dir, "objects-"+arch, path.Base(pkg)), args)
				if err != nil {
					return err
				}
				if object != "" {
					root.Add(made, path.Join(sourceDir(pkg), "testdata", object))
					count++
				}
			}
		}
	}
	o.say("compiled %d objects for %s", count, arch)
	return nil
}

// compilations returns the clang command lines among the comments at the head of a source, without
// the "clang".
func compilations(source string) ([][]string, error) {
	f, err := os.Open(source)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list [][]string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		comment, ok := strings.CutPrefix(lines.Text(), "//")
		if !ok {
			break
		}
		if _, command, ok := strings.Cut(comment, "clang "); ok &&
			strings.Contains(command, " -o ") {
			list = append(list, strings.Fields(command))
		}
	}
	return list, nil
}

// compileFor runs clang-19 in the source's folder with a command line's flags, for a machine, and
// returns the path of the result and the object's name. The name is "" if the object is not
// committed, or if the command needs files that do not exist.
func compileFor(ctx context.Context, o *options, arch, folder, dir string,
	args []string) (made, object string, err error) {
	flags := []string{"-idirafter", "/usr/include/x86_64-linux-gnu",
		"-I" + filepath.Join(o.cache, "oracle", "libbpf", "include"),
		"-include", filepath.Join(dir, registersFile)}
	for i, arg := range args {
		switch {
		case i > 0 && args[i-1] == "-o":
			object = arg
			made = filepath.Join(dir, arg)
			arg = made
		case i > 0 && args[i-1] == "-I" && !exists(filepath.Join(folder, arg)):
			return "", "", nil
		}
		for _, f := range foreign {
			if f.arch != arch {
				continue
			}
			if i > 0 && args[i-1] == "-target" {
				arg = f.target
			}
			if strings.HasPrefix(arg, "-D__TARGET_ARCH_") {
				arg = "-D__TARGET_ARCH_" + f.define
			}
		}
		flags = append(flags, arg)
	}
	if _, err := os.Stat(filepath.Join(folder, object)); errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", err
	}
	if err := os.WriteFile(filepath.Join(dir, registersFile), registers, 0o644); err != nil {
		return "", "", err
	}
	cmd := exec.CommandContext(ctx, "clang-19", flags...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("%s for %s: %w\n%s", object, arch, err, out)
	}
	return made, object, nil
}
