// Package handler answers scrapes of Prometheus by net/http.
package handler

import (
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
	text, err := h.from.Scrape(r.Context(), r.Header.Get(metrics.TimeoutHeader))
	if err != nil {
		status := http.StatusInternalServerError
		if metrics.Unavailable(err) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", metrics.ContentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text) // the scraper may be gone
}
