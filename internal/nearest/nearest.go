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

// editDistance is how many characters have to be inserted, deleted or replaced to get from a to b,
// or limit+1 if more than limit have to. It looks at the 2*limit+1 diagonals that matter.
func editDistance(a string, b []byte, limit int) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > nearLength || len(b) > nearLength+8 {
		return limit + 1
	}
	var row [nearLength + 9]int // distances of a[:i] to b[:j], by j
	for j := range b {
		row[j+1] = min(j+1, limit+1)
	}
	for i := range len(a) {
		from, to := max(0, i-limit), min(len(b), i+limit+1)
		corner := row[from]
		if from == 0 {
			row[0] = min(i+1, limit+1)
		} else {
			row[from] = limit + 1
		}
		best := row[from]
		for j := from; j < to; j++ {
			d := corner
			if a[i] != b[j] {
				d = min(corner, row[j], row[j+1]) + 1
			}
			corner = row[j+1]
			row[j+1] = min(d, limit+1)
			best = min(best, row[j+1])
		}
		if to < len(b) {
			row[to+1] = limit + 1
		}
		if best > limit {
			return limit + 1
		}
	}
	return row[len(b)]
}
