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
	b.printf("µs of one open (+ close), of the first open + load + close, and of the next ones. cilium-cached is given a btf.Cache for all loads.\n\n")
	subjects := append(b.subjects[:len(b.subjects):len(b.subjects)], subject{"cilium-cached", ""})
	b.printf("| |")
	for _, s := range subjects {
		b.printf(" %s |", s.name)
	}
	b.printf("\n|%s\n", strings.Repeat(" --- |", len(subjects)+1))
	for _, o := range b.objects() {
		for _, verb := range []string{"hot-open", "hot-load"} {
			first := make([][]float64, len(subjects))
			next := make([][]float64, len(subjects)) // medians of processes
			each := make([][]float64, len(subjects)) // all the next ones
			for round := range processes {
				for i := range subjects {
					which := (i + round) % len(subjects)
					command := []string{subjects[which].program, verb, strconv.Itoa(o.repeats),
						o.path}
					if subjects[which].program == "" {
						command[0], command[1] = b.program("cilium"), "hot-load-cached"
						if verb == "hot-open" {
							continue // the same as without a cache
						}
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
			if verb == "hot-open" {
				b.row("open "+o.name, next)
			} else {
				b.row("first load "+o.name, first)
				b.row("next load "+o.name, next)
				if o.verifier {
					b.note(goalVerifier, more(each[b.ours()], each[0])/1e3)
				}
			}
		}
	}
	return nil
}

func (b *bench) program(name string) string {
	for _, s := range b.subjects {
		if s.name == name {
			return s.program
		}
	}
	return ""
}

// row prints medians, and after the first column the ratio to it.
func (b *bench) row(name string, columns [][]float64) {
	cells := make([]string, len(columns))
	for i, c := range columns {
		switch {
		case len(c) == 0:
			cells[i] = "-"
		case i == 0:
			cells[i] = fmt.Sprintf("%.1f", median(c))
		default:
			cells[i] = fmt.Sprintf("%.1f **%.2f**", median(c), ratio(c, columns[0]))
		}
	}
	b.printf("| %s | %s |\n", name, strings.Join(cells, " | "))
}
