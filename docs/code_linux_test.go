package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"regexp"
	"strings"
	"testing"
)

// surroundings is the function that a fragment of code is in.
const surroundings = `func _(ctx context.Context, o *object.Object, obj *bpf.Object, prog *bpf.Program,
	m *bpf.Map, link *bpf.Link, logger *slog.Logger) error {
	var err error
	{
%s
	}
	return err
}
`

// Go code in the guides compiles: programs as they are, declarations and statements with the
// packages that they name and the variables of surroundings. Oracle: the Go type checker.
func TestGoCode(t *testing.T) {
	m := loadModule(t)
	count := 0
	for _, p := range pages(t) {
		blocks, _ := p.split(t)
		for _, b := range blocks {
			if b.language != "go" || b.file != "" || b.from != "" {
				continue // TestGettingStarted builds the files; TestCopies compares copies
			}
			count++
			name := fmt.Sprintf("%s:%d", p.name, b.line)
			file, err := m.parse(name, b.text)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			whole := strings.HasPrefix(b.text, "package ")
			for _, problem := range m.check(file, !whole) {
				t.Errorf("%s: %v", name, problem)
			}
		}
	}
	if count < 5 {
		t.Errorf("%d blocks of Go", count)
	}
}

func (m *module) parse(name, text string) (*ast.File, error) {
	if strings.HasPrefix(text, "package ") {
		return parser.ParseFile(m.fset, name, text, parser.SkipObjectResolution)
	}
	body := fmt.Sprintf(surroundings, text)
	source := m.header(text) + text
	file, err := parser.ParseFile(m.fset, name, source, parser.SkipObjectResolution)
	if err != nil { // no declarations, so statements
		source = m.header(body) + body
		file, err = parser.ParseFile(m.fset, name, source, parser.SkipObjectResolution)
	}
	return file, err
}

var qualifier = regexp.MustCompile(`\b([a-z]+)\.[A-Z]`)

// header returns a package clause and the imports of a text.
func (m *module) header(text string) string {
	out := "package guide\n"
	imported := map[string]bool{}
	for _, match := range qualifier.FindAllStringSubmatch(text, -1) {
		name := match[1]
		if m.paths[name] != "" && !imported[name] {
			imported[name] = true
			out += fmt.Sprintf("import %s %q\n", name, m.paths[name])
		}
	}
	return out
}
