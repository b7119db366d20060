// Package handler answers scrapes of Prometheus by net/http.
package handler

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/purebpf/bpf/metrics"
)

// New returns a handler that answers with what c collects, in the text format. It ends in the time
// that Prometheus says that it waits, with status 503 if that was too short or c is closed, and
// with 500 after another error. The caller closes c.
func New(c *metrics.Collector) http.Handler { return handler{c} }

type handler struct{ from *metrics.Collector }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(),
		metrics.ScrapeTimeout(r.Header.Get(metrics.TimeoutHeader)))
	defer cancel()
	families, err := h.from.Collect(ctx)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
			errors.Is(err, metrics.ErrClosed) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, err.Error(), status)
		return
	}
	var text bytes.Buffer
	metrics.WriteText(&text, families) // a Buffer takes everything
	w.Header().Set("Content-Type", metrics.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	text.WriteTo(w) // the scraper may be gone
}
