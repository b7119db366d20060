// Package clang compiles BPF programs in C with the clang of the machine: it finds the newest one,
// gives it the headers of package include, and makes objects whose bytes do not depend on absolute
// paths.
package clang

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/purebpf/bpf/internal/strip"
)

// Job is a C file to compile.
type Job struct {
	Source    string
	BigEndian bool
	GOARCH    string   // the architecture whose registers PT_REGS_PARM1 and the like read
	Headers   string   // the folder that WriteHeaders returned
	After     []string // further folders for headers, searched last
	Flags     []string // further flags
}

// Compile returns the object without debug information other than BTF, and what the compiler said.
// An error without a message of the compiler's is about running it.
func (c *Compiler) Compile(ctx context.Context, j *Job) (object, messages []byte, err error) {
	args, err := j.args()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, c.Path, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.Exited() {
			return nil, said.Bytes(), fmt.Errorf("%s failed", c.Name)
		}
		return nil, said.Bytes(), fmt.Errorf("%s: %w", c.Name, err)
	}
	object, err = strip.Debug(out.Bytes())
	if err != nil {
		return nil, said.Bytes(), fmt.Errorf("%s: what %s made is no object for BPF: %w", j.Source,
			c.Name, err)
	}
	return object, said.Bytes(), nil
}

// args returns the command line. The object goes to the standard output.
func (j *Job) args() ([]string, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	source := j.Source
	if !filepath.IsAbs(source) {
		source = filepath.Join(here, source)
	}
	if rel, err := filepath.Rel(here, source); err == nil &&
		(filepath.IsLocal(rel) || !filepath.IsAbs(j.Source)) {
		source = rel
	}
	if strings.HasPrefix(source, "-") {
		source = "." + string(filepath.Separator) + source
	}
	dir := filepath.Dir(source)
	args := []string{"-target", "bpfel", "-g", "-O2"}
	if j.embedsSource() {
		args = append(args, "-gdwarf-5", "-gembed-source")
	}
	if j.BigEndian {
		args[1] = "bpfeb"
	}
	if arch := j.targetArch(); arch != "" {
		args = append(args, "-D__TARGET_ARCH_"+arch)
	}
	args = append(args, "-I", dir, "-I", j.Headers, "-idirafter", filepath.Join(j.Headers, "uapi"))
	if multiarch := j.multiarch(); multiarch != "" {
		args = append(args, "-idirafter", multiarch)
	}
	for _, dir := range j.After {
		args = append(args, "-idirafter", dir)
	}
	maps, err := j.prefixMaps(here)
	if err != nil {
		return nil, err
	}
	args = append(args, maps...)
	args = append(args, j.Flags...)
	if j.outdated() { // after the user's own folders, before the system's
		args = append(args, "-isystem", filepath.Join(j.Headers, preferred))
	}
	return append(args, "-c", source, "-o", "-"), nil
}

// embedsSource reports whether the source text can be part of the debug information, from which
// clang copies the lines in BTF; else it looks for files by the names that prefixMaps gives them.
func (j *Job) embedsSource() bool {
	for _, f := range j.Flags {
		if strings.HasPrefix(f, "-gdwarf-") && f != "-gdwarf-5" {
			return false
		}
	}
	return true
}

// prefixMaps returns the flags that make the names of files in BTF relative to the working folder,
// and those of our headers the same on every machine.
func (j *Job) prefixMaps(here string) ([]string, error) {
	real, err := filepath.EvalSymlinks(here)
	if err != nil {
		return nil, err
	}
	const flag = "-fdebug-prefix-map="
	var maps []string
	for _, m := range [][2]string{{real, "."}, {here, "."}, {j.Headers, "purebpf"}} {
		if !strings.Contains(m[0], "=") { // clang can't express that: these names stay absolute
			maps = append(maps, flag+m[0]+"="+m[1])
		}
	}
	for _, dir := range j.After {
		if !strings.Contains(dir, "=") {
			maps = append(maps, flag+dir+"=purebpf")
		}
	}
	return append(maps, flag+"./="), nil
}

// targetArch returns the name that bpf_tracing.h has for the architecture, "" if it has none or the
// flags choose one. A big-endian program for a little-endian machine is taken to be for s390x.
func (j *Job) targetArch() string {
	const name = "__TARGET_ARCH_"
	for i, f := range j.Flags {
		if strings.HasPrefix(f, "-D"+name) || i > 0 && j.Flags[i-1] == "-D" &&
			strings.HasPrefix(f, name) {
			return ""
		}
	}
	if j.BigEndian && !bigEndian(j.GOARCH) {
		return "s390"
	}
	return machineOf(j.GOARCH).target
}
