// Package glob matches names against the patterns of kprobe.multi, uprobe.multi and tracing.multi:
// '*' stands for any text, '?' for one byte.
package glob

import "strings"

// HasWildcard reports whether a pattern can match more than one name.
func HasWildcard(pattern string) bool { return strings.ContainsAny(pattern, "*?") }

// Match reports whether the whole name matches a pattern. In the worst case it takes time
// proportional to the product of their lengths.
func Match[Name string | []byte](pattern string, name Name) bool {
	p, n := 0, 0
	star, mark := -1, 0 // the last '*', and how far it extends in name
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
