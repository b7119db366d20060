package btf

import (
	"errors"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// sections returns .BTF and .BTF.ext of every k-th object in the corpus up to a size.
func sections(t testing.TB, k, largest int) (btfs, exts [][]byte) {
	paths := testkit.Corpus(t)
	for i := 0; i < len(paths); i += k {
		raw := section(t, paths[i], ".BTF")
		if raw != nil && len(raw) <= largest {
			btfs = append(btfs, raw)
			exts = append(exts, section(t, paths[i], ".BTF.ext"))
		}
	}
	return btfs, exts
}

func fuzzSeeds(f *testing.F) [][]byte {
	btfs, _ := sections(f, 25, 32<<10)
	return btfs
}

func fuzzExtSeeds(f *testing.F) [][]byte {
	_, exts := sections(f, 25, 32<<10)
	return exts
}

func TestMutations(t *testing.T) {
	btfs, exts := sections(t, 12, 64<<10)
	runMutations(t, append(btfs, seedSpec(), swapSpec(seedSpec())), append(exts, nil, nil))
}

// TestTruncated cuts a real object's sections at every byte: the result is an error with a place,
// or a working Spec.
func TestTruncated(t *testing.T) {
	path := testkit.CorpusObject(t, "tools/opensnoop.bpf.o")
	raw, ext := section(t, path, ".BTF"), section(t, path, ".BTF.ext")
	whole := objectSpec(t, path)
	for n := range raw {
		s, err := Parse(raw[:n:n], nil)
		if err == nil {
			exercise(t, s)
			t.Errorf("%d of %d bytes are accepted", n, len(raw))
			continue
		}
		var format *FormatError
		if !errors.As(err, &format) || format.Section == "" {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	for n := range ext {
		_, err := ParseExt(ext[:n:n], whole)
		var format *FormatError
		if !errors.As(err, &format) || format.Section == "" {
			t.Fatalf("%d bytes of .BTF.ext: %v", n, err)
		}
	}
}
