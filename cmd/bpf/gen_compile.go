package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/clang"
	"github.com/purebpf/bpf/internal/denied"
	"github.com/purebpf/bpf/internal/replace"
	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/object"
)

func newGenCommand() *cobra.Command {
	g := generator{target: "bpfel"}
	cmd := &cobra.Command{
		Use:   "gen FILE.bpf.c... [-- CLANG-FLAG...]",
		Short: "Compile BPF programs in C, and write the Go code that loads them",
		Long: `Gen compiles each FILE.bpf.c with clang and writes two files into the current folder: the object,
NAME.bpf.o, and NAME_skel.go, Go code that embeds it and has its maps, programs and global variables
as fields. In a Go file:

  //go:generate go tool bpf gen counter.bpf.c

The C file must begin with the line //go:build ignore, since go build refuses C files.

Skeletons in one package share no types. The names of types begin with the name of their skeleton:
struct event of a.bpf.c is AEvent, and that of b.bpf.c is BEvent.

Gen uses the newest clang or clang-NN in PATH, or the one that BPF_CLANG names; it must be version
10 or newer. The C file can include vmlinux.h and the headers that "bpf headers" writes. If there is
no vmlinux.h next to the source, gen makes one from the running kernel; to get the same object on
every machine, keep one there: bpf vmlinux > vmlinux.h. The C file gets linux/bpf.h of Linux 6.18,
or the system's if that is newer, or the one in a folder that a CLANG-FLAG names.

If anything fails, no file is changed.`,
		Example: `  bpf gen counter.bpf.c
  bpf gen --target both --package probes counter.bpf.c -- -DDEBUG -I../include`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() >= 0 {
				args, g.flags = args[:cmd.ArgsLenAtDash()], args[cmd.ArgsLenAtDash():]
			}
			if len(args) == 0 {
				return errors.New("name a C file, as in bpf gen counter.bpf.c; bpf gen skeleton " +
					"takes objects")
			}
			ctx, stop := tool.UntilSignal(cmd.Context())
			defer stop()
			return g.run(ctx, cmd.ErrOrStderr(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&g.target, "target", g.target, "byte order: bpfel, bpfeb or both")
	f.StringVar(&g.name, "name", "", "name of the skeleton and its files (default: that of FILE)")
	f.StringVarP(&g.dir, "output", "o", ".", "folder to write to")
	g.skeleton.define(cmd)
	cmd.AddCommand(newSkeletonCommand(false), newSkeletonCommand(true))
	return cmd
}

// generator is one `bpf gen`.
type generator struct {
	target   string
	name     string
	dir      string
	flags    []string // for clang
	skeleton skeletonFlags

	clang   *clang.Compiler
	cache   string
	headers string
	vmlinux string // folder of the vmlinux.h of the running kernel, "" until it is needed
}

// run compiles all sources before it writes the first file.
func (g *generator) run(ctx context.Context, stderr io.Writer, sources []string) error {
	err := g.generate(ctx, stderr, sources)
	var failed *compileError
	switch {
	case err != nil && ctx.Err() != nil:
		say(stderr, "bpf gen: interrupted; nothing was written")
	case errors.Is(err, clang.ErrNone):
		say(stderr, "bpf gen: %v", err)
	case errors.As(err, &failed):
		say(stderr, "bpf gen: %v; nothing was written", err)
	default:
		return err
	}
	return tool.Failed
}

// compileError is a failure of clang, which has said why.
type compileError struct{ error }

func (g *generator) generate(ctx context.Context, stderr io.Writer, sources []string) error {
	targets, err := g.targets()
	if err != nil {
		return err
	}
	if err := g.check(sources); err != nil {
		return err
	}
	if g.clang, err = clang.Find(ctx); err != nil {
		return err
	}
	remove, err := g.prepare()
	if err != nil {
		return err
	}
	defer remove()
	var files []replace.File
	for _, t := range targets {
		declared := map[string]string{} // identifier → source
		for _, source := range sources {
			made, err := g.compile(ctx, stderr, source, t)
			if err != nil {
				return err
			}
			if err := declare(declared, source, made); err != nil {
				return err
			}
			files = append(files, made...)
		}
	}
	if err := replace.Files(files...); err != nil {
		return err
	}
	for _, source := range sources {
		if g.disturbs(source) {
			say(stderr, "bpf gen: make //go:build ignore the first line of %s: "+
				"Go refuses a package with C files beside it", source)
		}
	}
	return nil
}

// declare notes what the skeleton of a source declares, and refuses what that of another source
// declares: count and count_maps would both have a type CountMaps.
func declare(declared map[string]string, source string, made []replace.File) error {
	for _, f := range made {
		if !strings.HasSuffix(f.Path, ".go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Path, f.Data, 0)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(file.Scope.Objects)) {
			if other, ok := declared[name]; ok {
				return fmt.Errorf("the skeletons of %s and %s would both have %s: give one of "+
					"them another name with --name, in a bpf gen of its own", other, source, name)
			}
			declared[name] = source
		}
	}
	return nil
}

// disturbs reports whether Go would take the source for a part of the package of its skeleton.
func (g *generator) disturbs(source string) bool {
	dir, name := filepath.Split(source)
	a, err := os.Stat(filepath.Join(dir, "."))
	if err != nil {
		return false
	}
	b, err := os.Stat(g.dir)
	if err != nil || !os.SameFile(a, b) {
		return false
	}
	takes, err := build.Default.MatchFile(filepath.Join(dir, "."), name)
	return err == nil && takes
}

// genTarget is a byte order to compile for.
type genTarget struct {
	big    bool
	suffix string // in the names of files
	tag    string // build constraint
}

func (g *generator) targets() ([]genTarget, error) {
	switch g.target {
	case "bpfel", "bpf":
		return []genTarget{{}}, nil
	case "bpfeb":
		return []genTarget{{big: true, tag: bigEndianTag}}, nil
	case "both":
		return []genTarget{
			{suffix: "_bpfel", tag: "!(" + bigEndianTag + ")"},
			{big: true, suffix: "_bpfeb", tag: bigEndianTag},
		}, nil
	}
	return nil, fmt.Errorf("--target %s: want bpfel, bpfeb or both", g.target)
}

// check refuses sources before clang is asked.
func (g *generator) check(sources []string) error {
	if len(sources) > 1 && g.name != "" {
		return fmt.Errorf("--name %s makes one skeleton, and linking several files isn't possible "+
			"yet: leave --name out, and each file gets a skeleton of its own", g.name)
	}
	if g.name != filepath.Base(g.name) && g.name != "" {
		return fmt.Errorf("--name %s is no name but a path: --output names the folder", g.name)
	}
	seen := map[string]string{}
	for _, source := range sources {
		if !strings.HasSuffix(source, ".c") {
			if strings.HasSuffix(source, ".o") {
				return fmt.Errorf("%s is an object, not C source: bpf gen skeleton %[1]s", source)
			}
			return fmt.Errorf("%s is no C source: its name doesn't end in .bpf.c", source)
		}
		info, err := os.Stat(source)
		if err != nil {
			return denied.Explain(source, denied.Reach, err)
		}
		if info.IsDir() {
			return fmt.Errorf("%s: a directory", source)
		}
		name := g.nameOf(source)
		if other, ok := seen[name]; ok {
			return fmt.Errorf("%s and %s would both become %s_skel.go: generate them into folders "+
				"of their own with --output", other, source, name)
		}
		seen[name] = source
	}
	return nil
}

// nameOf returns the name of the skeleton of a source.
func (g *generator) nameOf(source string) string {
	if g.name != "" {
		return g.name
	}
	name := strings.TrimSuffix(filepath.Base(source), ".c")
	return strings.TrimSuffix(name, ".bpf")
}

// prepare writes the headers to the user's cache, or else to a folder that remove removes.
func (g *generator) prepare() (remove func(), err error) {
	remove = func() {}
	if cache, err := os.UserCacheDir(); err == nil {
		g.cache = filepath.Join(cache, "purebpf")
		if g.headers, err = clang.WriteHeaders(g.cache); err == nil {
			return remove, nil
		}
	}
	if g.cache, err = os.MkdirTemp("", "bpf-gen-*"); err != nil {
		return nil, err
	}
	remove = func() { os.RemoveAll(g.cache) }
	if g.headers, err = clang.WriteHeaders(g.cache); err != nil {
		remove()
		return nil, err
	}
	return remove, nil
}

// compile returns the files that a source becomes.
func (g *generator) compile(
	ctx context.Context, stderr io.Writer, source string, t genTarget,
) ([]replace.File, error) {
	job := clang.Job{Source: source, BigEndian: t.big, GOARCH: os.Getenv("GOARCH"),
		Headers: g.headers, Flags: g.flags}
	if job.GOARCH == "" {
		job.GOARCH = runtime.GOARCH
	}
	raw, said, err := g.withVmlinux(ctx, &job)
	if _, writeErr := stderr.Write(said); writeErr != nil {
		return nil, writeErr
	}
	if err != nil {
		if len(said) == 0 {
			return nil, err
		}
		if kernelHeader(said) {
			say(stderr, "bpf gen: the kernel's headers are not installed: install them "+
				"(Debian: apt-get install linux-libc-dev), or include vmlinux.h instead")
		}
		return nil, &compileError{err}
	}
	name := g.nameOf(source) + t.suffix
	object, err := object.Parse(raw, source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	opts, err := g.skeleton.forObject(object, g.dir)
	if err != nil {
		return nil, err
	}
	opts.Name, opts.BuildTag = g.nameOf(source), t.tag
	opts.Source, opts.ObjectFile = filepath.Base(source), name+".bpf.o"
	text, err := skelgen.Generate(object, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: no skeleton: %w", source, err)
	}
	return []replace.File{
		{Path: filepath.Join(g.dir, opts.ObjectFile), Data: raw},
		{Path: filepath.Join(g.dir, name+"_skel.go"), Data: text},
	}, nil
}

// withVmlinux compiles, a second time with the running kernel's vmlinux.h if that is missing.
func (g *generator) withVmlinux(
	ctx context.Context, job *clang.Job,
) (object, said []byte, err error) {
	if g.vmlinux != "" {
		job.After = []string{g.vmlinux}
	}
	object, said, err = g.clang.Compile(ctx, job)
	if err == nil || g.vmlinux != "" ||
		!bytes.Contains(said, []byte("'vmlinux.h' file not found")) {
		return object, said, err
	}
	if g.vmlinux, err = cachedVmlinux(g.cache); err != nil {
		return nil, nil, fmt.Errorf("%s includes vmlinux.h, which is not beside it: %w",
			job.Source, err)
	}
	job.After = []string{g.vmlinux}
	return g.clang.Compile(ctx, job)
}

// kernelHeader reports whether clang misses a header of the kernel.
func kernelHeader(said []byte) bool {
	for _, dir := range []string{"linux/", "asm/", "asm-generic/"} {
		start := bytes.Index(said, []byte("fatal error: '"+dir))
		if start >= 0 && bytes.Contains(said[start:], []byte("' file not found")) {
			return true
		}
	}
	return false
}
