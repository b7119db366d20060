// Package nearest proposes existing names that are similar to a missing one.
package nearest

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Names selects, among all existing names, those that a missing name probably means: names that the
// compiler derived from it ("name.isra.0") or the kernel for allocation profiling
// ("kmalloc_noprof"), then names that differ by a few characters. It works in one pass and compares
// few names in detail.
type Names struct {
	want  string
	text  []byte // the missing name
	mask  uint64 // characters in the missing name, see charMask
	limit int    // how many characters may differ
	best  []nearName
}

type nearName struct {
	name string
	cost int // 0 if derived from the name; else the number of characters that differ
}

const (
	nearMost   = 3  // how many names are kept
	nearLength = 96 // longer names are ignored
)

// To returns Names for a missing name.
func To(want string) *Names {
	n := &Names{want: want, text: []byte(want), mask: charMask([]byte(want)),
		limit: min(max(1, len(want)/4), 4)}
	if len(want) > nearLength || want == "" {
		n.limit = 0
	}
	return n
}

// Offer considers a name that exists.
func (n *Names) Offer(name []byte) {
	if rest, ok := bytes.CutPrefix(name, n.text); ok && len(rest) > 0 &&
		(rest[0] == '.' || string(rest) == "_noprof") {
		n.Keep(name, 0)
		return
	}
	if d := len(name) - len(n.want); d > n.limit || -d > n.limit ||
		bits.OnesCount64(n.mask^charMask(name)) > 2*n.limit {
		return
	}
	if cost := editDistance(n.want, name, n.limit); cost > 0 && cost <= n.limit {
		n.Keep(name, cost)
	}
}

// Among proposes those of names that are similar to want, "" if none is.
func Among(want string, names ...string) string {
	n := To(want)
	for _, name := range names {
		n.Offer([]byte(name))
	}
	return n.Hint()
}

// Keep keeps name if it is one of the best at that cost.
func (n *Names) Keep(name []byte, cost int) {
	i := 0
	for ; i < len(n.best) && n.best[i].cost <= cost; i++ {
		if n.best[i].name == string(name) {
			return
		}
	}
	if i >= nearMost {
		return
	}
	n.best = slices.Insert(n.best, i, nearName{string(name), cost})
	n.best = n.best[:min(len(n.best), nearMost)]
}

// Hint returns a proposal of the names found, "" if there are none.
func (n *Names) Hint() string {
	if len(n.best) == 0 {
		return ""
	}
	names := make([]string, len(n.best))
	for i, b := range n.best {
		names[i] = b.name
	}
	return "near: " + strings.Join(names, ", ")
}

// AddTo adds the names found to an error about the missing name.
func (n *Names) AddTo(err error) error {
	if hint := n.Hint(); hint != "" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return err
}

// charMask returns a mask with a bit for each character of name.
func charMask(name []byte) (mask uint64) {
	for _, c := range name {
		mask |= 1 << (c & 63)
	}
	return mask
}

// editDistance returns how many characters must be inserted, deleted, replaced or swapped with
// their neighbours to get from a to b, or limit+1 if more than limit must. No character takes part
// in two of these. It visits the 2*limit+1 diagonals that matter.
func editDistance(a string, b []byte, limit int) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	far := limit + 1
	if len(a) > nearLength || len(b) > nearLength+8 || max(len(a)-len(b), len(b)-len(a)) > limit {
		return far
	}
	var rows [3][nearLength + 9]int // rows[i%3] has the distances of a[:i] to b[:j], by j
	for j := range b {
		rows[0][j+1] = min(j+1, far)
	}
	bestAbove := 0
	for i := range len(a) {
		before, above, row := &rows[(i+2)%3], &rows[i%3], &rows[(i+1)%3]
		from, to := max(0, i-limit), min(len(b), i+limit+1)
		row[from] = far
		if from == 0 {
			row[0] = min(i+1, far)
		}
		best := row[from]
		for j := from; j < to; j++ {
			d := above[j]
			if a[i] != b[j] {
				d = min(d, above[j+1], row[j]) + 1
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = min(d, far)
			best = min(best, row[j+1])
		}
		if to < len(b) {
			row[to+1] = far
		}
		if best > limit && bestAbove > limit {
			return far
		}
		bestAbove = best
	}
	return rows[len(a)%3][len(b)]
}
