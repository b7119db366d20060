package metrics

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"
)

// ContentType is the media type of the text format.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// TimeoutHeader is the HTTP header in which Prometheus says how many seconds it waits.
const TimeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// mostTimeout is the time for a scraper that doesn't say how long it waits: Prometheus waits 10
// seconds.
const mostTimeout = 10 * time.Second

// Scrape collects, and returns the text format. timeout is the value of TimeoutHeader: Scrape takes
// at most nine tenths of it, and 10 seconds if it is absent, not a time or longer than that.
func (c *Collector) Scrape(ctx context.Context, timeout string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout(timeout))
	defer cancel()
	families, err := c.Collect(ctx)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	WriteText(&text, families) // a Buffer takes everything
	return text.Bytes(), nil
}

// Unavailable reports whether an error of Scrape says that the time was too short or that the
// Collector is closed: HTTP's status 503.
func Unavailable(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, ErrClosed)
}

func scrapeTimeout(header string) time.Duration {
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0) || seconds > mostTimeout.Seconds() {
		return mostTimeout
	}
	return time.Duration(seconds * 0.9 * float64(time.Second))
}
