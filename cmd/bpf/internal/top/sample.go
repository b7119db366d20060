package top

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/purebpf/bpf/cmd/bpf/internal/holder"
	"github.com/purebpf/bpf/inspect"
)

// sample is what one interval showed.
type sample struct {
	interval time.Duration
	cpus     int
	links    int
	memory   int64 // of all maps
	busy     time.Duration
	programs []program
	maps     []mapUse
	total    struct{ programs, maps int }
	runTime  bool // the kernel counts run time
}

type program struct {
	inspect.ProgramUsage
	name    string
	holders holder.List
}

type mapUse struct {
	inspect.MapUsage
	holders holder.List
}

// perSecond returns the rate of n in the interval.
func (s *sample) perSecond(n uint64) float64 {
	if s.interval <= 0 {
		return 0
	}
	return float64(n) / s.interval.Seconds()
}

// share returns time in percent of one CPU.
func (s *sample) share(t time.Duration) float64 {
	if s.interval <= 0 {
		return 0
	}
	return 100 * t.Seconds() / s.interval.Seconds()
}

// average returns the time of a run, 0 if there was none.
func average(t time.Duration, runs uint64) time.Duration {
	if runs == 0 {
		return 0
	}
	return t / time.Duration(runs)
}

// fill returns which part of a map is used, -1 if that isn't known.
func fill(m inspect.MapUsage) float64 {
	used := max(m.Entries, m.Backlog)
	if used < 0 || m.MaxEntries == 0 {
		return -1
	}
	return float64(used) / float64(m.MaxEntries)
}

// newSample names what was read, and chooses and sorts it.
func newSample(u *inspect.Usage, names map[uint32]string, h *holder.Holders, o *options) *sample {
	s := &sample{interval: u.Interval, cpus: runtime.NumCPU(), links: u.Links}
	s.total.programs, s.total.maps = len(u.Programs), len(u.Maps)
	for _, p := range u.Programs {
		s.busy += p.Time
		s.runTime = s.runTime || p.RunCount > 0
		q := program{p, cmp.Or(names[p.ID], p.Name), h.Program(p.ID)}
		if o.shows(q.name, p.Type, q.holders) {
			s.programs = append(s.programs, q)
		}
	}
	for _, m := range u.Maps {
		s.memory += max(m.Memory, 0)
		q := mapUse{m, h.Of(inspect.KindMap, m.ID)}
		if o.shows(m.Name, m.Type, q.holders) {
			s.maps = append(s.maps, q)
		}
	}
	slices.SortStableFunc(s.programs, orders()[o.sort])
	slices.SortStableFunc(s.maps, func(a, b mapUse) int {
		return cmp.Or(cmp.Compare(fill(b.MapUsage), fill(a.MapUsage)),
			cmp.Compare(b.Memory, a.Memory))
	})
	return s
}

// orders are the orders of programs by the value of --sort.
func orders() map[string]func(a, b program) int {
	return map[string]func(a, b program) int{
		"cpu":  func(a, b program) int { return cmp.Compare(b.Time, a.Time) },
		"runs": func(a, b program) int { return cmp.Compare(b.Runs, a.Runs) },
		"avg": func(a, b program) int {
			return cmp.Compare(average(b.Time, b.Runs), average(a.Time, a.Runs))
		},
		"name": func(a, b program) int { return strings.Compare(a.name, b.name) },
		"id":   func(a, b program) int { return cmp.Compare(a.ID, b.ID) },
	}
}

// sorts are the values of --sort.
var sorts = []string{"cpu", "runs", "avg", "name", "id"}

// shows reports whether the filter is in the name, the type or the holders.
func (o *options) shows(name string, typ fmt.Stringer, holders holder.List) bool {
	if o.filter == "" {
		return true
	}
	texts := []string{name, typ.String()}
	for _, h := range holders {
		texts = append(texts, h.String())
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.ToLower(text), strings.ToLower(o.filter))
	})
}
