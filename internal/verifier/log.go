// Package verifier reads the log that the kernel's verifier writes about a refused program.
//
// The log is a transcript with a verdict near its end. Up to Linux 7.2 it reads
//
//	func#0 @0
//	0: R1=ctx() R10=fp0
//	; return *(int *)0; @ prog.c:9
//	0: (b7) r1 = 0                        ; R1_w=0
//	1: (61) r0 = *(u32 *)(r1 +0)
//	R1 invalid mem access 'scalar'
//	processed 2 insns (limit 1000000) max_states_per_insn 0 ...
//
// where the verdict, one line or more, stands between the last line of the transcript and the
// statistics. Older kernels print register states on separate lines; newer ones add
// "mark_precise:" and "from 3 to 5:" lines. None of these are verdicts. Some verdicts come before
// the verifier walks any instruction ("unreachable insn 4") or after it walked all of them
// ("combined stack size ..."); the verdict itself then holds the number, if there is one. From
// Linux 7.3 on, a report in sections follows:
//
//	Verification failed: Register Type Safety: Unreadable register
//
//	Reason:
//	  R0 has never been initialized on this path, so the verifier cannot use it as an input.
//
//	At:
//	  insn 0
//	        | ^-- error: R0 is not readable
//	  Instruction context:
//	  >>> 0 | (95) exit
package verifier

import (
	"math"
	"strconv"
	"strings"
)

// verdictLines limits a verdict, so that a dump in an unknown shape doesn't fill an error message.
const verdictLines = 3

const verificationFailed = "Verification failed: "

// parse reads the log alone.
func parse(log string) Report {
	r := Report{Insn: -1}
	log = strings.TrimRight(log, "\x00\n ")
	if at := lineIndex(log, verificationFailed); at >= 0 {
		r.sections(log[at:])
		log = strings.TrimRight(log[:at], "\n ")
	}
	r.transcript(log)
	if len(r.Verdicts) == 0 && r.Headline != "" {
		r.Verdicts = []string{r.Headline}
	}
	return r
}

// transcript reads the transcript backwards, from its end to the last instruction walked.
func (r *Report) transcript(log string) {
	var verdicts []string // last line first
	rest, line := log, ""
	for rest != "" {
		rest, line = lastLine(rest)
		if len(verdicts) == 0 && (isStatistics(line) || line == "") {
			continue
		}
		if len(verdicts) == 0 && isBTFLine(line) {
			r.Verdicts = []string{strings.TrimSpace(line)}
			return
		}
		if isTranscript(line) {
			if at := strings.Index(line, tooLarge); at > 0 {
				verdicts = append(verdicts, line[at:])
			}
			break
		}
		verdicts = append(verdicts, line)
		line = ""
	}
	if line == "" && len(verdicts) > verdictLines {
		// without a transcript only the last line is certain to be the verdict
		verdicts = verdicts[:1]
	}
	for i := len(verdicts) - 1; i >= 0 && len(r.Verdicts) < verdictLines; i-- {
		r.Verdicts = append(r.Verdicts, strings.TrimSpace(verdicts[i]))
	}
	if len(r.Verdicts) > 0 && afterWalk(r.Verdicts[0]) {
		return
	}
	named := insnInVerdict(r.Verdicts)
	if r.Insn < 0 {
		r.lastInsn(line, rest, named)
	}
	if r.Insn < 0 {
		r.Insn = named
	}
}

// lastInsn searches backwards from line for the last instruction, or for instruction named if it
// is not negative, and for the source line above it.
func (r *Report) lastInsn(line, rest string, named int) {
	for {
		if index, text, ok := Instruction(line); ok && (named < 0 || index == named) {
			r.Insn, r.InsnText = index, text
			break
		}
		if rest == "" {
			return
		}
		rest, line = lastLine(rest)
	}
	for rest != "" {
		rest, line = lastLine(rest)
		if source, ok := strings.CutPrefix(line, "; "); ok {
			r.Source, r.File, r.Line = SourceLine(source)
			return
		}
	}
}

// SourceLine parses what follows "; " in a line of a log: "text" or, since 6.9,
// "text @ file.c:12".
func SourceLine(text string) (source, file string, line int) {
	if at := strings.LastIndex(text, " @ "); at >= 0 {
		name, number, ok := strings.Cut(text[at+3:], ":")
		if n, err := strconv.Atoi(number); ok && err == nil {
			file, line, text = name, n, text[:at]
		}
	}
	return strings.TrimSpace(text), file, line
}

// sections reads the report that starts with "Verification failed: ".
func (r *Report) sections(report string) {
	title := ""
	for first := true; report != ""; first = false {
		line, rest, _ := strings.Cut(report, "\n")
		report = rest
		switch {
		case first:
			r.Headline = strings.TrimPrefix(line, verificationFailed)
		case line != "" && line[0] != ' ' && strings.HasSuffix(line, ":"):
			title = line
		case isStatistics(line):
			return
		case title == "Reason:":
			r.Reason = joinWords(r.Reason, line)
		case title == "Suggestion:":
			r.Suggestion = joinWords(r.Suggestion, line)
		case title == "At:":
			marked, ok := strings.CutPrefix(strings.TrimSpace(line), ">>> ")
			number, text, cut := strings.Cut(marked, " | ")
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if ok && cut && err == nil && r.Insn < 0 {
				r.Insn, r.InsnText = n, strings.TrimSpace(text)
			}
		}
	}
}

func joinWords(text, line string) string {
	line = strings.TrimSpace(line)
	if text == "" || line == "" {
		return text + line
	}
	return text + " " + line
}

// lastLine splits off the last line of text.
func lastLine(text string) (rest, line string) {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		return text[:i], text[i+1:]
	}
	return "", text
}

// lineIndex finds the first line that starts with prefix.
func lineIndex(text, prefix string) int {
	if strings.HasPrefix(text, prefix) {
		return 0
	}
	if i := strings.Index(text, "\n"+prefix); i >= 0 {
		return i + 1
	}
	return -1
}

// Instruction reads a line of a log, "12: (85) call foo#3      ; R0=1".
func Instruction(line string) (index int, text string, ok bool) {
	number, rest, found := strings.Cut(line, ": ")
	if !found || len(rest) < 4 || rest[0] != '(' || rest[3] != ')' {
		return 0, "", false
	}
	index, err := strconv.Atoi(number)
	if err != nil || index < 0 || index > math.MaxInt32 {
		return 0, "", false
	}
	text, _, _ = strings.Cut(rest, " ; ")
	text, _, _ = strings.Cut(text, tooLarge) // it begins no line of its own
	return index, strings.TrimSpace(text), true
}

func isStatistics(line string) bool { return hasAnyPrefix(line, statisticsLines[:]) }

// isTranscript reports whether line belongs to the transcript rather than the verdict.
func isTranscript(line string) bool {
	if line == "" || line[0] == ' ' || line[0] == ';' || line[0] == '\t' {
		return true
	}
	if i := strings.IndexByte(line, ':'); i > 0 && digits(line[:i]) {
		return true
	}
	if line[0] == 'R' { // "R1=ctx()" and "R1_w=3" are states, "R1 invalid mem access" is a verdict
		i := 1
		for i < len(line) && line[i] >= '0' && line[i] <= '9' {
			i++
		}
		return i > 1 && i < len(line) && (line[i] == '=' || line[i] == '_')
	}
	return hasAnyPrefix(line, transcriptLines[:])
}

// isBTFLine reports whether line prints a BTF type, "[7] STRUCT foo size=8 vlen=2", or one of its
// indented members. The last such line ends with what is wrong.
func isBTFLine(line string) bool {
	if strings.HasPrefix(line, "\t") {
		return true
	}
	end := strings.IndexByte(line, ']')
	return end > 1 && line[0] == '[' && digits(line[1:end])
}

// afterWalk reports whether verdict is about the whole program, not the last instruction.
func afterWalk(verdict string) bool {
	return hasAnyPrefix(verdict, afterWalkLines[:])
}

// insnInVerdict returns the instruction that verdicts such as "unreachable insn 4" and "back-edge
// from insn 7 to 2" name, or -1.
func insnInVerdict(verdicts []string) int {
	if len(verdicts) == 0 {
		return -1
	}
	_, rest, _ := strings.Cut(verdicts[0], "insn ")
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(rest[:end])
	if err != nil {
		return -1
	}
	return n
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func hasAnyPrefix(line string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(line, p) {
			return true
		}
	}
	return false
}

// statisticsLines follow the verdict: figures, and the two equal states of an infinite loop.
var statisticsLines = [...]string{
	"processed ", "verification time ", "stack depth ", "cur state: ", "old state: ",
}

// tooLarge may follow an instruction in its line.
const tooLarge = "BPF program is too large"

var afterWalkLines = [...]string{
	"combined stack size ", tooLarge, "The sequence of ",
}

var transcriptLines = [...]string{
	"func#", "Func#", "Validating ", "Live regs before insn:", "Global function ", "from ",
	"mark_precise: ", "regs=", "last_idx ", "parent ", "propagating ", "caller:", "callee:",
	"returning from callee:", "to caller at ", "frame ", "arg#", "reg type unsupported for arg#",
	"btf_vmlinux is malformed", "Unrecognized arg#",
}
