package plan

import "strconv"

// A small file may ask for a lot: many programs may call the same code, many records may refer to
// one long name. No compiler's output does so to an extent that matters, so a plan may take at most
// a multiple of the size of the object's file plus a constant.
const (
	codeFactor, codeMore   = 5, 512 << 10 // code and other data for the kernel
	wordsFactor, wordsMore = 2, 128 << 10 // texts for people
)

// budget is what a plan may still take, in bytes.
type budget struct {
	file   int // size of the object's file, 0 if it has none
	code   int
	words  int
	unsaid int // number of texts left out
}

func newBudget(file int64) budget {
	n := int(min(file, 1<<40))
	return budget{file: n, code: codeFactor*n + codeMore, words: wordsFactor*n + wordsMore}
}

// spend takes n bytes for program p, or for all programs if p is "".
func (r *resolver) spend(p string, n int) error {
	b := &r.budget
	if b.code -= n; b.code >= 0 || b.file == 0 {
		return nil
	}
	text := "the programs would take more than " + strconv.Itoa(codeFactor*b.file+codeMore) +
		" bytes, out of proportion to the file's " + strconv.Itoa(b.file) +
		": too many share the same code"
	if p == "" {
		return r.fail("", "", CodeTooBig, text, nil)
	}
	return r.fail("program", p, CodeTooBig, "with it "+text, nil)
}

// mayTell reports whether there is room for more texts, and counts a text for which there is none.
func (r *resolver) mayTell() bool {
	b := &r.budget
	if b.words > 0 || b.file == 0 {
		return true
	}
	b.unsaid++
	return false
}

// event records a decision.
func (r *resolver) event(k EventKind, subject, text string) {
	if !r.mayTell() {
		return
	}
	r.budget.words -= len(text) + 48
	r.p.Events = append(r.p.Events, Event{k, subject, text})
}

// tellUnsaid adds an event with the number of texts left out.
func (r *resolver) tellUnsaid() {
	if n := r.budget.unsaid; n > 0 {
		r.p.Events = append(r.p.Events, Event{EventWarning, r.o.Name, strconv.Itoa(n) +
			" more events are left out: they would take more room than the object"})
	}
}
