package refusal

import (
	"strings"

	"github.com/purebpf/bpf/internal/verifier"
)

// Log is one log of the verifier.
type Log struct {
	Program string // as libbpf names it, "" if the text doesn't say
	Text    string
}

// Around logs libbpf prints lines such as
//
//	libbpf: prog 'handle_open': -- BEGIN PROG LOAD LOG --
const (
	begin = "-- BEGIN PROG LOAD LOG --"
	end   = "-- END PROG LOAD LOG --"
)

// Logs returns the logs in a text: those that libbpf's messages enclose, else the text itself if
// it has an instruction, a verdict's statistics or a report in sections.
func Logs(text string) (list []Log) {
	for rest := text; ; {
		head, after, ok := strings.Cut(rest, begin)
		if !ok {
			break
		}
		log, tail, _ := strings.Cut(after, end)
		line := head[strings.LastIndexByte(head, '\n')+1:]
		if at := strings.LastIndexByte(log, '\n'); tail != "" && at >= 0 {
			log = log[:at+1] // without the beginning of the line that ends it
		}
		_, name, _ := strings.Cut(line, "prog '")
		name, _, _ = strings.Cut(name, "'")
		list = append(list, Log{name, unindented(strings.TrimPrefix(log, "\n"))})
		rest = tail
	}
	if list == nil {
		if text = finished(unindented(text)); isLog(text) {
			list = append(list, Log{Text: text})
		}
	}
	return list
}

// unindented removes what stands before every line of a log that other programs print.
func unindented(text string) string {
	for line := range strings.Lines(text) {
		bare := strings.TrimLeft(line, " \t")
		indent := line[:len(line)-len(bare)]
		if _, _, ok := verifier.Instruction(bare); !ok {
			continue
		}
		if indent == "" {
			return text
		}
		return strings.TrimPrefix(strings.ReplaceAll("\n"+text, "\n"+indent, "\n"), "\n")
	}
	return text
}

// finished cuts off what other programs print behind a log, whose last line is its statistics.
func finished(text string) string {
	at := strings.LastIndex(text, "\nprocessed ")
	if at < 0 {
		return text
	}
	line, _, _ := strings.Cut(text[at+1:], "\n")
	if !strings.Contains(line, " insns") {
		return text
	}
	return text[:at+1+len(line)]
}

func isLog(text string) bool {
	for line := range strings.Lines(text) {
		_, _, insn := verifier.Instruction(line)
		if insn || strings.HasPrefix(line, "processed ") && strings.Contains(line, " insns") ||
			strings.HasPrefix(line, "Verification failed: ") {
			return true
		}
	}
	return false
}

// step is an instruction that the verifier followed: where its line starts in the log, and where
// the last line of C above it does, -1 for none.
type step struct {
	insn, at, source int32
}

// follow returns the instructions that the verifier followed on the way to the end of the log. It
// goes one way to its end, and then from the last branch of which it hasn't seen both sides:
// "from 3 to 5:" says which.
func follow(log string) (path []step) {
	places := map[int32][]int32{} // of each instruction in path, those whose other side is open
	source := int32(-1)
	for at := 0; at < len(log); {
		line := log[at:]
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		if strings.HasPrefix(line, "; ") {
			source = int32(at)
		} else if from, ok := branch(line); ok {
			back(&path, places, from)
		} else if strings.HasPrefix(line, "Validating ") {
			// another function, which the verifier follows by itself
			path = path[:0]
			clear(places)
		} else if insn, _, ok := verifier.Instruction(line); ok {
			n := int32(insn)
			places[n] = append(places[n], int32(len(path)))
			path = append(path, step{n, int32(at), source})
		}
		at += len(line) + 1
	}
	return path
}

// branch returns the branch that a line "from 3 to 5: R0=..." goes back to.
func branch(line string) (from int32, ok bool) {
	rest, ok := strings.CutPrefix(line, "from ")
	if !ok {
		return 0, false
	}
	n, _, digits := number(rest)
	return n, digits
}

// number reads a number at the start of a text.
func number(text string) (n int32, rest string, ok bool) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' && n < 1<<26 {
		n = n*10 + int32(text[i]-'0')
		i++
	}
	return n, text[i:], i > 0
}

// back ends path with the last place of a branch whose other side is open, and closes it.
func back(path *[]step, places map[int32][]int32, from int32) {
	open := places[from]
	if len(open) == 0 {
		return // the log's beginning is missing
	}
	last := open[len(open)-1]
	for _, s := range (*path)[last:] {
		list := places[s.insn]
		for len(list) > 0 && list[len(list)-1] >= last {
			list = list[:len(list)-1]
		}
		places[s.insn] = list
	}
	*path = (*path)[:last+1]
}
