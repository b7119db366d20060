package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/json"
	"errors"
	"strconv"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/sys"
)

// TestEnableStats runs a program a known number of times; the oracles are that number and bpftool's
// information about the program.
func TestEnableStats(t *testing.T) {
	const runs = 1000
	p := featureObject(t, "for_each_map_elem").Program("for_each_map_elem")
	run := func(n uint32) *objinfo.Program {
		t.Helper()
		if _, err := p.Run(&bpf.RunOptions{Data: make([]byte, 64), Repeat: n}); err != nil {
			t.Fatal(err)
		}
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first, err := inspect.EnableStats(sys.StatsRunTime)
	if err != nil {
		t.Fatal(err)
	}
	before := run(1)
	info := run(runs)
	if info.RunCount-before.RunCount != runs || info.RunTime <= before.RunTime {
		t.Errorf("%d runs: counted %d in %v", runs, info.RunCount-before.RunCount,
			info.RunTime-before.RunTime)
	}
	second, err := inspect.EnableStats(sys.StatsRunTime)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Error("second Close:", err)
	}
	if again := run(runs); again.RunCount-info.RunCount != runs {
		t.Errorf("one of two has closed: %d runs counted %d", runs, again.RunCount-info.RunCount)
	}
	last := run(1)
	if out := oracle(t, "bpftool", "-j", "prog", "show", "id",
		strconv.FormatUint(uint64(last.ID), 10)); out != nil {
		var told struct {
			Count uint64 `json:"run_cnt"`
			Time  int64  `json:"run_time_ns"`
		}
		if err := json.Unmarshal(out, &told); err != nil || told.Count != last.RunCount ||
			told.Time != last.RunTime.Nanoseconds() {
			t.Errorf("bpftool says %+v, we %d in %v: %v", told, last.RunCount, last.RunTime, err)
		}
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if now := run(0); now.RunCount < last.RunCount {
		t.Errorf("nobody asks: the count goes from %d to %d", last.RunCount, now.RunCount)
	}
	if _, err := inspect.EnableStats(99); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a statistic that is none: %v", err)
	}
}
