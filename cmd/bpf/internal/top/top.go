// Package top is the command that shows, live, what programs and maps use.
package top

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/purebpf/bpf/cmd/bpf/internal/holder"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/screen"
)

// Command returns the command.
func Command() *cobra.Command {
	o := &options{}
	v := tool.Verb{
		Name:  "top",
		Short: "Show what programs and maps use: CPU time, runs, elements, memory",
		Long: `Show, once per interval, the programs of the machine by CPU time, its maps by how full they
are, and ring buffers by what their readers have not consumed.

While it runs, the kernel counts the runs and the time of every program (5.8), which costs each
run two more readings of the clock. How full hashes are is known from 6.6 on, for small ones on
older kernels, too. The kernel doesn't count what programs could not write to a ring buffer.

CPU % is of one CPU. OWNER is a process that has the program, its link or the map open, or a pin.
ALL RUNS and ALL AVG are those since the program was loaded and runs were counted.`,
		Example: `  bpf top                      by CPU time
  bpf top --sort runs --filter xdp
  bpf top --once -j            one interval as JSON`,
		Flags: o.flags,
		Run:   func(r *tool.Run) error { return o.run(r) },
	}
	return v.Command()
}

type options struct {
	interval time.Duration
	once     bool
	sort     string
	filter   string
}

func (o *options) flags(f *pflag.FlagSet) {
	f.DurationVarP(&o.interval, "interval", "i", time.Second, "time between two measurements")
	f.BoolVar(&o.once, "once", false, "measure one interval, print it and end")
	f.StringVar(&o.sort, "sort", "cpu", "order of programs: "+strings.Join(sorts, ", "))
	f.StringVar(&o.filter, "filter", "", "only what has this text in its name, type or owner")
}

func (o *options) run(r *tool.Run) error {
	if err := r.End(); err != nil {
		return err
	}
	if !slices.Contains(sorts, o.sort) {
		return fmt.Errorf("--sort %s: want %s", o.sort, strings.Join(sorts, ", "))
	}
	if err := tool.CheckInterval(o.interval); err != nil {
		return err
	}
	ctx, stop := tool.UntilSignal(r.Context())
	defer stop()
	meter, err := inspect.NewMeter()
	if err != nil {
		return err
	}
	defer meter.Close()
	w := &watcher{options: o, run: r, meter: meter, names: map[uint32]string{}}
	if !o.once {
		w.screen = r.Screen()
	}
	return w.watch(ctx)
}

// watcher shows one sample after another.
type watcher struct {
	*options
	run    *tool.Run
	meter  *inspect.Meter
	screen *screen.Screen // nil unless the output is a terminal

	names   map[uint32]string // of programs, whole
	holders *holder.Holders
	read    time.Time // when the holders were read
	printed bool
}

// firstLook is when a screen shows the first rates.
const firstLook = 100 * time.Millisecond

func (w *watcher) watch(ctx context.Context) error {
	if _, err := w.meter.Read(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	wait := w.interval
	if w.screen != nil {
		wait = min(wait, firstLook)
	}
	next := time.NewTimer(wait)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			if w.screen != nil {
				return w.screen.Close()
			}
			return nil
		case <-next.C:
			next.Reset(w.interval)
		}
		u, err := w.meter.Read(ctx)
		if ctx.Err() != nil {
			continue
		}
		if err != nil {
			return err
		}
		w.lookUp(u)
		if err := w.show(newSample(u, w.names, w.holders, w.options)); err != nil || w.once {
			return err
		}
	}
}

// staleHolders is for how long holders are believed while programs and maps stay the same.
const staleHolders = 10 * time.Second

// lookUp finds the names and the holders of what is new. Reading holders walks through /proc: it
// happens at most every other interval.
func (w *watcher) lookUp(u *inspect.Usage) {
	fresh := w.holders == nil
	known := w.names
	w.names = make(map[uint32]string, len(u.Programs))
	for _, p := range u.Programs {
		name, ok := known[p.ID]
		if !ok {
			fresh = true
			name = tool.NameOfProgram(p.ID)
		}
		w.names[p.ID] = name
	}
	since := u.Time.Sub(w.read)
	if w.run.NoOwners {
		w.holders = &holder.Holders{}
	} else if fresh && since >= 2*w.interval || since >= staleHolders {
		w.holders, w.read = holder.Read(), u.Time
	}
}

func (w *watcher) show(s *sample) error {
	if w.run.JSON != nil {
		s.json(w.run.JSON)
		return w.run.Flush()
	}
	if w.screen != nil {
		width, height := w.screen.Size()
		return w.screen.Draw(s.lines(width, height, w.interval))
	}
	if w.printed {
		w.run.Printf("\n")
	}
	w.printed = true
	for _, line := range s.lines(unlimited, unlimited, w.interval) {
		w.run.Printf("%s\n", line.String())
	}
	return w.run.Flush()
}
