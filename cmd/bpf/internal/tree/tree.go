// Package tree is the command that shows what is attached where, and whose it is.
package tree

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command.
func Command() *cobra.Command {
	o := &options{}
	v := tool.Verb{
		Name:  "tree",
		Short: "Show what is attached where, and whose it is",
		Long: `Show every place that programs are attached to: network interfaces and namespaces, cgroups,
functions, tracepoints, files (uprobes), events, maps of sockets, struct_ops, iterators. Each line
has the hook, the id and the name of the program, the link, and after an arrow who keeps it: the
processes that have the link or the program open, or a pin. Without any it stays until it is
detached or its place is gone.

Interfaces are those of this network namespace; links tell of others. Programs that are attached to
nothing that the kernel reports come last: some are called by other programs.`,
		Example: `  bpf tree
  bpf tree --watch             again when something changes
  bpf tree -j`,
		Flags: o.flags,
		Run:   func(r *tool.Run) error { return o.run(r) },
	}
	return v.Command()
}

type options struct {
	watch    bool
	interval time.Duration
}

func (o *options) flags(f *pflag.FlagSet) {
	f.BoolVarP(&o.watch, "watch", "w", false, "show it again when it changes, until Ctrl-C")
	f.DurationVarP(&o.interval, "interval", "i", time.Second, "how often --watch looks")
}

func (o *options) run(r *tool.Run) error {
	if err := r.End(); err != nil {
		return err
	}
	if err := tool.CheckInterval(o.interval); err != nil {
		return err
	}
	if !o.watch {
		f, err := collect(!r.NoOwners)
		if err != nil {
			return err
		}
		f.print(r)
		return errors.Join(f.errs...)
	}
	ctx, stop := tool.UntilSignal(r.Context())
	defer stop()
	return o.again(ctx, r)
}

// again shows the tree each time it has changed.
func (o *options) again(ctx context.Context, r *tool.Run) error {
	live := r.Screen()
	if live != nil {
		defer live.Close()
	}
	ticks := time.NewTicker(o.interval)
	defer ticks.Stop()
	var last *forest
	for {
		f, err := collect(!r.NoOwners)
		if err != nil {
			return err
		}
		changed := !f.equal(last)
		last = f
		switch {
		case live != nil:
			err = live.Draw(f.fitting(live.Size()))
		case changed:
			f.print(r)
			err = errors.Join(r.Flush(), errors.Join(f.errs...))
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

func (f *forest) print(r *tool.Run) {
	if r.JSON != nil {
		f.json(r.JSON)
		return
	}
	width := unlimited
	if s := r.Screen(); s != nil {
		width, _ = s.Size()
	}
	for _, line := range f.lines(width) {
		r.Printf("%s\n", line.String())
	}
}

// unlimited is the width of output that isn't a terminal.
const unlimited = 1 << 30
