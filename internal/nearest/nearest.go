// Package nearest proposes names that are near one that doesn't exist.
package nearest

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Names picks, from all names that exist, those that are probably meant by one that doesn't: names
// that the compiler made of it ("name.isra.0") or the kernel when it came to profile allocations
// ("kmalloc_noprof"), then names that differ by a few characters. It works in one pass and looks
// closely at few.
type Names struct {
	want  string
	text  []byte // want
	mask  uint64 // characters in want, see charMask
	limit int    // how many characters may differ
	best  []nearName
}

type nearName struct {
	name string
	cost int // 0: made of the name; else characters that differ
}

const (
	nearMost   = 3  // how many names are kept
	nearLength = 96 // longer names are not looked at
)

// To looks for names near want.
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

// Among proposes those of names that are near want, "" if none is.
func Among(want string, names ...string) string {
	n := To(want)
	for _, name := range names {
		n.Offer([]byte(name))
	}
	return n.Hint()
}

// Keep takes name among the best if it is one of them at that cost.
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

// Hint proposes what was found, "" if nothing was.
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

// AddTo adds what was found to an error about the name that doesn't exist.
func (n *Names) AddTo(err error) error {
	if hint := n.Hint(); hint != "" {
		return fmt.Errorf("%w; %s", err, hint)
	}
	return err
}

// charMask has a bit for each character of name.
func charMask(name []byte) (mask uint64) {
	for _, c := range name {
		mask |= 1 << (c & 63)
	}
	return mask
}

// editDistance is how many characters have to be inserted, deleted, replaced or swapped with their
// neighbours to get from a to b, or limit+1 if more than limit have to. No character takes part in
// two of these. It looks at the 2*limit+1 diagonals that matter.
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
