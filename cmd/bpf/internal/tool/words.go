package tool

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/nearest"
)

// Words are the arguments of a command with bpftool's grammar, from which they are taken one by
// one.
type Words struct {
	Rest []string
	// tried are the keywords that the next word was compared with, for messages.
	tried []string
}

// Take removes the next word if it is keyword or the start of it.
func (w *Words) Take(keyword string) bool {
	if len(w.Rest) == 0 || w.Rest[0] == "" || !strings.HasPrefix(keyword, w.Rest[0]) {
		w.tried = append(w.tried, keyword)
		return false
	}
	w.skip()
	return true
}

func (w *Words) skip() {
	w.Rest = w.Rest[1:]
	w.tried = nil
}

// Next removes the next word, which says what is wanted.
func (w *Words) Next(what string) (string, error) {
	if len(w.Rest) == 0 {
		return "", fmt.Errorf("%s is missing", what)
	}
	word := w.Rest[0]
	w.skip()
	return word, nil
}

// Number removes the next word, a number of at most 32 bits in any of C's notations.
func (w *Words) Number(what string) (uint32, error) {
	n, err := w.number(what, 32)
	return uint32(n), err
}

// Number64 removes the next word, a number of at most 64 bits in any of C's notations.
func (w *Words) Number64(what string) (uint64, error) { return w.number(what, 64) }

func (w *Words) number(what string, bits int) (uint64, error) {
	word, err := w.Next(what)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(word, 0, bits)
	switch {
	case err == nil:
		return n, nil
	case strings.Contains(err.Error(), strconv.ErrRange.Error()):
		return 0, fmt.Errorf("%s: %s is larger than %d bits hold", what, word, bits)
	}
	return 0, fmt.Errorf("%s: %q is no number", what, word)
}

// Tag removes the next word, the tag of a program.
func (w *Words) Tag() (tag [8]byte, err error) {
	text, err := w.Next("tag of a program")
	if err != nil {
		return tag, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(tag) {
		return tag, fmt.Errorf("tag %q: a tag has %d hexadecimal digits", text, 2*len(tag))
	}
	return [8]byte(raw), nil
}

// More reports whether words are left.
func (w *Words) More() bool { return len(w.Rest) > 0 }

// End reports a word that is left, with the keywords that could stand there.
func (w *Words) End() error {
	if len(w.Rest) == 0 {
		return nil
	}
	return w.Unexpected()
}

// Unexpected returns an error about the next word, which is not one of the keywords that Take
// compared it with, or about its absence.
func (w *Words) Unexpected() error {
	if len(w.Rest) == 0 {
		return fmt.Errorf("a word is missing: %s", choice(w.tried))
	}
	word := w.Rest[0]
	if len(w.tried) == 0 {
		return fmt.Errorf("%q is not expected here", word)
	}
	near := nearest.To(word)
	for _, keyword := range w.tried {
		near.Offer([]byte(keyword))
	}
	err := fmt.Errorf("%q is not expected here", word)
	if with := near.AddTo(err); with != err {
		return with
	}
	return fmt.Errorf("%w, only %s", err, choice(w.tried))
}

// choice lists words for a message.
func choice(list []string) string {
	switch len(list) {
	case 0:
		return "nothing"
	case 1:
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}
