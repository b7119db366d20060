package top

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/holder"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/uapi"
)

// TestOnce shows a program that runs all the time. The oracles are the number of runs that the test
// makes, the sizes of its map, and the test's process, which owns both.
func TestOnce(t *testing.T) {
	testkit.Root(t)
	obj := bpftest.Load(t, "../../../../testdata/attach.bpf.o", "pass")
	p := obj.Program("pass")
	id := bpftest.ProgramID(t, p)
	stop, runs := make(chan struct{}), make(chan uint64)
	go func() {
		for n := uint64(0); ; n++ {
			select {
			case <-stop:
				runs <- n
				return
			default:
				p.Run(&bpf.RunOptions{Data: make([]byte, 64)})
			}
		}
	}()
	text, err := zoo.Run(t, Command(), "--once", "-j", "-i", "200ms")
	close(stop)
	made := <-runs
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Interval uint64 `json:"interval_ns"`
		Programs []struct {
			ID         uint32
			Type, Name string
			Percent    float64 `json:"cpu_percent"`
			Runs       uint64
			Time       uint64 `json:"run_time_ns"`
			Pids       []struct {
				PID  int
				Comm string
			}
		}
		Maps []struct{ Entries *int64 }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, q := range got.Programs {
		if q.ID != id {
			continue
		}
		if q.Type != "xdp" || q.Name != "pass" || q.Runs == 0 || q.Runs > made || q.Time == 0 ||
			q.Percent <= 0 || got.Interval < 200e6 || !strings.Contains(fmt.Sprint(q.Pids),
			fmt.Sprintf("{%d ", os.Getpid())) {
			t.Errorf("%d runs were made: %+v", made, q)
		}
		return
	}
	t.Errorf("program %d isn't listed:\n%s", id, text)
}

// TestOptions gives options that can't be.
func TestOptions(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--sort size", "want cpu, runs, avg, name, id"},
		{"--interval 1us", "want at least 100ms"},
		{"id 5", `"id"`},
	} {
		if out, err := zoo.Run(t, Command(), strings.Fields(c.args)...); err == nil ||
			!strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%s: %v %q", c.args, err, out)
		}
	}
}

// usage is that of a machine with some programs and maps.
func usage() *inspect.Usage {
	program := func(id uint32, typ uapi.ProgType, name string, runs uint64, each time.Duration,
		total uint64) inspect.ProgramUsage {
		return inspect.ProgramUsage{
			Program: objinfo.Program{ID: id, Type: typ, Name: name, RunCount: total,
				RunTime: time.Duration(total) * each},
			Runs: runs, Time: time.Duration(runs) * each,
		}
	}
	m := func(id uint32, typ uapi.MapType, name string, of uint32, memory, entries,
		backlog int64) inspect.MapUsage {
		return inspect.MapUsage{Map: objinfo.Map{ID: id, Type: typ, Name: name, MaxEntries: of},
			Memory: memory, Entries: entries, Backlog: backlog}
	}
	return &inspect.Usage{
		Interval: time.Second, Links: 9,
		Programs: []inspect.ProgramUsage{
			program(388, uapi.ProgKprobe, "trace_tcp", 8100, 370, 9_000_000),
			program(412, uapi.ProgXDP, "count_packets", 20_000, 310, 123_456),
			program(413, uapi.ProgXDP, "idle\x1b[2J", 0, 0, 0),
			program(414, uapi.ProgTracing, "slow", 2, 40*time.Microsecond, 11),
		},
		Maps: []inspect.MapUsage{
			m(77, uapi.MapHash, "flows", 10240, 1_200_000, 9318, -1),
			m(78, uapi.MapRingBuf, "events", 262144, 260_000, -1, 12_000),
			m(79, uapi.MapArray, "config", 1, 4096, -1, -1),
			m(80, uapi.MapLRUHash, "empty", 64, -1, 0, -1),
		},
	}
}

func show(t *testing.T, o *options, width, height int) string {
	t.Helper()
	h := &holder.Holders{}
	names := map[uint32]string{412: "count_packets_of_interfaces"}
	s := newSample(usage(), names, h, o)
	s.cpus = 2
	var b strings.Builder
	for _, line := range s.lines(width, height, time.Second) {
		fmt.Fprintln(&b, line.String())
		if line.Width() > width {
			t.Errorf("%d columns of %d: %s", line.Width(), width, line.String())
		}
	}
	return b.String()
}

// TestScreen lays out a sample at several sizes. The expected text was looked at by a person.
func TestScreen(t *testing.T) {
	want := `programs 4 · maps 4 (1.46 MB) · links 9 · 0.46 % of 2 CPUs in BPF       every 1s

 ID  TYPE     NAME                         CPU %  RUNS/s  AVG ns  OWNER
412  xdp      count_packets_of_interfaces   0.62  20.0 k     310  –
388  kprobe   trace_tcp                     0.30    8100     370  –
414  tracing  slow                          0.01     2.0  40.0 k  –
413  xdp      idle\x1b[2J                      –       –       –  –

MAP  TYPE      NAME               FILL      OF      MEM  OWNER
 77  hash      flows              91 %  10.2 k  1.20 MB  –
 78  ringbuf   events  12.0 kB backlog  262 kB   260 kB  –
 80  lru_hash  empty               0 %      64        –  –
 79  array     config                –       1   4096 B  –
`
	if got := show(t, &options{sort: "cpu"}, 80, 24); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = "programs 4 · maps 4 (1.46 MB) · links 9 · 0.46 % of 2 CPUs in BPF" +
		strings.Repeat(" ", 127) + `every 1s

 ID  TYPE     NAME       CPU %  RUNS/s  AVG ns  MISSED/s  ALL RUNS  ALL AVG  OWNER
414  tracing  slow        0.01     2.0  40.0 k         –        11   40.0 k  –
388  kprobe   trace_tcp   0.30    8100     370         –    9.00 M      370  –
2 more programs

MAP  TYPE  NAME  FILL  OF  MEM  OWNER
4 more maps
`
	if got := show(t, &options{sort: "avg"}, 200, 10); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := show(t, &options{sort: "cpu", filter: "XDP"}, 80,
		24); strings.Contains(got, "slow") ||
		!strings.Contains(got, "count_packets") {
		t.Errorf("filter XDP:\n%s", got)
	}
	for height := range 30 {
		for _, width := range []int{0, 1, 20, 60, 200} {
			s := newSample(usage(), nil, &holder.Holders{}, &options{sort: "id"})
			if n := len(s.lines(width, height, time.Second)); n > max(height-1, 9) {
				t.Errorf("%d lines on a terminal of %d", n, height)
			}
		}
	}
}
