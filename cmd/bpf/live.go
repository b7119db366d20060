package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/purebpf/bpf/internal/mapview"
	"github.com/purebpf/bpf/internal/screen"
)

// status is what a screen shows beside the maps.
type status struct {
	title    string
	elapsed  time.Duration
	programs int
	streams  []string // "events: 2 records, 0 lost"
	note     string
	records  bool // lines scroll above: they get a part of the height
	bare     bool // the only map needs no heading
}

// compose lays out the lines of a screen.
func compose(s status, views []*mapview.View, width, height int) []screen.Line {
	clock := fmt.Sprintf("%02d:%02d", int(s.elapsed.Minutes()), int(s.elapsed.Seconds())%60)
	var lines []screen.Line
	if s.records {
		lines = append(lines, screen.Text(screen.Dim, strings.Repeat("─", max(width-1, 0))))
	}
	lines = append(lines, screen.Text(screen.Bold, "bpf run").
		Add(screen.Plain, " · "+s.title+" · "+clock+" · ").
		Add(screen.Dim, "Ctrl-C ends and detaches"))
	foot := []string{fmt.Sprintf("%d programs attached", s.programs)}
	if s.programs == 1 {
		foot[0] = "1 program attached"
	}
	var full []*mapview.View
	for _, v := range views {
		if v.Empty() {
			if text := v.Summary(); text != "" {
				foot = append(foot, text)
			}
		} else {
			full = append(full, v)
		}
	}
	foot = append(foot, s.streams...)
	if len(views) == 1 && s.bare {
		foot = nil
	}
	end := footer(foot, s.note, width)
	room := height - 1 - len(lines) - len(end) - 1
	if s.records {
		room = min(room, height*2/3)
	}
	// The maps that tell most come first, and what a map doesn't use is for those behind it. Of a
	// map that tells little there is only the number of elements if the others need its room.
	slices.SortStableFunc(full, func(a, b *mapview.View) int { return b.Weight() - a.Weight() })
	format := mapview.Format{Width: width, Rows: room, Bare: s.bare}
	var blocks [][]screen.Line
	var wants []int
	var little []string
	wanted := 0
	for i, v := range full {
		block := v.Lines(format)
		want := len(block) + 1
		if v.Weight() < 2 && len(full) > 1 {
			want = min(want, minor+1)
		}
		if v.Weight() < 2 && i > 0 && full[0].Weight() > 1 {
			if wanted+min(want, least+1) > room {
				little = append(little, v.Summary())
				continue
			}
			want = min(want, room-wanted)
		}
		wanted += want
		blocks, wants = append(blocks, block), append(wants, want)
	}
	if little != nil {
		full = full[:len(blocks)]
		room += len(end)
		end = footer(append(foot, little...), s.note, width)
		room -= len(end)
	}
	shares, shown := divide(wants, room)
	if shown < len(full) {
		end = append([]screen.Line{screen.Text(screen.Dim,
			fmt.Sprintf("maps that don't fit on the terminal: %d", len(full)-shown))}, end...)
	}
	for i, v := range full[:shown] {
		block := blocks[i]
		if len(block) > shares[i] {
			format.Rows = shares[i]
			block = v.Lines(format)
		}
		lines = append(append(lines, screen.Line{}), block[:min(len(block), shares[i])]...)
	}
	if len(end) > 0 && len(full) > 0 {
		lines = append(lines, screen.Line{})
	}
	return append(lines, end...)
}

// footer returns what is below the maps.
func footer(words []string, note string, width int) []screen.Line {
	end := fold(words, width)
	if note != "" {
		end = append(end, screen.Text(screen.Dim, note))
	}
	return end
}

const (
	least = 4 // lines of a map that has more
	minor = 7 // most lines of a map that tells little, beside others
)

// divide divides room among maps by the lines that they want, each with an empty line before it:
// what a map doesn't need is for the others. The last maps get nothing if there is too little for
// all.
func divide(wants []int, room int) (shares []int, shown int) {
	shown = len(wants)
	for need := room + 1; need > room && shown > 0; {
		need = 0
		for _, want := range wants[:shown] {
			need += min(want, least+1)
		}
		if need > room {
			shown--
			room-- // for the line that says so
			if shown < len(wants)-1 {
				room++
			}
		}
	}
	shares = make([]int, shown)
	open := shown
	for open > 0 && room > 0 {
		part := max(room/open, 1)
		open = 0
		for i, want := range wants[:shown] {
			more := min(want-shares[i], part, room)
			shares[i] += more
			room -= more
			if shares[i] < want {
				open++
			}
		}
	}
	for i := range shares {
		shares[i]-- // the empty line
	}
	return shares, shown
}

// fold joins words with dots to lines of at most width columns.
func fold(words []string, width int) (lines []screen.Line) {
	const dot = " · "
	text := ""
	for _, w := range words {
		if text != "" && screen.Width(text+dot+w) > width {
			lines = append(lines, screen.Text(screen.Plain, text))
			text = ""
		}
		if text != "" {
			text += dot
		}
		text += w
	}
	if text != "" {
		lines = append(lines, screen.Text(screen.Plain, text))
	}
	return lines
}

// title names what runs.
func (r *runner) title() string {
	if r.object == "" {
		return "packet counter on " + r.iface + " (xdp)"
	}
	return filepath.Base(r.object)
}

// firstLook is when the first values are shown: at once, but not before there can be any.
const firstLook = 100 * time.Millisecond

// show shows the maps each interval, and once more when ctx has ended and finish has waited for the
// last records.
func (r *runner) show(ctx context.Context, start func(func() error), finish func()) error {
	began := time.Now()
	interval := r.interval
	if r.screen != nil {
		interval = min(interval, time.Second) // of the clock
	} else if len(r.maps) == 0 {
		<-ctx.Done()
		finish()
		return nil
	}
	var read time.Time
	next := time.NewTimer(firstLook)
	defer next.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
			finish()
		case <-next.C:
			next.Reset(interval)
		}
		if now := time.Now(); done || read.IsZero() || now.Sub(read) >= r.interval-interval/2 {
			read = now
			if err := r.look(); err != nil {
				return err
			}
		}
		for _, s := range r.maps {
			if s.large() && !s.scanning {
				s.scanning = true
				start(func() error { return s.scan(ctx) })
			}
		}
		if r.screen != nil {
			if err := r.redraw(time.Since(began)); err != nil {
				return err
			}
		}
	}
	if r.screen != nil {
		return r.screen.Close()
	}
	return nil
}

// redraw draws the live lines.
func (r *runner) redraw(elapsed time.Duration) error {
	width, height := r.screen.Size()
	r.mu.Lock()
	s := status{title: r.title(), elapsed: elapsed, programs: r.attached, note: r.note,
		records: r.scrolls, bare: r.object == ""}
	for _, t := range r.streams {
		s.streams = append(s.streams, t.text())
	}
	r.mu.Unlock()
	views := make([]*mapview.View, len(r.maps))
	for i, m := range r.maps {
		views[i] = m.view
	}
	return r.screen.Draw(compose(s, views, width, height))
}

// remark shows a line below the maps, or prints it.
func (r *runner) remark(format string, args ...any) {
	if r.screen == nil {
		r.say(format, args...)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note = fmt.Sprintf(format, args...)
}
