package bpf

import (
	"strconv"
	"strings"
)

// # Reading a verifier log
//
// The log of a refused program is a transcript with a verdict near its end. Up to Linux 7.2 it reads
//
//	func#0 @0
//	0: R1=ctx() R10=fp0
//	; return *(int *)0; @ prog.c:9
//	0: (b7) r1 = 0                        ; R1_w=0
//	1: (61) r0 = *(u32 *)(r1 +0)
//	R1 invalid mem access 'scalar'
//	processed 2 insns (limit 1000000) max_states_per_insn 0 ...
//
// where the verdict (one line or several) stands between the last line of the transcript and the statistics. Older kernels print
// register states on lines of their own, newer ones add "mark_precise:" and "from 3 to 5:" lines; none of these are verdicts. Some
// verdicts come before any instruction was walked ("unreachable insn 4") or after all were ("combined stack size ..."); then the
// number, if any, is in the verdict itself. From 7.3 on, a report in sections follows:
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
//
// Parsing never fails: what isn't there stays empty, and a log that fits neither shape gives its last line as the verdict.

// verifierReport is what a log says, as far as it does.
type verifierReport struct {
	verdicts   []string
	headline   string // of the report in sections
	reason     string
	suggestion string
	hint       string // of ours, about poisoned instructions
	insn       int    // -1 unknown
	insnText   string
	file       string
	line       int
	source     string
}

const (
	verdictLines       = 3 // the most that make a verdict: a state dump in a shape unknown here mustn't fill an error message
	verificationFailed = "Verification failed: "
)

func (r *verifierReport) verdict() string { return strings.Join(r.verdicts, "; ") }

func parseVerifierLog(log string) verifierReport {
	r := verifierReport{insn: -1}
	log = strings.TrimRight(log, "\x00\n ")
	if at := lineIndex(log, verificationFailed); at >= 0 {
		r.sections(log[at:])
		log = strings.TrimRight(log[:at], "\n ")
	}
	r.transcript(log)
	if len(r.verdicts) == 0 && r.headline != "" {
		r.verdicts = []string{r.headline}
	}
	return r
}

// transcript reads the classic part, from its end to the last instruction walked.
func (r *verifierReport) transcript(log string) {
	var verdicts []string // last line first
	rest, line := log, ""
	for rest != "" {
		rest, line = lastLine(rest)
		if len(verdicts) == 0 && (isStatistics(line) || line == "") {
			continue
		}
		if len(verdicts) == 0 && isBTFLine(line) {
			r.verdicts = []string{strings.TrimSpace(line)}
			return
		}
		if isTranscript(line) {
			break
		}
		verdicts = append(verdicts, line)
		line = ""
	}
	if line == "" && len(verdicts) > verdictLines {
		verdicts = verdicts[:1] // no transcript before it: only the last line is sure to be about the failure
	}
	for i := len(verdicts) - 1; i >= 0 && len(r.verdicts) < verdictLines; i-- {
		r.verdicts = append(r.verdicts, strings.TrimSpace(verdicts[i]))
	}
	if len(r.verdicts) > 0 && afterWalk(r.verdicts[0]) {
		return
	}
	named := insnInVerdict(r.verdicts)
	if r.insn < 0 {
		r.lastInsn(line, rest, named)
	}
	if r.insn < 0 {
		r.insn = named
	}
}

// lastInsn looks backwards from line for the instruction walked last, or the one that the verdict named, and the source line above it.
func (r *verifierReport) lastInsn(line, rest string, named int) {
	for {
		if index, text, ok := insnLine(line); ok && (named < 0 || index == named) {
			r.insn, r.insnText = index, text
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
			r.sourceLine(source)
			return
		}
	}
}

// sourceLine takes "text" or, since 6.9, "text @ file.c:12".
func (r *verifierReport) sourceLine(text string) {
	if at := strings.LastIndex(text, " @ "); at >= 0 {
		file, number, ok := strings.Cut(text[at+3:], ":")
		if line, err := strconv.Atoi(number); ok && err == nil {
			r.file, r.line, text = file, line, text[:at]
		}
	}
	r.source = strings.TrimSpace(text)
}

// sections reads the report that starts with "Verification failed: ".
func (r *verifierReport) sections(report string) {
	title := ""
	for first := true; report != ""; first = false {
		line, rest, _ := strings.Cut(report, "\n")
		report = rest
		switch {
		case first:
			r.headline = strings.TrimPrefix(line, verificationFailed)
		case line != "" && line[0] != ' ' && strings.HasSuffix(line, ":"):
			title = line
		case isStatistics(line):
			return
		case title == "Reason:":
			r.reason = joinWords(r.reason, line)
		case title == "Suggestion:":
			r.suggestion = joinWords(r.suggestion, line)
		case title == "At:":
			number, text, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), ">>> "), " | ")
			if n, err := strconv.Atoi(strings.TrimSpace(number)); ok && err == nil && strings.Contains(line, ">>> ") && r.insn < 0 {
				r.insn, r.insnText = n, strings.TrimSpace(text)
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

// insnLine reads "12: (85) call foo#3      ; R0=1".
func insnLine(line string) (index int, text string, ok bool) {
	number, rest, found := strings.Cut(line, ": ")
	if !found || len(rest) < 4 || rest[0] != '(' || rest[3] != ')' {
		return 0, "", false
	}
	index, err := strconv.Atoi(number)
	if err != nil || index < 0 {
		return 0, "", false
	}
	text, _, _ = strings.Cut(rest, " ; ")
	return index, strings.TrimSpace(text), true
}

func isStatistics(line string) bool { return hasAnyPrefix(line, statisticsLines[:]) }

// isTranscript tells lines that report the walk from lines that judge.
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

// isBTFLine tells the lines in which the kernel transcribes BTF: "[7] STRUCT foo size=8 vlen=2" and its indented members. The
// last one carries what is wrong with it.
func isBTFLine(line string) bool {
	if strings.HasPrefix(line, "\t") {
		return true
	}
	end := strings.IndexByte(line, ']')
	return end > 1 && line[0] == '[' && digits(line[1:end])
}

// afterWalk tells verdicts about the program as a whole, to which the instruction walked last has no relation.
func afterWalk(verdict string) bool {
	return hasAnyPrefix(verdict, []string{"combined stack size ", "BPF program is too large", "The sequence of "})
}

// insnInVerdict finds the instruction in verdicts such as "unreachable insn 4" and "back-edge from insn 7 to 2", -1 if none is named.
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

// statisticsLines come after the verdict: figures, and the states that an endless loop was told by.
var statisticsLines = [...]string{"processed ", "verification time ", "stack depth ", "cur state: ", "old state: "}

var transcriptLines = [...]string{
	"func#", "Func#", "Validating ", "Live regs before insn:", "Global function ",
	"from ", "mark_precise: ", "regs=", "last_idx ", "parent ", "propagating ", "caller:", "callee:", "returning from callee:",
	"to caller at ", "frame ", "arg#", "reg type unsupported for arg#", "btf_vmlinux is malformed", "Unrecognized arg#",
}
