package plan

import "strconv"

// A few bytes of a file may ask for a lot: many programs may call the same code, many records may
// speak of one long name. No compiler's files do so to an extent that matters, so a plan may take
// so many times the bytes of the file that the object was read from, and so many more.
const (
	codeFactor, codeMore   = 5, 512 << 10 // code and what goes to the kernel with it
	wordsFactor, wordsMore = 2, 128 << 10 // texts for people
)

// budget is what a plan may still take, in bytes.
type budget struct {
	file   int // size of the object's file, 0 if it has none
	code   int
	words  int
	unsaid int // texts left out
}

func newBudget(file int64) budget {
	n := int(min(file, 1<<40))
	return budget{file: n, code: codeFactor*n + codeMore, words: wordsFactor*n + wordsMore}
}

// spend takes n bytes for program p, or for all of them if that is "".
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

// mayTell tells whether there is room for more texts. What there is none for is only counted.
func (r *resolver) mayTell() bool {
	b := &r.budget
	if b.words > 0 || b.file == 0 {
		return true
	}
	b.unsaid++
	return false
}

// event notes a decision.
func (r *resolver) event(k EventKind, subject, text string) {
	if !r.mayTell() {
		return
	}
	r.budget.words -= len(text) + 48
	r.p.Events = append(r.p.Events, Event{k, subject, text})
}

// tellUnsaid says how much was left out.
func (r *resolver) tellUnsaid() {
	if n := r.budget.unsaid; n > 0 {
		r.p.Events = append(r.p.Events, Event{EventWarning, r.o.Name,
			strconv.Itoa(n) + " more events are left out: they would take more room than the object"})
	}
}
