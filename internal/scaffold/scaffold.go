// Package scaffold makes new projects from the examples: each is an example under a name that the
// user chooses, with a go.mod and a test.
package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"strings"
	"text/template"
	"unicode"

	"github.com/purebpf/bpf/examples"
	"github.com/purebpf/bpf/internal/skelgen"
)

//go:embed templates
var templates embed.FS

// Kind is a kind of program.
type Kind struct {
	Name    string
	example string // the folder that it is made from
	network string // the network that the test sends to
}

// Kinds are the kinds of programs that there are projects for.
var Kinds = []Kind{
	{"xdp", "packetcount", "udp"},
	{"tracepoint", "bootstrap", ""},
	{"kprobe", "kprobe", "tcp"},
	{"fentry", "fentry", ""},
	{"uprobe", "uprobe", ""},
	{"usdt", "usdt", ""},
	{"tc", "tc", "udp"},
	{"cgroup", "cgroup", "tcp"},
	{"lsm", "lsm", ""},
	{"iter", "task_iter", ""},
	{"struct_ops", "congestion", ""},
}

// File is a file of a project.
type File struct {
	Name string
	Data []byte
}

// Project says what to make.
type Project struct {
	Name    string
	Kind    Kind
	Replace string // folder with purebpf for go.mod, "" for the published one
}

// CheckName says what is wrong with a name for a project, which becomes one of a folder, of files,
// of a module and of Go types.
func CheckName(name string) error {
	letter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
	good := 0
	for good < len(name) && (letter(name[good]) ||
		good > 0 && strings.IndexByte("0123456789_-", name[good]) >= 0) {
		good++
	}
	if good == 0 || good < len(name) || good > 63 {
		return fmt.Errorf("%q is no name for a project: want a letter, then up to 62 letters, "+
			"digits, - and _", name)
	}
	return nil
}

// Files returns the files of the project.
func (p *Project) Files() ([]File, error) {
	from := p.Kind.example
	program, err := examples.Files.ReadFile(from + "/" + from + ".bpf.c")
	if err != nil {
		return nil, err
	}
	source, err := examples.Files.ReadFile(from + "/main.go")
	if err != nil {
		return nil, err
	}
	if source, err = p.rename(source); err != nil {
		return nil, err
	}
	files := []File{{p.Name + ".bpf.c", program}, {"main.go", source}}
	for _, name := range []string{"main_test.go", "go.mod"} {
		text, err := p.execute(name)
		if err != nil {
			return nil, err
		}
		files = append(files, File{name, text})
	}
	return files, nil
}

func (p *Project) execute(name string) ([]byte, error) {
	t, err := template.ParseFS(templates, "templates/"+name+".tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct{ Name, Kind, Network, Replace string }{p.Name, p.Kind.Name,
		p.Kind.network, quoted(p.Replace)})
	return out.Bytes(), err
}

// quoted returns a path as go.mod has it.
func quoted(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("\"'`(),", r)
	}) || strings.Contains(path, "//") {
		return fmt.Sprintf("%q", path)
	}
	return path
}

// rename gives what the example's program calls by the example's name the project's.
func (p *Project) rename(source []byte) ([]byte, error) {
	from := p.Kind.example
	text := strings.ReplaceAll(string(source), "go run ../../cmd/bpf gen "+from+".bpf.c",
		"go tool bpf gen "+p.Name+".bpf.c")
	text = strings.Replace(text, "// "+capital(from)+" ", "// "+capital(p.Name)+" ", 1)
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "main.go", text,
		parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	old, now := skelgen.Prefix(from), skelgen.Prefix(p.Name)
	foreign := map[*ast.Ident]bool{} // what follows a dot
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			foreign[n.Sel] = true
		case *ast.Ident:
			for _, verb := range []string{"Open", "Load", ""} {
				rest, ours := strings.CutPrefix(n.Name, verb+old)
				if ours && !foreign[n] && (verb == "" || rest == "") {
					n.Name = verb + now + rest
					break
				}
			}
		}
		return true
	})
	var out bytes.Buffer
	err = format.Node(&out, set, file)
	return out.Bytes(), err
}

func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
