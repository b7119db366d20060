package btf

import (
	"bytes"
	"debug/elf"
	"os"
	"strconv"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

const vmlinuxPath = "/sys/kernel/btf/vmlinux"

func vmlinux(t testing.TB) *Spec {
	t.Helper()
	raw, err := os.ReadFile(vmlinuxPath)
	if err != nil {
		testkit.Skip(t, "no kernel BTF: %v", err)
	}
	s, err := Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// section returns a section of an ELF file, read by the standard library; nil if absent.
func section(t testing.TB, path, name string) []byte {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sec := f.Section(name)
	if sec == nil {
		return nil
	}
	data, err := sec.Data()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func objectSpec(t testing.TB, path string) *Spec {
	t.Helper()
	raw := section(t, path, ".BTF")
	if raw == nil {
		return nil
	}
	s, err := Parse(raw, nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s
}

// The oracle is bpftool btf dump, its text byte for byte. Types are visited in order, and looked up
// by id from the last to the first: at first in the table of some offsets, then in that of all.
func TestRawVmlinux(t *testing.T) {
	want := testkit.Run(t, "bpftool", "btf", "dump", "file", vmlinuxPath)
	if got := rawText(vmlinux(t)); !bytes.Equal(got, want) {
		firstDifference(t, got, want)
	}
	s := vmlinux(t)
	texts := make([][]byte, s.Len()-1)
	for id := s.Len() - 1; id > 0; id-- {
		typ, _ := s.Type(id)
		texts[id-1] = typ.AppendRaw(nil)
	}
	if len(s.types) >= sparseBytes && s.offs.sparse.all.Load() == nil {
		t.Error("looking up all types made no table of all offsets")
	}
	if got := bytes.Join(texts, nil); !bytes.Equal(got, want) {
		firstDifference(t, got, want)
	}
}

// The oracle is bpftool btf dump of every object in the corpus, text and JSON byte for byte.
// Bpftool 7.1 writes unsigned 32-bit constants above 2^31-1 wrongly to JSON (sign-extended to 64
// bits), so these are rewritten first.
func TestRawCorpus(t *testing.T) {
	n := 0
	for _, path := range testkit.Corpus(t) {
		s := objectSpec(t, path)
		if s == nil {
			continue
		}
		n++
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", testkit.CorpusName(path), err)
		}
		got := rawText(s)
		want := testkit.Run(t, "bpftool", "btf", "dump", "file", path)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: text", testkit.CorpusName(path))
			firstDifference(t, got, want)
		}
		got = append(got[:0], `{"types":[`...)
		for typ := range s.Types() {
			if typ.id > 1 {
				got = append(got, ',')
			}
			got = typ.AppendRawJSON(got)
		}
		got = append(got, "]}\n"...)
		want = fixUnsignedJSON(t, testkit.Run(t, "bpftool", "-j", "btf", "dump", "file", path))
		if !bytes.Equal(got, want) {
			t.Errorf("%s: JSON", testkit.CorpusName(path))
			firstDifference(t, bytes.ReplaceAll(got, []byte(`{"id"`), []byte("\n{\"id\"")),
				bytes.ReplaceAll(want, []byte(`{"id"`), []byte("\n{\"id\"")))
		}
	}
	if n < 500 {
		t.Errorf("only %d objects of the corpus have BTF", n)
	}
}

// fixUnsignedJSON undoes bpftool's sign extension: values from 2^64-2^31 on in ENUMs, which have 32
// bits.
func fixUnsignedJSON(t testing.TB, text []byte) []byte {
	t.Helper()
	var out []byte
	kind := ""
	for {
		i := bytes.IndexAny(text, ":")
		if i < 0 {
			return append(out, text...)
		}
		out, text = append(out, text[:i+1]...), text[i+1:]
		if bytes.HasSuffix(out, []byte(`"kind":`)) {
			end := bytes.IndexByte(text[1:], '"')
			kind = string(text[1 : 1+end])
		}
		if kind != "ENUM" || !bytes.HasSuffix(out, []byte(`"val":`)) {
			continue
		}
		end := bytes.IndexByte(text, '}')
		if v, err := strconv.ParseUint(string(text[:end]), 10, 64); err == nil && v >= 1<<64-1<<31 {
			out = strconv.AppendUint(out, uint64(uint32(v)), 10)
			text = text[end:]
		}
	}
}
