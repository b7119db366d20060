package btf

import (
	"bytes"
	"testing"
)

func rawText(s *Spec) []byte {
	var out []byte
	for t := range s.Types() {
		out = t.AppendRaw(out)
	}
	return out
}

// firstDifference reports the first line in which two texts differ.
func firstDifference(t testing.TB, got, want []byte) {
	t.Helper()
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(g), len(w)) {
		var a, b []byte
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if !bytes.Equal(a, b) {
			t.Errorf("line %d differs\n got: %s\nwant: %s", i+1, a, b)
			return
		}
	}
}
