package plan

// sectionIndex finds sections by name among n of them. Callers mostly ask in the order of the
// sections, so a few sections are searched from the last result; many get a table.
type sectionIndex struct {
	hint  int
	table map[string]int
}

const fewSections = 16

// find returns the position of the first of n sections called name, or -1 if there is none.
func (x *sectionIndex) find(name string, n int, nameOf func(int) string) int {
	if n > fewSections {
		if x.table == nil {
			x.table = make(map[string]int, n)
			for i := n - 1; i >= 0; i-- {
				x.table[nameOf(i)] = i
			}
		}
		if i, ok := x.table[name]; ok {
			return i
		}
		return -1
	}
	for i := range n {
		if i = (i + x.hint) % n; nameOf(i) == name {
			for i > 0 && nameOf(i-1) == name {
				i--
			}
			x.hint = i
			return i
		}
	}
	return -1
}
