package archtest

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The budget of the root package: what applications import is to stay small, and mechanisms stand
// in rooms of their own. A change that needs more raises a number here and says why; one that needs
// less lowers it.
const (
	mostFiles     = 58   // in the top folder, tests and everything else
	mostCodeLines = 5142 // of root without tests, comments and blank lines
)

// TestBudget: the oracle is the tree itself, as go/scanner reads it.
func TestBudget(t *testing.T) {
	top := filepath.Join("..", "..")
	entries, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	files, lines := 0, 0
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		files++
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			lines += codeLines(t, filepath.Join(top, e.Name()))
		}
	}
	t.Logf("%d files in the top folder, %d lines of code in root", files, lines)
	if files > mostFiles {
		t.Errorf("%d files in the top folder, the budget is %d", files, mostFiles)
	}
	if lines > mostCodeLines {
		t.Errorf("%d lines of code in root, the budget is %d", lines, mostCodeLines)
	}
}

// codeLines counts the lines of a file that have more than comments.
func codeLines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file := fset.AddFile(path, -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	lines := map[int]bool{}
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue
		}
		first := file.Line(pos)
		for n := range 1 + strings.Count(literal, "\n") {
			lines[first+n] = true
		}
	}
}

// opens are the functions of package os that root doesn't call: files are opened by the rooms
// below, and by sys.OpenFile for an object and for the folders and namespaces that programs are
// attached to.
var opens = map[string]bool{
	"Open": true, "OpenFile": true, "OpenInRoot": true, "OpenRoot": true, "Create": true,
	"ReadFile": true, "WriteFile": true, "ReadDir": true, "Mkdir": true, "MkdirAll": true,
	"Remove": true,
}

// TestRootOpensNothing: the oracle is the source of root, as go/parser reads it.
func TestRootOpensNothing(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := call.X.(*ast.Ident); ok && pkg.Name == "os" && opens[call.Sel.Name] {
				t.Errorf("%s: os.%s", fset.Position(call.Pos()), call.Sel.Name)
			}
			return true
		})
	}
}

// TestRoomsExist: the oracle is the tree.
func TestRoomsExist(t *testing.T) {
	packages := imports(t, filepath.Join("..", ".."))
	for _, r := range rooms {
		below, pattern := strings.CutSuffix(r.dir, "/...")
		found := false
		for dir := range packages {
			found = found || dir == r.dir || pattern && strings.HasPrefix(dir, below+"/")
		}
		if !found {
			t.Errorf("there is no room %s", r.dir)
		}
	}
}
