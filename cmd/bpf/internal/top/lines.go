package top

import (
	"fmt"
	"strconv"
	"time"

	"github.com/purebpf/bpf/cmd/bpf/internal/holder"
	"github.com/purebpf/bpf/internal/screen"
)

// unlimited is the height of output that isn't a screen.
const unlimited = 1 << 30

// lines lays out a sample.
func (s *sample) lines(width, height int, every time.Duration) []screen.Line {
	left := fmt.Sprintf("programs %d · maps %d (%s) · links %d · %s %% of %s in BPF",
		s.total.programs, s.total.maps, size(s.memory), s.links,
		percent(s.share(s.busy)/float64(s.cpus)),
		cpus(s.cpus))
	right := "every " + every.String()
	head := screen.Text(screen.Bold, left)
	if space := width - head.Width() - screen.Width(right); width == unlimited {
		head = head.Add(screen.Plain, " · "+right)
	} else if space > 1 {
		head = head.Add(screen.Plain, fmt.Sprintf("%*s", space, "")).Add(screen.Dim, right)
	}
	lines := []screen.Line{head}
	if !s.runTime && s.total.programs > 0 {
		lines = append(lines, screen.Text(screen.Dim,
			"no program ran, or this kernel doesn't count runs (before 5.8 "+
				"sysctl kernel.bpf_stats_enabled=1 does)"))
	}
	programs, maps := s.programTable(width), s.mapTable(width)
	// A table has a heading and an empty line before it. Programs get what maps leave, but not less
	// than two thirds.
	room := max(height-1-len(lines)-4, 2)
	ofMaps := min(len(maps.Rows), max(room/3, room-len(programs.Rows)))
	ofPrograms := min(len(programs.Rows), room-ofMaps)
	lines = append(append(lines, screen.Line{}), part(programs, ofPrograms, width, "programs")...)
	return append(append(lines, screen.Line{}), part(maps, ofMaps, width, "maps")...)
}

// part returns the lines of a table with n rows, the last of which tells how many are left out.
func part(t *screen.Table, n, width int, what string) []screen.Line {
	all := len(t.Rows)
	if n < all {
		n = max(n-1, 0)
	}
	t.Rows = t.Rows[:n]
	lines := t.Lines(width)
	if n < all {
		lines = append(lines, screen.Text(screen.Dim, fmt.Sprintf("%d more %s", all-n, what)))
	}
	return lines
}

// wide is the width from which there are more columns.
const wide = 110

func (s *sample) programTable(width int) *screen.Table {
	t := &screen.Table{Columns: []screen.Column{{Title: "ID", Right: true}, {Title: "TYPE"},
		{Title: "NAME", Least: 15}, {Title: "CPU %", Right: true}, {Title: "RUNS/s", Right: true},
		{Title: "AVG ns", Right: true}}}
	if width >= wide {
		t.Columns = append(t.Columns, screen.Column{Title: "MISSED/s", Right: true},
			screen.Column{Title: "ALL RUNS", Right: true},
			screen.Column{Title: "ALL AVG", Right: true})
	}
	t.Columns = append(t.Columns, screen.Column{Title: "OWNER", Least: 12})
	for _, p := range s.programs {
		style := screen.Plain
		if p.Runs > 0 {
			style = screen.Active
		}
		row := []screen.Span{{Text: id(p.ID), Style: screen.Dim}, {Text: p.Type.String()},
			{Text: p.name},
			{Text: percent(s.share(p.Time)), Style: style},
			{Text: screen.Rate(s.perSecond(p.Runs)), Style: style},
			{Text: nanoseconds(average(p.Time, p.Runs))}}
		if width >= wide {
			row = append(row, screen.Span{Text: screen.Rate(s.perSecond(p.Misses))},
				screen.Span{Text: screen.Count(p.RunCount)},
				screen.Span{Text: nanoseconds(average(p.RunTime, p.RunCount))})
		}
		t.Rows = append(t.Rows, append(row, screen.Span{Text: owner(p.holders)}))
	}
	return t
}

func (s *sample) mapTable(width int) *screen.Table {
	t := &screen.Table{Columns: []screen.Column{{Title: "MAP", Right: true}, {Title: "TYPE"},
		{Title: "NAME", Least: 15}, {Title: "FILL", Right: true}, {Title: "OF", Right: true},
		{Title: "MEM", Right: true}, {Title: "OWNER", Least: 12}}}
	for _, m := range s.maps {
		used, of := "–", screen.Count(uint64(m.MaxEntries))
		switch {
		case m.Backlog >= 0:
			used, of = size(m.Backlog)+" backlog", size(int64(m.MaxEntries))
		case m.Entries >= 0 && m.MaxEntries > 0:
			used = "0 %"
			if m.Entries > 0 {
				used = percent(100*fill(m.MapUsage)) + " %"
			}
		}
		style := screen.Plain
		if fill(m.MapUsage) > 0 {
			style = screen.Active
		}
		t.Rows = append(t.Rows, []screen.Span{{Text: id(m.ID), Style: screen.Dim},
			{Text: m.Type.String()}, {Text: m.Name}, {Text: used, Style: style}, {Text: of},
			{Text: size(m.Memory)}, {Text: owner(m.holders)}})
	}
	return t
}

func id(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// percent returns a number with two digits that matter.
func percent(f float64) string {
	switch {
	case f == 0:
		return "–"
	case f < 9.95:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

func nanoseconds(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return screen.Count(uint64(d))
}

func size(n int64) string {
	switch {
	case n < 0:
		return "–"
	case n < 10000:
		return strconv.FormatInt(n, 10) + " B"
	}
	return screen.Count(uint64(n)) + "B"
}

func cpus(n int) string {
	if n == 1 {
		return "1 CPU"
	}
	return fmt.Sprintf("%d CPUs", n)
}

// owner returns the first holder, and how many others there are.
func owner(list holder.List) string {
	switch len(list) {
	case 0:
		return "–"
	case 1:
		return list[0].String()
	}
	return fmt.Sprintf("%s +%d", list[0], len(list)-1)
}
