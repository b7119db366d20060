package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/metrics"
	"github.com/purebpf/bpf/metrics/handler"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

func newCollector(t *testing.T, opts *metrics.Options) *metrics.Collector {
	t.Helper()
	testkit.Root(t)
	c, err := metrics.NewCollector(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// get scrapes a collector and returns its answer.
func get(t *testing.T, c *metrics.Collector, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.New(c).ServeHTTP(w, r)
	return w
}

// value returns the value of a series, NaN if there is none.
func value(t *testing.T, text, series string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Error(line, err)
			}
			return f
		}
	}
	return math.NaN()
}

// TestScrape runs a program and fills a map. The oracles are the numbers of runs and of elements.
func TestScrape(t *testing.T) {
	c := newCollector(t, nil)
	p := bpftest.Load(t, "../testdata/attach.bpf.o", "pass_twice").Program("pass_twice")
	m, err := bpf.CreateMap(&object.Map{Name: "scraped", Type: uapi.MapHash, KeySize: 4,
		ValueSize: 4, MaxEntries: 100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	run := func(n uint32) {
		t.Helper()
		if _, err := p.Run(&bpf.RunOptions{Data: make([]byte, 64), Repeat: n}); err != nil {
			t.Fatal(err)
		}
	}
	const runs = `bpf_program_runs_total{type="xdp",name="pass_twice"}`
	before := value(t, get(t, c).Body.String(), runs)
	run(7)
	if err := m.Update(make([]byte, 4), make([]byte, 4), 0); err != nil {
		t.Fatal(err)
	}
	w := get(t, c)
	text := w.Body.String()
	if kind := w.Result().Header.Get("Content-Type"); !strings.HasPrefix(kind,
		"text/plain; version=0.0.4") {
		t.Error(kind)
	}
	for series, want := range map[string]float64{
		`bpf_map_entries{type="hash",name="scraped"}`:     1,
		`bpf_map_max_entries{type="hash",name="scraped"}`: 100,
	} {
		if got := value(t, text, series); got != want {
			t.Errorf("%s: %v, want %v", series, got, want)
		}
	}
	// Tests of other packages may run a program of that name.
	if got := value(t, text, runs); !(got >= 7) || got < before+7 {
		t.Errorf("%s: %v after %v and 7 runs", runs, got, before)
	}
	for _, series := range []string{`bpf_programs{type="xdp"}`, `bpf_maps{type="hash"}`,
		`bpf_program_run_seconds_total{type="xdp",name="pass_twice"}`,
		`bpf_map_memory_bytes{type="hash",name="scraped"}`} {
		if got := value(t, text, series); !(got > 0) {
			t.Errorf("%s: %v", series, got)
		}
	}
	// A counter stays when its program is gone, and goes on with the next of that name.
	run(2)
	p.Close()
	get(t, c)
	p = bpftest.Load(t, "../testdata/attach.bpf.o", "pass_twice").Program("pass_twice")
	run(3)
	last := value(t, get(t, c).Body.String(), runs)
	if !(last >= 7+3) || last < before+7+3 {
		t.Errorf("%s: %v", runs, last)
	}
}

// TestScrapeFormat scrapes whatever this machine has. The oracle is promtool.
func TestScrapeFormat(t *testing.T) {
	c := newCollector(t, nil)
	cmd := exec.Command(testkit.Prometheus(t, "promtool"), "check", "metrics")
	cmd.Stdin = get(t, c).Body
	if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// TestScrapeLimit has more names than series.
func TestScrapeLimit(t *testing.T) {
	c := newCollector(t, &metrics.Options{MaxSeries: 2})
	for i := range 5 {
		m, err := bpf.CreateMap(&object.Map{Name: fmt.Sprint("limit", i), Type: uapi.MapArray,
			KeySize: 4, ValueSize: 4, MaxEntries: 10}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
	}
	text := get(t, c).Body.String()
	series := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "bpf_map_memory_bytes{") {
			series++
		}
	}
	if got := value(t, text, `bpf_map_max_entries{type="other",name="other"}`); series != 3 ||
		!(got >= 30) {
		t.Errorf("%d series, other: %v\n%s", series, got, text)
	}
}

// TestScrapeEnds has scrapers that are gone, wait too short, or ask something else, and a collector
// that is closed.
func TestScrapeEnds(t *testing.T) {
	c := newCollector(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Collect(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	const header = "X-Prometheus-Scrape-Timeout-Seconds"
	if w := get(t, c, header, "0.000000001"); w.Code != http.StatusServiceUnavailable {
		t.Error(w.Code, w.Body)
	}
	for _, text := range []string{"", "-1", "NaN", "1e300", "x", "10"} {
		if w := get(t, c, header, text); w.Code != http.StatusOK {
			t.Error(text, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	handler.New(c).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if w := get(t, c); w.Code != http.StatusServiceUnavailable {
		t.Error(w.Code, w.Body)
	}
	if _, err := c.Collect(t.Context()); !errors.Is(err, metrics.ErrClosed) {
		t.Error(err)
	}
}

// TestWriteText writes names that need escapes; the oracle is promtool, which parses them.
func TestWriteText(t *testing.T) {
	var b strings.Builder
	err := metrics.WriteText(&b, []metrics.Family{{Name: "a_total", Help: "A.", Counter: true,
		Labels: []string{"x", "y"}, Samples: []metrics.Sample{
			{Labels: []string{"q\"u\\o\n", "\xff"}, Value: 1.5},
			{Labels: []string{"", ""}, Value: 1e18}}}})
	if err != nil {
		t.Fatal(err)
	}
	want := "# HELP a_total A.\n# TYPE a_total counter\n" +
		`a_total{x="q\"u\\o\n",y="` + "\ufffd" + `"} 1.5` + "\n" + `a_total{x="",y=""} 1e+18` + "\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	cmd := exec.Command(testkit.Prometheus(t, "promtool"), "check", "metrics")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
