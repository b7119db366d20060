package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
	b.printf("Kernel %s, %d CPUs, %s. C: libbpf 1.5, -O2, shared libelf and libz; C-static: the same, fully static. ", strings.TrimSpace(string(release)), runtime.NumCPU(), runtime.Version())
	b.printf("cilium: cilium/ebpf v0.22.0 (see go.mod). Both Go programs: `-trimpath -ldflags=-s -w`, CGO_ENABLED=0.\n")
}

// process measures whole processes, from exec to exit.
func (b *bench) process() error {
	b.printf("\n## Whole process: start, work, exit\n\n")
	b.printf("Wall ms (CPU ms; peak RSS MB), and the ratio of wall to C.\n\n")
	b.tableHead("", func(s subject) string { return s.name })
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
		}
		ours := samples[b.ours()]
		b.note(goalRSS, median(field(ours, func(s sample) float64 { return s.rss })))
		if goal != "" {
			b.note(goal, ratio(field(ours, wall), field(samples[0], wall)))
		}
		b.printf("| %s | %s |\n", name, strings.Join(cells, " | "))
		return nil
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

func (b *bench) tableHead(first string, name func(subject) string) {
	b.printf("| %s |", first)
	for _, s := range b.subjects {
		b.printf(" %s |", name(s))
	}
	b.printf("\n|%s\n", strings.Repeat(" --- |", len(b.subjects)+1))
}
