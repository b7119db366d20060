package feature

import (
	"strings"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// report prints results as lines, macros or JSON.
type report struct {
	r *tool.Run
	options
	begun bool
}

// section begins a section.
func (p *report) section(key, comment, line string) {
	if p.r.JSON != nil {
		if p.begun {
			p.r.JSON.EndObject()
		}
		p.begun = true
		p.r.JSON.Key(key)
		p.r.JSON.Object()
		return
	}
	if p.begun {
		p.r.Printf("\n")
	}
	p.begun = true
	if p.macros {
		p.r.Printf("/*** %s ***/\n", comment)
	} else {
		p.r.Printf("%s\n", line)
	}
}

// bool prints whether the kernel has something.
func (p *report) bool(key, macro, line string, has bool) {
	switch {
	case p.r.JSON != nil:
		p.r.JSON.BoolKey(key, has)
	case p.macros:
		not := ""
		if !has {
			not = "NO_"
		}
		p.r.Printf("#define %s%s%s\n", p.prefix, not, strings.ToUpper(macro))
	case has:
		p.r.Printf("%s is available\n", line)
	default:
		p.r.Printf("%s is NOT available\n", line)
	}
}
