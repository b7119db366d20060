package object

import "slices"

// stable sorts n elements, which swap exchanges, and keeps the order of equal ones. It is for
// slices of this package's types: package slices takes 4 KB of each program to sort one of them
// and, since their elements lead to all other types of this package, has the linker keep all their
// methods. It allocates nothing if the elements are in order.
func stable(n int, compare func(i, j int) int, swap func(i, j int)) {
	sorted := true
	for i := 1; i < n && sorted; i++ {
		sorted = compare(i-1, i) <= 0
	}
	if sorted {
		return
	}
	from := make([]int, n) // where the element for each place is
	for i := range from {
		from[i] = i
	}
	slices.SortStableFunc(from, compare)
	for i := range from {
		at := i
		for from[at] != i { // a cycle of places
			next := from[at]
			swap(at, next)
			from[at], at = at, next
		}
		from[at] = at
	}
}
