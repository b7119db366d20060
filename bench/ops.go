package main

import (
	"path/filepath"
	"strconv"
	"strings"
)

// operation is a row of the table of operations, and what our ratio to C may be.
type operation struct {
	verb, name string
	limit      float64 // 0: no goal
	cilium     bool
}

var operations = []operation{
	{"lookup", "hash lookup", 1.05, true},
	{"update", "hash update", 1.05, true},
	{"percpu-lookup", "per-CPU hash lookup", 1.05, true},
	{"percpu-update", "per-CPU hash update", 1.05, true},
	{"walk", "walk through a hash of 100,000, an element (C: next key and lookup)", 0.15, true},
	{"ring-view", "ring buffer record of 64 bytes, view", 1, true},
	{"ring-typed", "ring buffer record, typed (C: view)", 1.2, true},
	{"ring-copy", "ring buffer record, copied", 0, true},
	{"perf-view", "perf buffer record of 16 bytes", 1.2, false},
	{"perf-typed", "perf buffer record, typed (C: bytes)", 0, false},
	{"run", "run a program", 1.1, true},
	{"list", "walk through a list of 1,000,000 in an arena, a node", 1.3, false},
	{"wake", "submit a record and wake the blocked reader (C: epoll)", 0, false},
}

// goal is the name of the goal of an operation.
func (o operation) goal() string { return "operations, " + o.name }

// operationGoals are the goals of the table of operations.
func operationGoals() (list []goal) {
	for _, o := range operations {
		if o.limit > 0 {
			list = append(list, goal{name: o.goal(), limit: o.limit})
		}
	}
	return list
}

// ops measures operations on loaded objects, in processes that take turns.
func (b *bench) ops() error {
	const processes, rounds = 9, 5
	b.printf("\n## Operations\n\nns of one: medians of processes; ratios to C.\n\n")
	subjects := []string{"C", "cilium", "purebpf"}
	b.printf("| | %s |\n|%s\n", strings.Join(subjects, " | "), strings.Repeat(" --- |", 4))
	for _, o := range operations {
		columns := make([][]float64, len(subjects))
		for round := range processes {
			for i := range subjects {
				which := (i + round) % len(subjects)
				if subjects[which] == "cilium" && !o.cilium {
					continue
				}
				values, err := repeat([]string{filepath.Join(b.build, subjects[which]+"-ops"),
					o.verb, strconv.Itoa(rounds), "../ringbuf/testdata/ring.bpf.o",
					"../perfbuf/testdata/perf.bpf.o", "../arena/testdata/arena.bpf.o"})
				if err != nil {
					return err
				}
				columns[which] = append(columns[which], median(values))
			}
		}
		b.printf("| %s |", o.name)
		for i, c := range columns {
			switch {
			case len(c) == 0:
				b.printf(" - |")
			case i == 0:
				b.printf(" %.1f |", median(c))
			default:
				b.printf(" %.1f **%.2f** |", median(c), ratio(c, columns[0]))
			}
		}
		b.printf("\n")
		if o.limit > 0 {
			b.note(o.goal(), ratio(columns[2], columns[0]))
		}
	}
	return nil
}
