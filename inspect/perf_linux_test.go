package inspect_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// TestPerfAttachments finds this process's raw tracepoint and tracepoint. The oracle is bpftool.
func TestPerfAttachments(t *testing.T) {
	obj := bpftest.Load(t, "../testdata/link.bpf.o", "raw_tp", "tp")
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

	type attachment struct {
		PID        int
		FD         int
		ProgID     uint32 `json:"prog_id"`
		FDType     string `json:"fd_type"`
		Tracepoint string
	}
	var all, want, got []attachment
	out := testkit.Run(t, "bpftool", "-j", "perf", "show")
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, a := range all {
		if a.PID == os.Getpid() {
			want = append(want, a)
		}
	}
	slices.SortFunc(want, func(a, b attachment) int { return a.FD - b.FD })
	list, err := inspect.PerfAttachments()
	if err != nil {
		t.Fatal(err)
	}
	names := map[uapi.TaskFDType]string{
		uapi.FDTypeRawTracepoint: "raw_tracepoint", uapi.FDTypeTracepoint: "tracepoint",
	}
	for _, a := range list {
		if a.PID == os.Getpid() {
			got = append(got, attachment{a.PID, a.FD, a.ProgramID, names[a.Type], a.Name})
		}
	}
	if !slices.Equal(got, want) || len(got) != 2 {
		t.Errorf("%+v, bpftool says %+v", got, want)
	}
}
