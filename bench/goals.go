package main

// goal is a figure that the project set itself. What is measured for it are ratios to C unless the
// goal says otherwise; the worst counts.
type goal struct {
	name  string
	limit float64
	got   []float64
}

const (
	goalFirst    = "in one process, first load of objects that need kernel BTF, sum over the corpus"
	goalNext     = "in one process, next loads of objects that need kernel BTF, sum over the corpus"
	goalWithout  = "in one process, loads of objects that need no kernel BTF, sum over the corpus"
	goalOpen     = "in one process, open, sum over the corpus"
	goalVerifier = "in one process, next load of big programs, least of all: ms more than C"
	goalProcess  = "whole process, load of objects that need kernel BTF, sum over the corpus"
	goalSnoop    = "whole process, opensnoop"
	goalRSS      = "whole process, peak RSS in MB"
	goalFaults   = "whole process, opensnoop: page faults"
	goalSwitches = "whole process, opensnoop: context switches"

	goalMappedFirst   = "to C that maps kernel BTF: in one process, first load, kernel BTF needed"
	goalMappedNext    = "to C that maps kernel BTF: in one process, next loads, kernel BTF needed"
	goalMappedProcess = "to C that maps kernel BTF: whole process, load, kernel BTF needed"
)

func goals() []goal {
	return []goal{
		{name: goalFirst, limit: 0.45}, {name: goalNext, limit: 0.2},
		{name: goalWithout, limit: 1.1}, {name: goalOpen, limit: 1.5},
		{name: goalVerifier, limit: 1}, {name: goalProcess, limit: 0.5},
		{name: goalSnoop, limit: 0.35}, {name: goalRSS, limit: 6},
		{name: goalFaults, limit: 330}, {name: goalSwitches, limit: 30},
		{name: goalMappedFirst, limit: 0.5}, {name: goalMappedNext, limit: 0.25},
		{name: goalMappedProcess, limit: 0.8},
	}
}

// note keeps what was measured for a goal.
func (b *bench) note(name string, value float64) {
	for i := range b.goals {
		if b.goals[i].name == name {
			b.goals[i].got = append(b.goals[i].got, value)
			return
		}
	}
	panic("no goal " + name)
}

// conclude prints what became of the goals.
func (b *bench) conclude() {
	b.printf("\n## Goals\n\n| | at most | purebpf | |\n| --- | --- | --- | --- |\n")
	for _, g := range b.goals {
		if len(g.got) == 0 {
			continue
		}
		worst := g.got[0]
		for _, v := range g.got {
			worst = max(worst, v)
		}
		verdict := "reached"
		if worst > g.limit {
			verdict = "**missed**"
		}
		b.printf("| %s | %.2f | %.2f | %s |\n", g.name, g.limit, worst, verdict)
	}
}
