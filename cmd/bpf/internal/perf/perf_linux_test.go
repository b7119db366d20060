package perf_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/cmd/bpf/internal/perf"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/bpftest"
)

// TestPerf shows a raw tracepoint and a tracepoint of this process. The oracle is bpftool.
func TestPerf(t *testing.T) {
	obj := bpftest.Load(t, "../../../../testdata/link.bpf.o", "raw_tp", "tp")
	raw, err := obj.Program("raw_tp").AttachRawTracepoint("sys_enter", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	tp, err := obj.Program("tp").AttachTracepoint("syscalls", "sys_enter_getpriority", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tp.Close()
	got := mine(zoo.JSON(t, perf.Command(), "show"))
	want := mine(zoo.Parse(t, zoo.Bpftool(t, "-j", "perf", "show")))
	if len(got) != 2 || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, bpftool says %v", got, want)
	}
	out, err := zoo.Run(t, perf.Command(), "show")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(out), lines(zoo.Bpftool(t, "perf", "show")); !slices.Equal(got, want) {
		t.Errorf("%q, bpftool says %q", got, want)
	}
}

// mine returns the attachments of this process by descriptor: bpftool lists them in another order.
func mine(v any) (list []any) {
	for _, a := range v.([]any) {
		if a.(map[string]any)["pid"] == json.Number(fmt.Sprint(os.Getpid())) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b any) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	return list
}

// lines returns the lines about this process.
func lines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, fmt.Sprintf("pid %d ", os.Getpid())) {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return list
}
