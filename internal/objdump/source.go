package objdump

import (
	"sort"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/printable"
)

// sourceLines prints the source line of an instruction if it differs from that of the previous
// instruction. As in llvm-objdump, an instruction without a line record has no line, so that the
// same line is printed again after it.
type sourceLines struct {
	spec  *btf.Spec
	lines []btf.LineInfo // of the section, by offset

	file string // last line printed or skipped; line 0 for none
	line uint32
}

// before appends the line for the instruction at a byte offset of the section.
func (s *sourceLines) before(dst []byte, off uint64) []byte {
	i := sort.Search(len(s.lines), func(i int) bool { return uint64(s.lines[i].InsnOff) >= off })
	if i == len(s.lines) || uint64(s.lines[i].InsnOff) != off {
		s.line = 0
		return dst
	}
	l := s.lines[i]
	file, _ := s.spec.Name(l.FileNameOff)
	same := l.Line() == s.line && file == s.file
	s.file, s.line = file, l.Line()
	text, _ := s.spec.Name(l.LineOff)
	if same || s.line == 0 || text == "" {
		return dst
	}
	dst = append(dst, "; "...)
	for i, part := range strings.Split(text[:min(len(text), longestLine)], "\t") {
		if i > 0 {
			dst = append(dst, '\t')
		}
		dst = printable.AppendText(dst, part)
	}
	return append(dst, '\n')
}
