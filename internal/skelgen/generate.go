// Package skelgen writes skeletons: the Go code that has the maps, programs and global variables of
// a compiled BPF object as fields of structs. Package skel has what that code needs at run time.
//
// BTF is not trusted: its names get into the text only as identifiers made of letters, digits and
// underscores, or in comments and literals with everything else escaped. The text is formatted as
// by gofmt, without running it. Sizes and offsets are those of the BTF; the text repeats them as
// constant expressions that don't compile if Go's differ.
package skelgen

import (
	"errors"
	"fmt"
	"go/token"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/object"
)

// Options says how a skeleton is written.
type Options struct {
	// Name is the skeleton's name ("bootstrap"), with which the names of its types and functions
	// begin; the name of ObjectFile up to the first dot if it is "".
	Name string
	// Package is the name of the Go package, "main" if it is "".
	Package string
	// ObjectFile is the path of the object, relative to the folder of the skeleton and with
	// slashes; the skeleton embeds it. A subskeleton needs none.
	ObjectFile string
	// Source is what the skeleton was made from, for its first line; ObjectFile if it is "".
	Source string
	// BuildTag is a build constraint without "//go:build"; "" for none.
	BuildTag string
	// Types are C types that the skeleton gets in any case ("event", "struct event").
	Types []string
	// Events are the C types of the records of ring buffers and perf event arrays, by map; an error
	// if the object has no such map. They are found without it where the object says so clearly.
	Events map[string]string
	// Records is what the object's programs put into those maps. If it is nil, the types are found
	// by declarations and names alone.
	Records *records.Analysis
	// Subskeleton asks for the part of a library: BindNAME instead of OpenNAME and LoadNAME.
	Subskeleton bool
}

// Generate returns a skeleton for an object. The same object and options give the same bytes.
// Errors are one line, without the object's name.
func Generate(o *object.Object, opts Options) ([]byte, error) {
	g := &generator{o: o, spec: o.BTF, opts: opts, used: names{},
		types: map[btf.ID]*named{}, chars: map[uint64]string{}}
	if g.spec == nil {
		return nil, errors.New("it has no BTF: compile it with -g")
	}
	if err := g.init(); err != nil {
		return nil, err
	}
	if err := g.collect(); err != nil {
		return nil, err
	}
	if opts.Subskeleton {
		g.subskeleton()
	} else {
		g.skeleton()
	}
	g.definitions()
	if g.out.full {
		return nil, g.tooMuch()
	}
	return g.out.b, nil
}

// generator is one skeleton being made.
type generator struct {
	o    *object.Object
	spec *btf.Spec
	opts Options

	prefix string // of exported names: "Bootstrap"
	lower  string // of others: "bootstrap"
	used   names

	types   map[btf.ID]*named
	order   []*named // types in the order of their first use
	chars   map[uint64]string
	lengths []uint64
	follow  bool // also types that pointers point to
	behind  []btf.ID
	spent   int // of room, by what was collected

	maps      []mapField
	programs  []programField
	sections  []*sectionType
	structOps []opsField

	out text
}

// init checks the options and sets names and limits.
func (g *generator) init() error {
	if g.opts.Package == "" {
		g.opts.Package = "main"
	}
	if !token.IsIdentifier(g.opts.Package) || g.opts.Package == "_" {
		return fmt.Errorf("%q is no name for a Go package", g.opts.Package)
	}
	if g.opts.Name == "" {
		g.opts.Name, _, _ = strings.Cut(path.Base(g.opts.ObjectFile), ".")
	}
	if !strings.ContainsFunc(g.opts.Name, func(r rune) bool {
		return r < unicode.MaxASCII && unicode.IsLetter(r)
	}) {
		return fmt.Errorf("%q gives no name for a skeleton: choose one", g.opts.Name)
	}
	g.prefix = identifier(g.opts.Name)
	first, width := utf8.DecodeRuneInString(g.prefix)
	g.lower = string(unicode.ToLower(first)) + g.prefix[width:]
	if !g.opts.Subskeleton {
		if err := checkEmbed(g.opts.ObjectFile); err != nil {
			return err
		}
	}
	if g.opts.Source == "" {
		g.opts.Source = g.opts.ObjectFile
	}
	if strings.ContainsAny(g.opts.BuildTag, "\r\n") {
		return fmt.Errorf("build tag %q is more than a line", g.opts.BuildTag)
	}
	size := int(min(g.o.FileSize, 1<<30))
	if size == 0 {
		size = len(g.spec.Raw())
	}
	g.out.room = 2*size + 128<<10
	return nil
}

// charge counts what a member or a constant with a name will cost, and refuses types that would
// make more text than fits: names of 4096 bytes and types in types can make much of little.
func (g *generator) charge(name string, cost int) error {
	if g.spent += cost + 2*min(len(name), maxName); g.spent > g.out.room {
		return g.tooMuch()
	}
	return nil
}

// What charge counts beside the name, in bytes of text.
const (
	costField    = 120
	costMethods  = 500
	costConstant = 100
	costChars    = 500
)

func (g *generator) tooMuch() error {
	return fmt.Errorf("its types would make a skeleton of more than %d bytes", g.out.room)
}

// checkEmbed refuses names that go:embed doesn't take, or would take for a pattern.
func checkEmbed(name string) error {
	if name == "" {
		return errors.New("no file to embed is given")
	}
	for _, part := range strings.Split(name, "/") {
		if part == "" || part == "." || part == ".." || strings.HasSuffix(part, ".") {
			return fmt.Errorf("go:embed doesn't take the path %s: "+
				"put the object into the folder of the skeleton, or below", printable.Text(name))
		}
	}
	for _, r := range name {
		if r == unicode.ReplacementChar || !unicode.IsLetter(r) && !unicode.IsDigit(r) &&
			!strings.ContainsRune("!#$%&()+,-.=@^_{}~ /", r) {
			return fmt.Errorf("go:embed doesn't take the name %q: rename the object", name)
		}
	}
	return nil
}

// collect finds out what the skeleton has, and the types for that.
func (g *generator) collect() error {
	g.reserve()
	for _, step := range []func() error{
		g.collectSections, g.collectMaps, g.collectStructOps, g.collectTypes, g.collectBehind,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	g.collectPrograms()
	return nil
}

// reserve takes the names that don't depend on the object's types.
func (g *generator) reserve() {
	for _, name := range []string{"", "Spec", "Maps", "MapSpecs", "Programs", "ProgramSpecs",
		"Links", "StructOps"} {
		g.used[g.prefix+name] = 1
	}
	g.used["Open"+g.prefix] = 1
	g.used["Load"+g.prefix] = 1
	g.used["Bind"+g.prefix] = 1
}
