package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// object is a file to measure with.
type object struct {
	name, path string
	repeats    int    // how often in one process
	process    string // the goal of whole processes that load it, "" if there is none
	verifier   bool   // the verifier takes most of its load
}

func (b *bench) objects() []object {
	return []object{
		{"small (15 instructions, no kernel BTF)", filepath.Join("testdata", "small.bpf.o"), 60, "",
			false},
		{"opensnoop (52 CO-RE relocations)", b.corpus("tools/opensnoop.bpf.o"), 20, goalSnoop,
			false},
		{"tcptracer (53 CO-RE relocations)", b.corpus("tools/tcptracer.bpf.o"), 20, "", false},
		{"netif_receive_skb (4,827 instructions, 53 relocations)",
			b.corpus("selftests/netif_receive_skb.bpf.o"), 12, "", false},
		{"test_verif_scale2 (11,429 instructions; the verifier's time)",
			b.corpus("selftests/test_verif_scale2.bpf.o"), 4, "", true},
		{"pyperf180 (the verifier's time)", b.corpus("selftests/pyperf180.bpf.o"), 3, "", true},
	}
}

func (b *bench) head() {
	b.printf("# Results\n\n")
	b.printf("Made by `make bench`. Ratios are medians of round-by-round ratios to C, of interleaved runs; times are medians.\n\n")
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	b.printf("Kernel %s, %d CPUs, %s. C: libbpf 1.5, -O2, shared libelf and libz; C-static: the same, fully static; C-mapped: maps kernel BTF as libbpf 1.8 does. ", strings.TrimSpace(string(release)), runtime.NumCPU(), runtime.Version())
	b.printf("cilium: cilium/ebpf v0.22.0 (see go.mod). Both Go programs: `-trimpath -ldflags=-s -w`, CGO_ENABLED=0.\n")
}

// process measures whole processes, from exec to exit.
func (b *bench) process() error {
	b.printf("\n## Whole process: start, work, exit\n\n")
	b.printf("Wall ms (CPU ms; peak RSS MB), the ratio of wall to C, and page faults / context switches / system calls.\n\n")
	b.tableHead("", func(s subject) string { return s.name }, "purebpf to C-mapped")
	measure := func(name, goal string, args ...string) error {
		var commands [][]string
		for _, s := range b.subjects {
			commands = append(commands, append([]string{s.program}, args...))
		}
		samples, err := b.spawn(b.rounds, commands)
		if err != nil {
			return err
		}
		wall := func(s sample) float64 { return s.wall }
		cells := make([]string, len(b.subjects))
		for i := range b.subjects {
			cells[i] = fmt.Sprintf("%.2f (%.2f; %.1f)", median(field(samples[i], wall)),
				median(field(samples[i], func(s sample) float64 { return s.cpu })),
				median(field(samples[i], func(s sample) float64 { return s.rss })))
			if i > 0 {
				cells[i] += fmt.Sprintf(" **%.2f**",
					ratio(field(samples[i], wall), field(samples[0], wall)))
			}
			cells[i] += " " + medianCounts(samples[i]).String()
		}
		ours := samples[b.ours()]
		toMapped := ratio(field(ours, wall), field(samples[b.mapped()], wall))
		cells = append(cells, fmt.Sprintf("**%.2f**", toMapped))
		b.note(goalRSS, median(field(ours, func(s sample) float64 { return s.rss })))
		b.printf("| %s | %s |\n", name, strings.Join(cells, " | "))
		if goal == "" {
			return nil
		}
		b.note(goal, ratio(field(ours, wall), field(samples[0], wall)))
		c := medianCounts(ours)
		b.note(goalFaults, c.faults)
		b.note(goalSwitches, c.switches)
		return b.spin(median(field(ours, wall)))
	}
	if err := measure("start only", "", "start"); err != nil {
		return err
	}
	for _, o := range b.objects() {
		if err := measure("open "+o.name, "", "open", o.path); err != nil {
			return err
		}
		if err := measure("load "+o.name, o.process, "load", o.path); err != nil {
			return err
		}
	}
	return nil
}

// spin prints a row of a Go program that only spins, so that it takes wall ms in all: its context
// switches are those of the Go runtime, which looks every 20 µs whether a thread runs too long.
func (b *bench) spin(wall float64) error {
	ours := b.subjects[b.ours()].program
	start, err := b.spawn(b.rounds, [][]string{{ours, "start"}})
	if err != nil {
		return err
	}
	begin := median(field(start[0], func(s sample) float64 { return s.wall }))
	us := strconv.Itoa(int(max(0, wall-begin) * 1e3))
	samples, err := b.spawn(b.rounds, [][]string{{ours, "spin", us}})
	if err != nil {
		return err
	}
	b.printf("| spin in Go for as long |%s %.2f %v | |\n", strings.Repeat(" |", b.ours()),
		median(field(samples[0], func(s sample) float64 { return s.wall })),
		medianCounts(samples[0]))
	return nil
}

// tableHead prints a head with a column for each subject, and those that are named.
func (b *bench) tableHead(first string, name func(subject) string, more ...string) {
	b.printf("| %s |", first)
	for _, s := range b.subjects {
		b.printf(" %s |", name(s))
	}
	for _, m := range more {
		b.printf(" %s |", m)
	}
	b.printf("\n|%s\n", strings.Repeat(" --- |", len(b.subjects)+1+len(more)))
}
