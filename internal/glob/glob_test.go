package glob

import (
	"math/rand/v2"
	"path"
	"strings"
	"testing"
	"time"
)

// TestMatch uses as oracle path.Match, in which '*' and '?' mean the same if there are no slashes.
func TestMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(letters string, most int) string {
		b := make([]byte, random.IntN(most+1))
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	matched := 0
	for range 200000 {
		pattern, name := text("ab*?", 7), text("ab", 8)
		want, err := path.Match(pattern, name)
		if err != nil {
			t.Fatal(err)
		}
		if want {
			matched++
		}
		if got := Match(pattern, []byte(name)); got != want {
			t.Fatalf("%q on %q: %v", pattern, name, got)
		}
	}
	if matched < 1000 {
		t.Errorf("only %d matched", matched)
	}
	start := time.Now()
	if Match(strings.Repeat("a*", 50)+"b", []byte(strings.Repeat("a", 10000))) {
		t.Error("matched")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("a hard pattern took %v", took)
	}
}
