package metrics

import (
	"context"
	"errors"
	"slices"

	"github.com/purebpf/bpf/inspect"
)

// Options changes what a Collector does.
type Options struct {
	// MaxSeries is the greatest number of series of programs, and that of maps; 0 means 1,000.
	MaxSeries int
}

// defaultMaxSeries is far above the number of names that a machine has.
const defaultMaxSeries = 1000

// Collector measures at each scrape. Its methods may be called concurrently: scrapes wait for each
// other.
type Collector struct {
	turn     chan struct{} // holds a value while nobody measures
	meter    *inspect.Meter
	closed   bool
	limit    int
	programs map[key]*runs
}

// key is what programs or maps of a series have in common.
type key struct{ typ, name string }

// other is the name of the series for what exceeds the limit.
const other = "other"

// runs are the counters of programs.
type runs struct{ runs, seconds, missed float64 }

// ErrClosed is the error of a Collector after Close.
var ErrClosed = errors.New("metrics: collector closed")

// NewCollector begins to count runs. opts may be nil. Needs CAP_SYS_ADMIN. The caller closes it.
func NewCollector(opts *Options) (*Collector, error) {
	meter, err := inspect.NewMeter()
	if err != nil {
		return nil, err
	}
	c := &Collector{turn: make(chan struct{}, 1), meter: meter, limit: defaultMaxSeries,
		programs: map[key]*runs{}}
	if opts != nil && opts.MaxSeries > 0 {
		c.limit = opts.MaxSeries
	}
	c.turn <- struct{}{}
	return c, nil
}

// Close waits for scrapes that have begun, and ends counting.
func (c *Collector) Close() error {
	<-c.turn
	defer func() { c.turn <- struct{}{} }()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.meter.Close()
}

// Collect measures, and returns all families in a fixed order, their samples by labels. It ends
// when ctx does; what was counted meanwhile is in the next result.
func (c *Collector) Collect(ctx context.Context) ([]Family, error) {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.closed {
		return nil, ErrClosed
	}
	u, err := c.meter.Read(ctx)
	if err != nil {
		return nil, err
	}
	return append(c.programFamilies(u), c.mapFamilies(u)...), nil
}

func (c *Collector) programFamilies(u *inspect.Usage) []Family {
	byType := map[string]float64{}
	for _, p := range u.Programs {
		typ := p.Type.String()
		byType[typ]++
		k := key{typ, p.Name}
		r := c.programs[k]
		if r == nil && len(c.programs) >= c.limit {
			k = key{other, other}
			r = c.programs[k]
		}
		if r == nil {
			r = &runs{}
			c.programs[k] = r
		}
		r.runs += float64(p.Runs)
		r.seconds += p.Time.Seconds()
		r.missed += float64(p.Misses)
	}
	counted := []Family{
		{Name: "bpf_program_runs_total", Help: "Runs of BPF programs."},
		{Name: "bpf_program_run_seconds_total", Help: "Time that runs of BPF programs took."},
		{Name: "bpf_program_missed_runs_total",
			Help: "Runs left out because the BPF program ran already on that CPU."},
	}
	for k, r := range c.programs {
		for i, value := range []float64{r.runs, r.seconds, r.missed} {
			counted[i].Samples = append(counted[i].Samples, Sample{[]string{k.typ, k.name}, value})
		}
	}
	for i := range counted {
		counted[i].Counter, counted[i].Labels = true, []string{"type", "name"}
		counted[i].sort()
	}
	return append([]Family{byTypes("bpf_programs", "Loaded BPF programs.", byType)}, counted...)
}

func (c *Collector) mapFamilies(u *inspect.Usage) []Family {
	byType := map[string]float64{}
	const (
		memory = iota
		entries
		most
		backlog
		size
		all
	)
	var sums [all]map[key]float64
	for i := range sums {
		sums[i] = map[key]float64{}
	}
	seen := map[key]bool{}
	for _, m := range u.Maps {
		typ := m.Type.String()
		byType[typ]++
		k := key{typ, m.Name}
		if !seen[k] && len(seen) >= c.limit {
			k = key{other, other}
		}
		seen[k] = true
		if m.Memory >= 0 {
			sums[memory][k] += float64(m.Memory)
		}
		if m.Backlog >= 0 {
			sums[backlog][k] += float64(m.Backlog)
			sums[size][k] += float64(m.MaxEntries)
			continue
		}
		sums[most][k] += float64(m.MaxEntries)
		if m.Entries >= 0 {
			sums[entries][k] += float64(m.Entries)
		}
	}
	families := []Family{
		memory:  {Name: "bpf_map_memory_bytes", Help: "Memory of BPF maps."},
		entries: {Name: "bpf_map_entries", Help: "Elements of BPF hash maps."},
		most:    {Name: "bpf_map_max_entries", Help: "Elements for which BPF maps are made."},
		backlog: {Name: "bpf_ring_backlog_bytes",
			Help: "Bytes that the readers of BPF ring buffers have not consumed."},
		size: {Name: "bpf_ring_size_bytes", Help: "Sizes of BPF ring buffers."},
	}
	for i := range families {
		families[i].Labels = []string{"type", "name"}
		for k, value := range sums[i] {
			families[i].Samples = append(families[i].Samples,
				Sample{[]string{k.typ, k.name}, value})
		}
		families[i].sort()
	}
	families = append([]Family{byTypes("bpf_maps", "BPF maps.", byType)}, families...)
	return append(families, Family{Name: "bpf_links", Help: "BPF links.",
		Samples: []Sample{{Value: float64(u.Links)}}})
}

// byTypes returns a family of how many there are of each type.
func byTypes(name, help string, counts map[string]float64) Family {
	f := Family{Name: name, Help: help, Labels: []string{"type"}}
	for typ, n := range counts {
		f.Samples = append(f.Samples, Sample{[]string{typ}, n})
	}
	f.sort()
	return f
}

func (f *Family) sort() {
	slices.SortFunc(f.Samples, func(a, b Sample) int { return slices.Compare(a.Labels, b.Labels) })
}
