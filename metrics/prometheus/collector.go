// Package prometheus registers the metrics of package metrics with client_golang:
//
//	c, err := metrics.NewCollector(nil)
//	defer c.Close()
//	registry.MustRegister(prometheus.Collector(c))
//
// It is a module of its own, so that other users of the library don't get client_golang.
package prometheus

import (
	"context"
	"time"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/purebpf/bpf/metrics"
)

// Collector returns a collector for a registry. It measures at each scrape; the caller closes c
// after the last. An error is a metric that the registry refuses, with which the scrape fails.
func Collector(c *metrics.Collector) client.Collector { return collector{c} }

type collector struct{ from *metrics.Collector }

// Describe sends nothing: which series there are is known when they are collected.
func (collector) Describe(chan<- *client.Desc) {}

// timeout is how long a scrape may take. client_golang doesn't tell how long the scraper waits.
const timeout = 10 * time.Second

// Collect measures, and sends each sample.
func (c collector) Collect(to chan<- client.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	families, err := c.from.Collect(ctx)
	if err != nil {
		to <- client.NewInvalidMetric(client.NewInvalidDesc(err), err)
		return
	}
	for _, f := range families {
		desc := client.NewDesc(f.Name, f.Help, f.Labels, nil)
		kind := client.GaugeValue
		if f.Counter {
			kind = client.CounterValue
		}
		for _, s := range f.Samples {
			m, err := client.NewConstMetric(desc, kind, s.Value, s.Labels...)
			if err != nil {
				m = client.NewInvalidMetric(desc, err)
			}
			to <- m
		}
	}
}
