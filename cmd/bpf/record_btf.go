package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/clang"
	"github.com/purebpf/bpf/internal/denied"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/object"
)

// suppliedTypes returns the BTF of --btf: of a file with BTF, or of a C header, which clang
// compiles; nil without the flag.
func suppliedTypes(ctx context.Context, path string) (*btf.Spec, error) {
	if path == "" {
		return nil, nil
	}
	if !strings.HasSuffix(path, ".h") {
		source, err := btfFromFile(path, "")
		if err != nil {
			return nil, fmt.Errorf("--btf: %w", err)
		}
		return source.spec, nil
	}
	spec, err := typesOfHeader(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("--btf %s: %w", path, err)
	}
	return spec, nil
}

const maxHeader = 1 << 20

// typesOfHeader compiles a C header for the sake of its types. Clang writes BTF of a type only if
// something has it, so each struct that the header defines gets a pointer to it.
func typesOfHeader(ctx context.Context, path string) (*btf.Spec, error) {
	raw, err := input.Read(path, maxHeader)
	if err != nil {
		return nil, denied.Explain(path, denied.Reach, err)
	}
	structs := regexp.MustCompile(`\bstruct\s+(\w+)\s*\{`).FindAllSubmatch(raw, -1)
	if len(structs) == 0 {
		return nil, fmt.Errorf("the header defines no struct")
	}
	where, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, "#include \"vmlinux.h\"\n#include %q\n", where)
	for i, name := range structs {
		text = fmt.Appendf(text, "struct %s *bpf_type_%d;\n", name[1], i)
	}
	var g generator
	if g.clang, err = clang.Find(ctx); err != nil {
		return nil, err
	}
	remove, err := g.prepare()
	if err != nil {
		return nil, err
	}
	defer remove()
	dir, err := os.MkdirTemp("", "bpf-btf-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "types.bpf.c")
	if err := os.WriteFile(source, text, 0o600); err != nil {
		return nil, err
	}
	compiled, said, err := g.withVmlinux(ctx, &clang.Job{
		Source: source, GOARCH: runtime.GOARCH, Headers: g.headers,
		BigEndian: bigEndian(), Flags: []string{"-I" + filepath.Dir(where)},
	})
	if err != nil {
		if at := bytes.Index(said, []byte("error: ")); at >= 0 {
			line, _, _ := bytes.Cut(said[at+len("error: "):], []byte("\n"))
			return nil, fmt.Errorf("%w: %s", err, line)
		}
		return nil, err
	}
	o, err := object.Parse(compiled, path)
	if err != nil {
		return nil, err
	}
	if o.BTF == nil {
		return nil, fmt.Errorf("clang made no BTF of the header")
	}
	return o.BTF, nil
}
