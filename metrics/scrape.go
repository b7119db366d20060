package metrics

import (
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

// ScrapeTimeout returns how long collecting may take, by the value of TimeoutHeader: nine tenths of
// it, and 10 seconds if it is absent, not a time or longer than that.
func ScrapeTimeout(header string) time.Duration {
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0) || seconds > mostTimeout.Seconds() {
		return mostTimeout
	}
	return time.Duration(seconds * 0.9 * float64(time.Second))
}
