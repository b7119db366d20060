package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// stack is the functions that call each other, the outermost first, and how often they were seen.
type stack struct {
	frames []string
	count  uint64
}

// String returns the stack as flame graph tools read it: "program;main;work 12".
func (s stack) String() string { return fmt.Sprint(strings.Join(s.frames, ";"), " ", s.count) }

// fold returns the stacks with the names of their functions; those of the kernel end in _[k].
func fold(p *Profile) ([]stack, error) {
	kernel, err := kernelFunctions()
	if err != nil {
		return nil, err
	}
	processes := processes{}
	var stacks []stack
	samples := p.Maps.Counts.Iterate()
	for s, count := range samples.All() {
		if count == 0 {
			continue // a lost one
		}
		folded := stack{[]string{s.Comm.String()}, count}
		for _, addr := range addresses(p, s.UserStack) {
			folded.frames = append(folded.frames, processes.name(int(s.Process), addr))
		}
		for _, addr := range addresses(p, s.KernelStack) {
			folded.frames = append(folded.frames, kernel.name(addr)+"_[k]")
		}
		for i, frame := range folded.frames {
			folded.frames[i] = strings.Map(clean, frame)
		}
		stacks = append(stacks, folded)
	}
	slices.SortFunc(stacks, func(a, b stack) int { return slices.Compare(a.frames, b.frames) })
	return merge(stacks), samples.Err()
}

// addresses returns the addresses in a stack, the outermost first. All but the innermost are where
// a call returns to, which may be the next function already: the byte before is part of the call.
func addresses(p *Profile, id int32) []uint64 {
	if id < 0 {
		return nil
	}
	frames, err := p.Maps.Stacks.Lookup(uint32(id))
	if err != nil {
		return nil
	}
	depth := slices.Index(frames[:], 0)
	if depth < 0 {
		depth = len(frames)
	}
	for i := 1; i < depth; i++ {
		frames[i]--
	}
	slices.Reverse(frames[:depth])
	return frames[:depth]
}

// clean replaces what has a meaning in folded stacks, and what a terminal would obey.
func clean(r rune) rune {
	if r == ';' {
		return ':'
	}
	if !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// merge adds up the counts of neighbours that differ in nothing else, such as in their process.
func merge(stacks []stack) (merged []stack) {
	for _, s := range stacks {
		if n := len(merged) - 1; n >= 0 && slices.Equal(merged[n].frames, s.frames) {
			merged[n].count += s.count
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// functions are functions in the order of their addresses.
type functions []function

type function struct {
	start uint64
	size  uint64 // 0 if unknown
	name  string
}

// sort brings the functions in order.
func (f functions) sort() {
	slices.SortFunc(f, func(a, b function) int { return cmp.Compare(a.start, b.start) })
}

// find returns the function at an address: the last that starts before, if it has no size or one
// that reaches so far.
func (f functions) find(addr uint64) (name string, ok bool) {
	i, found := slices.BinarySearchFunc(f, addr, func(f function, addr uint64) int {
		return cmp.Compare(f.start, addr)
	})
	if !found {
		i--
	}
	if i < 0 || f[i].size != 0 && addr-f[i].start >= f[i].size {
		return "", false
	}
	return f[i].name, true
}

// name returns the function at an address, or the address.
func (f functions) name(addr uint64) string {
	if name, ok := f.find(addr); ok {
		return name
	}
	return fmt.Sprintf("%#x", addr)
}
