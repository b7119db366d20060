package main

import (
	"encoding/binary"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/internal/replace"
	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/object"
)

// skeletonFlags are the options of bpf gen skeleton.
type skeletonFlags struct {
	out     string
	pkg     string
	tag     string
	types   []string
	events  []string
	options skelgen.Options
}

func newSkeletonCommand(sub bool) *cobra.Command {
	var f skeletonFlags
	cmd := &cobra.Command{
		Use:   "skeleton OBJ [name NAME]",
		Short: "Write a skeleton: Go types and fields for an object's maps, programs and variables",
		Long: `Skeleton writes Go code that embeds the object OBJ and has its maps, programs and global
variables as fields, with Go types that have the layout of the C types. Start with OpenNAME or
LoadNAME.

  bpf gen skeleton counter.bpf.o -o counter_skel.go
  bpf gen skeleton counter.bpf.o name hits --package main > hits_skel.go

The Go file embeds the object by a relative path: keep the object in the folder of the Go file or
below it.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 3 && args[1] == "name" {
				return nil
			}
			return fmt.Errorf("want OBJ [name NAME]")
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 3 {
				f.options.Name = args[2]
			}
			f.options.Subskeleton = sub
			text, err := f.generate(args[0])
			if err != nil {
				return err
			}
			if f.out == "" {
				_, err = cmd.OutOrStdout().Write(text)
				return err
			}
			return replace.Files(replace.File{Path: f.out, Data: text})
		},
	}
	if sub {
		cmd.Use = "subskeleton OBJ [name NAME]"
		cmd.Short = "Write a skeleton for the part that a library has in a bigger object"
		cmd.Long = `Subskeleton writes Go code for a library, OBJ, that was linked into a bigger object. The
code finds the library's maps, programs and global variables in the bigger object once that is
loaded. Start with BindNAME; its error names what is missing.`
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "output", "o", "",
		"file to write, all or nothing (default: the standard output)")
	flags.StringVar(&f.tag, "tag", "", "build constraint for the file, such as \"amd64 || arm64\"")
	f.define(cmd)
	return cmd
}

// define defines the flags that bpf gen has, too.
func (f *skeletonFlags) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.pkg, "package", "",
		"name of the Go package (default $GOPACKAGE, else that of the folder, else main)")
	flags.StringSliceVar(&f.types, "types", nil, "further C types to write, such as event")
	flags.StringArrayVar(&f.events, "event", nil, "MAP=TYPE: the C type of a ring buffer's records")
}

// generate returns the skeleton of the object at path.
func (f *skeletonFlags) generate(path string) ([]byte, error) {
	o, err := openObject(path, nil)
	if err != nil {
		return nil, err
	}
	opts, err := f.forObject(o, filepath.Dir(f.out))
	if err != nil {
		return nil, err
	}
	if opts.ObjectFile, err = f.embedded(path); err != nil {
		return nil, err
	}
	if opts.Source = filepath.Base(path); opts.Name == "" {
		opts.Name, _, _ = strings.Cut(opts.Source, ".")
	}
	text, err := skelgen.Generate(o, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: no skeleton: %w", path, err)
	}
	return text, nil
}

// forObject returns the options of a skeleton in a folder, without the names of its files.
func (f *skeletonFlags) forObject(o *object.Object, dir string) (skelgen.Options, error) {
	opts := f.options
	if opts.Package = f.pkg; opts.Package == "" {
		opts.Package = goPackage(dir)
	}
	opts.BuildTag, opts.Types = f.tag, f.types
	if instructions(o) <= maxAnalyzed {
		opts.Records = records.Analyze(o, nil)
	}
	for _, event := range f.events {
		name, typ, ok := strings.Cut(event, "=")
		if !ok {
			return opts, fmt.Errorf("--event %s: want MAP=TYPE", event)
		}
		if opts.Events == nil {
			opts.Events = map[string]string{}
		}
		opts.Events[name] = typ
	}
	if opts.BuildTag == "" {
		opts.BuildTag = byteOrderTag(o)
	}
	return opts, nil
}

// maxAnalyzed is the number of instructions up to which the records of an object's rings are looked
// for in its programs, which takes about 7 µs for each. Longer ones are not written by hand.
const maxAnalyzed = 10000

func instructions(o *object.Object) (n int) {
	for _, p := range o.Programs {
		n += len(p.Insns)
	}
	return n
}

// goPackage returns the package of a new Go file in a folder: that of go generate, else that of the
// files there, else "", for main.
func goPackage(dir string) string {
	if name := os.Getenv("GOPACKAGE"); name != "" {
		return name
	}
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		use, err := build.Default.MatchFile(dir, f.Name())
		if err != nil || !use || !strings.HasSuffix(f.Name(), ".go") ||
			strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f.Name()), nil,
			parser.PackageClauseOnly)
		if err == nil {
			return file.Name.Name
		}
	}
	return ""
}

// embedded returns the object's path as seen from the skeleton.
func (f *skeletonFlags) embedded(path string) (string, error) {
	if f.out == "" {
		return filepath.Base(path), nil
	}
	dir, err := filepath.Abs(filepath.Dir(f.out))
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, file)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s isn't in the folder of %s or below, where go:embed finds it: "+
			"write the skeleton beside the object", path, f.out)
	}
	return filepath.ToSlash(rel), nil
}

// byteOrderTag returns the build constraint for objects of the less usual byte order.
func byteOrderTag(o *object.Object) string {
	if o.Order == binary.BigEndian {
		return bigEndianTag
	}
	return ""
}

// bigEndianTag is true on big-endian machines.
const bigEndianTag = "armbe || arm64be || m68k || mips || mips64 || mips64p32 || ppc || ppc64 || " +
	"s390 || s390x || shbe || sparc || sparc64"
