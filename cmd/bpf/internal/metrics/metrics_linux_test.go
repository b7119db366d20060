package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/metrics"
)

// log is what the command says while it runs.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func run(ctx context.Context, out io.Writer, args ...string) error {
	cmd := Command()
	cmd.SetOut(out)
	cmd.SetErr(out)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return cmd.ExecuteContext(ctx)
}

// TestPrometheus has a real Prometheus scrape the command. The oracles are its answers to queries,
// and the number of runs that the test makes.
func TestPrometheus(t *testing.T) {
	testkit.Root(t)
	server := testkit.Prometheus(t, "prometheus")
	p := bpftest.Load(t, "../../../../testdata/attach.bpf.o", "pass").Program("pass")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var said log
	go func() { ended <- run(ctx, &said, "--listen", "127.0.0.1:0") }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	var target string
	testkit.Until(t, "the command to listen", func() bool {
		m := regexp.MustCompile(`listening on http://(\S+)/metrics\n`).FindStringSubmatch(
			said.String())
		if m != nil {
			target = m[1]
		}
		return m != nil
	})

	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("scrape_configs:\n  - job_name: bpf\n    scrape_interval: 1s\n"+
		"    scrape_timeout: 1s\n    static_configs: [{targets: [%q]}]\n", target)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	cmd := exec.Command(server, "--config.file="+config, "--storage.tsdb.path="+dir+"/data",
		"--web.listen-address="+address)
	var output log
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()

	const runs = 12345
	if _, err := p.Run(&bpf.RunOptions{Data: make([]byte, 64), Repeat: runs}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]func(float64) bool{
		`bpf_program_runs_total{type="xdp",name="pass"}`: func(f float64) bool {
			return f >= runs
		},
		`sum(bpf_programs)`: func(f float64) bool { return f >= 1 },
		`count(bpf_program_run_seconds_total{name="pass"})`: func(f float64) bool { return f == 1 },
		`up{job="bpf"}`: func(f float64) bool { return f == 1 },
	} {
		var got string
		if !testkit.Await(testkit.Patience(60*time.Second), func() bool {
			got = ask(address, query)
			f, err := strconv.ParseFloat(got, 64)
			return err == nil && want(f)
		}) {
			t.Errorf("%s: %q\n%s", query, got, output.String())
		}
	}
}

// freeAddress returns an address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ask returns the value of the only series that a query answers with, or what else there is.
func ask(address, query string) string {
	r, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Data.Result) != 1 {
		return string(body)
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}

// TestServer has clients that ask for something else, break off or say nothing. The oracle is
// net/http's client, which reads the answers.
func TestServer(t *testing.T) {
	testkit.Root(t)
	c, err := metrics.NewCollector(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &server{from: c, busy: make(chan struct{}, mostConnections)}
	go func() { ended <- s.serve(ctx, l) }()
	address := l.Addr().String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, want := range []struct {
		method, path, timeout string
		status                int
		text                  string
	}{
		{"GET", "/metrics", "", 200, "bpf_links "},
		{"GET", "/metrics?x=y", "5", 200, "bpf_links "},
		{"HEAD", "/metrics", "", 200, ""},
		{"GET", "/", "", 404, "/metrics"},
		{"POST", "/metrics", "", 405, "GET"},
		{"GET", "/metrics", "0.000000001", 503, "deadline"},
	} {
		r, err := http.NewRequest(want.method, "http://"+address+want.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(metrics.TimeoutHeader, want.timeout)
		answer, err := client.Do(r)
		if err != nil {
			t.Error(want, err)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != want.status ||
			!strings.Contains(string(body), want.text) ||
			answer.ContentLength < 0 {
			t.Errorf("%+v: %d %v\n%s", want, answer.StatusCode, err, body)
		}
	}
	for _, raw := range []string{"", "\r\n\r\n", "GET", "GET /metrics\r\n\r\n", "\x16\x03\x01",
		"GET /metrics HTTP/1.1\r\n:\r\n\r\n", strings.Repeat("x", 2*mostRequest)} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, raw)
		conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn) // a reset is as good as an end
		if len(answer) > 0 && !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
			t.Errorf("%.40q: %.200q", raw, answer)
		}
		conn.Close()
	}
	silent, err := net.Dial("tcp", address) // doesn't keep the server from ending
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestMetricsOnce prints the metrics as text and as JSON, and refuses what it can't do.
func TestMetricsOnce(t *testing.T) {
	testkit.Root(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, "--once"); err != nil ||
		!strings.Contains(out.String(), "\n# TYPE bpf_links gauge\nbpf_links ") {
		t.Errorf("%v\n%s", err, &out)
	}
	out.Reset()
	var got []struct {
		Metric string
		Value  float64
	}
	if err := run(t.Context(), &out, "--once", "-j"); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) == 0 ||
		got[len(got)-1].Metric != "bpf_links" {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, args := range [][]string{{"--max-series", "0"}, {"--listen", "nowhere.invalid:x"},
		{"id"}} {
		if err := run(t.Context(), io.Discard, args...); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
