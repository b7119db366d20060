package metrics

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// scrapeTimeout is the time for a scraper that doesn't say how long it waits: Prometheus waits 10
// seconds.
const scrapeTimeout = 10 * time.Second

// ServeHTTP answers with the text format. It ends in the time that Prometheus says that it waits,
// with status 503 if that was too short, and with 500 after another error.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeoutOf(r))
	defer cancel()
	families, err := c.Collect(ctx)
	if err != nil {
		status := http.StatusInternalServerError
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
			errors.Is(err, ErrClosed) {
			status = http.StatusServiceUnavailable
		}
		http.Error(w, err.Error(), status)
		return
	}
	var text bytes.Buffer
	WriteText(&text, families) // a Buffer takes everything
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	text.WriteTo(w) // the scraper may be gone
}

// timeoutOf returns the time that a scraper waits, less some for the way.
func timeoutOf(r *http.Request) time.Duration {
	text := r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds")
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds > 0) || seconds > scrapeTimeout.Seconds() {
		return scrapeTimeout
	}
	return time.Duration(seconds * 0.9 * float64(time.Second))
}
