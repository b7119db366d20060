package maps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/value"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// elementWords may follow a key or a value.
var elementWords = [...]string{"key", "value", "any", "exist", "noexist"}

// data takes DATA: a key or a value, which what says, of so many bytes.
func (t *target) data(r *tool.Run, what string, size int, id btf.ID) ([]byte, error) {
	if r.Take("hex") {
		return numbers(r, what, size, 16)
	}
	words := pieces(r.Rest)
	if t.spec == nil || id == 0 || !readsAsType(words, size) {
		return numbers(r, what, size, 0)
	}
	data := make([]byte, size)
	v, err := value.Of(what, t.spec, id, data, nil)
	if err != nil {
		return nil, err
	}
	if words[0] != "" && strings.ContainsAny(words[0][:1], `{["`) {
		err = v.SetJSON([]byte(words[0]))
		r.Rest = r.Rest[1:]
		return data, err
	}
	if !strings.Contains(words[0], "=") {
		r.Rest = r.Rest[1:]
		return data, v.Set(words[0])
	}
	for _, word := range words {
		name, text, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("%s: %q is no FIELD=TEXT", what, word)
		}
		if !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "[") {
			name = "." + name
		}
		part, err := v.Part(name)
		if err == nil {
			err = part.Set(text)
		}
		if err != nil {
			return nil, err
		}
	}
	r.Rest = r.Rest[len(words):]
	return data, nil
}

// pieces returns the words before the next one that is no part of DATA.
func pieces(words []string) []string {
	i := slices.IndexFunc(words, func(word string) bool {
		return slices.ContainsFunc(elementWords[:], func(keyword string) bool {
			return word != "" && strings.HasPrefix(keyword, word)
		})
	})
	if i < 0 {
		return words
	}
	return words[:i]
}

// readsAsType reports whether words are a value as its type writes it, and not a word for each
// byte.
func readsAsType(words []string, size int) bool {
	if len(words) == 0 {
		return false
	}
	if _, err := strconv.ParseUint(words[0], 0, 64); err == nil {
		return len(words) == 1 && size > 1
	}
	return len(words) == 1 || strings.Contains(words[0], "=")
}

// numbers takes a word for each byte.
func numbers(r *tool.Run, what string, size, base int) ([]byte, error) {
	data := make([]byte, size)
	for i := range data {
		if len(r.Rest) == 0 {
			return nil, short(what, i, size)
		}
		word := r.Rest[0]
		n, err := strconv.ParseUint(word, base, 8)
		if base == 16 && err != nil {
			n, err = strconv.ParseUint(strings.TrimPrefix(strings.ToLower(word), "0x"), base, 8)
		}
		switch {
		case err == nil:
		case len(pieces(r.Rest)) == 0:
			return nil, short(what, i, size)
		case strings.Contains(err.Error(), strconv.ErrRange.Error()):
			return nil, fmt.Errorf("byte %d of the %s: %s is larger than 255", i, what, word)
		default:
			return nil, fmt.Errorf("byte %d of the %s: %q is no number", i, what, word)
		}
		data[i] = byte(n)
		r.Rest = r.Rest[1:]
	}
	return data, nil
}

// short returns the error for DATA that ends too early.
func short(what string, got, size int) error {
	return fmt.Errorf("the %s has %d bytes, %d are given: write a word for each", what, size, got)
}
