package clang

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first version that writes BTF with CO-RE relocations.
const oldest = 10

// ErrNone reports that there is no clang.
var ErrNone = errors.New(
	"no clang found: install it (Debian: apt-get install clang), or set BPF_CLANG")

// Compiler is a clang of the machine.
type Compiler struct {
	Name  string // as a user would call it: "clang-19"
	Path  string
	Major int
	asked bool // Major is what it said, not what its name says
}

// Regular expressions, compiled where they are used.
const (
	names    = `^clang(-([0-9]+))?(\.exe)?$`
	versions = `clang version ([0-9]+)\.[0-9]`
)

// Find returns the compiler that the environment variable BPF_CLANG names by path or name, else the
// newest among clang and clang-NN in the folders of PATH. The error is ErrNone if there is none,
// and says so if all are too old.
func Find(ctx context.Context) (*Compiler, error) {
	if name := os.Getenv("BPF_CLANG"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("BPF_CLANG: %w", err)
		}
		c, err := compiler(ctx, name, path)
		if err != nil {
			return nil, fmt.Errorf("BPF_CLANG: %w", err)
		}
		return c, c.check()
	}
	list, unusable := candidates(ctx)
	slices.SortStableFunc(list, func(a, b *Compiler) int { return b.Major - a.Major })
	for _, c := range list {
		var err error
		if !c.asked { // the name may lie
			c, err = compiler(ctx, c.Name, c.Path)
		}
		if err == nil {
			err = c.check()
		}
		if err == nil {
			return c, nil
		}
		if unusable == nil {
			unusable = err
		}
	}
	if unusable != nil {
		return nil, unusable
	}
	return nil, ErrNone
}

// candidates lists the programs whose names are clang's. The version comes from the name if it has
// one. err is why one can't be asked.
func candidates(ctx context.Context) (list []*Compiler, err error) {
	seen := map[string]bool{}
	names := regexp.MustCompile(names)
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue // as os/exec, for safety
		}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			m := names.FindStringSubmatch(e.Name())
			if m == nil || seen[e.Name()] {
				continue
			}
			path, lookErr := exec.LookPath(filepath.Join(dir, e.Name()))
			if lookErr != nil {
				continue // not executable
			}
			seen[e.Name()] = true
			c := &Compiler{Name: e.Name(), Path: path}
			if m[2] != "" {
				c.Major, _ = strconv.Atoi(m[2])
			} else if c, lookErr = compiler(ctx, e.Name(), path); lookErr != nil {
				err = lookErr
				continue
			}
			list = append(list, c)
		}
	}
	return list, err
}

// compiler asks a program for its version.
func compiler(ctx context.Context, name, path string) (*Compiler, error) {
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", name, err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	if strings.HasPrefix(first, "Apple ") {
		return nil, fmt.Errorf("%s is Apple's, which doesn't compile for BPF: "+
			"install LLVM's, or set BPF_CLANG", name)
	}
	m := regexp.MustCompile(versions).FindStringSubmatch(first)
	if m == nil {
		return nil, fmt.Errorf("%s --version says %.80q: it is no clang", name, first)
	}
	major, err := strconv.Atoi(m[1])
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", name, err)
	}
	return &Compiler{Name: filepath.Base(name), Path: path, Major: major, asked: true}, nil
}

func (c *Compiler) check() error {
	if c.Major >= oldest {
		return nil
	}
	return fmt.Errorf("%s (version %d) is too old: BTF and CO-RE need clang %d or newer: "+
		"install one, or set BPF_CLANG", c.Name, c.Major, oldest)
}
