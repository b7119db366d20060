package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is a guide or the README.
type page struct {
	name string // from this directory
	text string
}

func pages(t *testing.T) []page {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	var list []page
	for _, name := range append(names, filepath.Join("..", "README.md")) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, page{name, string(text)})
	}
	return list
}

// block is fenced text of a page.
type block struct {
	line     int    // of the fence
	language string // what follows the fence
	from     string // file that it is a copy of, named by <!-- from: FILE --> before it
	file     string // file that a reader makes of it, named by <!-- file: FILE --> before it
	text     string
}

var named = regexp.MustCompile(`^<!-- (from|file): (\S+) -->$`)

// split returns a page's blocks and its prose, in which each block's lines are empty.
func (p page) split(t *testing.T) (blocks []block, prose string) {
	t.Helper()
	var out []string
	var b *block
	from, file := "", ""
	for i, line := range strings.Split(p.text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case b == nil && isFence:
			b = &block{line: i + 1, language: fence, from: from, file: file}
			line = ""
		case b != nil && isFence:
			blocks = append(blocks, *b)
			b, line = nil, ""
		case b != nil:
			b.text += line + "\n"
			line = ""
		}
		from, file = "", ""
		if m := named.FindStringSubmatch(line); m != nil && m[1] == "from" {
			from = m[2]
		} else if m != nil {
			file = m[2]
		}
		out = append(out, line)
	}
	if b != nil {
		t.Errorf("%s:%d: the block has no end", p.name, b.line)
	}
	return blocks, strings.Join(out, "\n")
}

// Oracle: the files that the blocks are copies of.
func TestCopies(t *testing.T) {
	for _, p := range pages(t) {
		blocks, _ := p.split(t)
		for _, b := range blocks {
			if b.from == "" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(filepath.Dir(p.name), b.from))
			if err != nil {
				t.Errorf("%s:%d: %v", p.name, b.line, err)
			} else if !strings.Contains(string(text), strings.TrimRight(b.text, "\n")) {
				t.Errorf("%s:%d: the block is not in %s", p.name, b.line, b.from)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Oracle: the file system, and the headings of the pages.
func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		_, prose := p.split(t)
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := p.name
			if target != "" {
				file = filepath.Join(filepath.Dir(p.name), target)
			}
			text, err := os.ReadFile(file)
			if info, statErr := os.Stat(file); statErr == nil && info.IsDir() && anchor == "" {
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", p.name, err)
			} else if anchor != "" && !anchors(string(text))[anchor] {
				t.Errorf("%s: %s has no heading for #%s", p.name, file, anchor)
			}
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchors returns the names that GitHub gives the headings of a page.
func anchors(text string) map[string]bool {
	list := map[string]bool{}
	for line := range strings.Lines(text) {
		if heading, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok &&
			line[0] == '#' {
			name := notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), "")
			list[strings.ReplaceAll(name, " ", "-")] = true
		}
	}
	return list
}
