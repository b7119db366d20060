// Package metrics is the command that serves metrics to Prometheus.
package metrics

import (
	"context"
	"errors"
	"net"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/metrics"
)

// Command returns the command.
func Command() *cobra.Command {
	o := &options{}
	v := tool.Verb{
		Name:  "metrics",
		Short: "Serve metrics of programs, maps, links and ring buffers to Prometheus",
		Long: `Answer http://ADDRESS/metrics until Ctrl-C, in the text format of Prometheus. Programs of the same
type and name are one series, as are maps; of more than --max-series names, the others are one
series, too. A scrape reads no elements of large maps, and ends in the time that Prometheus waits.

docs/metrics-daemonset.yaml runs it on every node of a cluster. While it runs, the kernel counts the
runs and the time of every program (5.8).`,
		Example: `  bpf metrics
  bpf metrics --listen :9435
  bpf metrics --once > /var/lib/node_exporter/bpf.prom   for its textfile collector`,
		Flags: o.flags,
		Run:   func(r *tool.Run) error { return o.run(r) },
	}
	return v.Command()
}

type options struct {
	listen string
	once   bool
	series int
}

func (o *options) flags(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "listen", "localhost:9435", "address to listen on")
	f.BoolVar(&o.once, "once", false, "print the metrics and end")
	f.IntVar(&o.series, "max-series", 1000, "names of programs, and of maps, that get a series")
}

func (o *options) run(r *tool.Run) error {
	if err := r.End(); err != nil {
		return err
	}
	if o.series < 1 {
		return errors.New("--max-series: want at least 1")
	}
	ctx, stop := tool.UntilSignal(r.Context())
	defer stop()
	c, err := metrics.NewCollector(&metrics.Options{MaxSeries: o.series})
	if err != nil {
		return err
	}
	defer c.Close()
	if !o.once {
		return o.serve(ctx, r, c)
	}
	families, err := c.Collect(ctx)
	if err != nil {
		return err
	}
	if r.JSON == nil {
		return metrics.WriteText(r.Text, families)
	}
	r.JSON.Array()
	for _, f := range families {
		for _, s := range f.Samples {
			r.JSON.Object()
			r.JSON.StringKey("metric", f.Name)
			for i, label := range f.Labels {
				r.JSON.StringKey(label, s.Labels[i])
			}
			r.JSON.Key("value")
			r.JSON.Raw(strconv.AppendFloat(nil, s.Value, 'g', -1, 64))
			r.JSON.EndObject()
		}
	}
	r.JSON.EndArray()
	return nil
}

func (o *options) serve(ctx context.Context, r *tool.Run, c *metrics.Collector) error {
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	r.Info("listening on http://%s/metrics", l.Addr())
	s := &server{from: c, busy: make(chan struct{}, mostConnections)}
	return s.serve(ctx, l)
}
