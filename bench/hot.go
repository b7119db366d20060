package main

import (
	"fmt"
	"strconv"
	"strings"
)

// hot measures within one process: the first load, which has kernel BTF to read, and the ones after
// it.
func (b *bench) hot() error {
	const processes = 9
	b.printf("\n## In one process\n\n")
	b.printf("µs of one open (+ close), of the first open + load + close, and of the next ones, the ratio to C, and page faults / context switches / system calls of one. cilium-cached is given a btf.Cache for all loads.\n\n")
	subjects := append(b.subjects[:len(b.subjects):len(b.subjects)], subject{"cilium-cached", ""})
	b.tableHead("", func(s subject) string { return s.name }, "cilium-cached")
	for _, o := range b.objects() {
		for _, verb := range []string{"hot-open", "hot-load"} {
			first := make([][]float64, len(subjects))
			next := make([][]float64, len(subjects)) // medians of processes
			each := make([][]float64, len(subjects)) // all the next ones
			for round := range processes {
				for i := range subjects {
					which := (i + round) % len(subjects)
					command := b.hotCommand(subjects[which], verb, o.repeats, o.path)
					if command == nil {
						continue
					}
					values, err := repeat(command)
					if err != nil {
						return err
					}
					first[which] = append(first[which], values[0])
					next[which] = append(next[which], median(values[1:]))
					each[which] = append(each[which], values[1:]...)
				}
			}
			once, again, err := b.hotCounts(subjects, verb, o)
			if err != nil {
				return err
			}
			if verb == "hot-open" {
				b.row("open "+o.name, next, again)
			} else {
				b.row("first load "+o.name, first, once)
				b.row("next load "+o.name, next, again)
				if o.verifier {
					b.note(goalVerifier, more(each[b.ours()], each[0])/1e3)
				}
			}
		}
	}
	return nil
}

// hotCommand is the command that opens or loads an object a number of times; nil if the subject
// does the same as another.
func (b *bench) hotCommand(s subject, verb string, repeats int, path string) []string {
	if s.program == "" {
		if verb == "hot-open" {
			return nil // the same as without a cache
		}
		s.program, verb = b.program("cilium"), "hot-load-cached"
	}
	return []string{s.program, verb, strconv.Itoa(repeats), path}
}

// hotCounts returns the counts of the first time and of a next one, by subject: a process that does
// it once does more than one that does nothing, and one that does it often more than both.
func (b *bench) hotCounts(subjects []subject, verb string, o object) (first, next []counts, err error) {
	const rounds = 5
	first, next = make([]counts, len(subjects)), make([]counts, len(subjects))
	for i, s := range subjects {
		once := b.hotCommand(s, verb, 1, o.path)
		if once == nil {
			continue
		}
		samples, err := b.spawn(rounds, [][]string{
			{once[0], "start"}, once, b.hotCommand(s, verb, o.repeats, o.path),
		})
		if err != nil {
			return nil, nil, err
		}
		nothing, one := medianCounts(samples[0]), medianCounts(samples[1])
		first[i] = one.less(nothing, 1)
		next[i] = medianCounts(samples[2]).less(one, float64(o.repeats-1))
	}
	return first, next, nil
}

func (b *bench) program(name string) string {
	for _, s := range b.subjects {
		if s.name == name {
			return s.program
		}
	}
	return ""
}

// row prints medians, after the first column the ratio to it, and counts.
func (b *bench) row(name string, columns [][]float64, counts []counts) {
	cells := make([]string, len(columns))
	for i, c := range columns {
		switch {
		case len(c) == 0:
			cells[i] = "-"
		case i == 0:
			cells[i] = fmt.Sprintf("%.1f %v", median(c), counts[i])
		default:
			cells[i] = fmt.Sprintf("%.1f **%.2f** %v", median(c), ratio(c, columns[0]), counts[i])
		}
	}
	b.printf("| %s | %s |\n", name, strings.Join(cells, " | "))
}
