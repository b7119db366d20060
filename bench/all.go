package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/purebpf/bpf"
)

// all measures every object of the corpus that loads with all subjects, in processes of its own.
func (b *bench) all() error {
	const processes, repeats = 3, 4
	// Verification of these takes up to seconds and hides everything else. What is ours of it has a
	// goal of its own, in milliseconds.
	giants := []string{"loop3.bpf.o", "strobemeta_bpf_loop.bpf.o", "pyperf600.bpf.o",
		"pyperf180.bpf.o", "pyperf100.bpf.o", "test_verif_scale2.bpf.o"}
	var withBTF, without []string
	for _, dir := range []string{"selftests", "tools", "xdp"} {
		paths, err := filepath.Glob(b.corpus(dir + "/*.o"))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if slices.Contains(giants, filepath.Base(path)) || !b.loadsEverywhere(path) {
				continue
			}
			needs, err := needsKernelBTF(path)
			if err != nil {
				return err
			}
			if needs {
				withBTF = append(withBTF, path)
			} else {
				without = append(without, path)
			}
		}
	}
	b.printf("\n## All objects of the corpus that load in all of them\n\n")
	b.printf("ms of open (+ close) and of open + load + close in process, each object in processes of its own; the sum over the objects, and the median of the objects' ratios to C.\n")
	b.printf("Without the giants of the verifier (%d objects left out).\n\n", len(giants))
	b.tableHead("", func(s subject) string { return s.name }, "purebpf to C-mapped")
	for _, group := range []struct {
		name, verb  string
		paths       []string
		first, next string // goals
	}{
		{"open", "hot-open", append(withBTF, without...), "", goalOpen},
		{"load, kernel BTF needed", "hot-load", withBTF, goalFirst, goalNext},
		{"load, no kernel BTF needed", "hot-load", without, goalWithout, goalWithout},
	} {
		first, next, err := b.group(group.verb, group.paths, processes, repeats)
		if err != nil {
			return err
		}
		b.sums("first "+group.name, group.first, first)
		b.sums("next "+group.name, group.next, next)
		if group.next == goalNext {
			b.noteMapped(goalMappedFirst, first)
			b.noteMapped(goalMappedNext, next)
		}
	}
	whole, total, err := b.processes(withBTF)
	if err != nil {
		return err
	}
	b.sums("whole process, load, kernel BTF needed", goalProcess, whole)
	b.noteMapped(goalMappedProcess, whole)
	b.printf("| page faults / context switches / system calls of these processes, mean |")
	for _, c := range total {
		b.printf(" %v |", c.less(counts{}, float64(len(withBTF))))
	}
	b.printf(" |\n")
	return nil
}

// processes returns the µs of whole processes that load, by subject and object, and the sums of
// what they count, by subject.
func (b *bench) processes(paths []string) ([][]float64, []counts, error) {
	const rounds = 7
	whole := make([][]float64, len(b.subjects))
	total := make([]counts, len(b.subjects))
	for _, path := range paths {
		var commands [][]string
		for _, s := range b.subjects {
			commands = append(commands, []string{s.program, "load", path})
		}
		samples, err := b.spawn(rounds, commands)
		if err != nil {
			return nil, nil, err
		}
		for i := range b.subjects {
			whole[i] = append(whole[i],
				1e3*median(field(samples[i], func(s sample) float64 { return s.wall })))
			total[i] = total[i].plus(medianCounts(samples[i]))
		}
	}
	return whole, total, nil
}

// group returns the µs of the first time and of the next times, by subject and object.
func (b *bench) group(verb string, paths []string, processes, repeats int) (first, next [][]float64, err error) {
	first = make([][]float64, len(b.subjects))
	next = make([][]float64, len(b.subjects))
	for _, path := range paths {
		f := make([][]float64, len(b.subjects))
		n := make([][]float64, len(b.subjects))
		for round := range processes {
			for i := range b.subjects {
				which := (i + round) % len(b.subjects)
				values, err := repeat([]string{b.subjects[which].program, verb, fmt.Sprint(repeats),
					path})
				if err != nil {
					return nil, nil, err
				}
				f[which] = append(f[which], values[0])
				n[which] = append(n[which], median(values[1:]))
			}
		}
		for i := range b.subjects {
			first[i] = append(first[i], median(f[i]))
			next[i] = append(next[i], median(n[i]))
		}
	}
	return first, next, nil
}

// sums prints a row of sums over the objects and notes ours for a goal.
func (b *bench) sums(name, goal string, values [][]float64) {
	b.printf("| %s: %d objects |", name, len(values[0]))
	for i, v := range values {
		b.printf(" %.1f", sum(v)/1e3)
		if i > 0 {
			b.printf(" sum **%.2f** median **%.2f**", sum(v)/sum(values[0]), ratio(v, values[0]))
		}
		b.printf(" |")
	}
	ours, mapped := values[b.ours()], values[b.mapped()]
	b.printf(" sum **%.2f** median **%.2f** |\n", sum(ours)/sum(mapped), ratio(ours, mapped))
	if goal != "" {
		b.note(goal, sum(values[b.ours()])/sum(values[0]))
	}
}

// noteMapped notes ours for a goal of ratios to C that maps kernel BTF.
func (b *bench) noteMapped(goal string, values [][]float64) {
	b.note(goal, sum(values[b.ours()])/sum(values[b.mapped()]))
}

func (b *bench) loadsEverywhere(path string) bool {
	for _, s := range b.subjects {
		if _, err := repeat([]string{s.program, "load", path}); err != nil {
			return false
		}
	}
	return true
}

// needsKernelBTF: CO-RE relocations, typed ksyms and kfuncs, struct_ops and programs attached by
// BTF id make libbpf read it.
func needsKernelBTF(path string) (bool, error) {
	o, err := bpf.Open(path, nil)
	if err != nil {
		return false, err
	}
	if o.Ext != nil && len(o.Ext.Core) > 0 {
		return true, nil
	}
	for _, e := range o.Externs {
		if e.KsymType != 0 || e.Func {
			return true, nil
		}
	}
	for _, m := range o.Maps {
		if m.StructOps != nil {
			return true, nil
		}
	}
	for _, p := range o.Programs {
		if p.Def != nil && p.AttachTarget != "" {
			return true, nil
		}
	}
	return false, nil
}
