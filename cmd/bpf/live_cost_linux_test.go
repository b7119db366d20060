package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

// BenchmarkLiveLargeMap runs the live screen over a map of a million elements, some of which change
// all the time, and reports its share of a CPU and its memory. What a program costs to load and to
// fill the map is not measured. -benchtime=60x measures a minute. Oracle: the kernel's counts.
func BenchmarkLiveLargeMap(b *testing.B) {
	testkit.Root(b)
	obj := testkit.Compile(b, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1 << 20); __type(key, __u32);
	__type(value, __u64); } counts SEC(".maps");
__u32 filled;
SEC("raw_tp/sys_enter") int on_enter(void *ctx)
{
	__u32 fill = filled < 1 << 20;
	for (__u32 i = 0; i < (fill ? 64 : 1); i++) {
		__u32 key = fill ? filled + i : bpf_get_prandom_u32() & 1023;
		__u64 one = 1, *n = bpf_map_lookup_elem(&counts, &key);
		if (n)
			__sync_fetch_and_add(n, 1);
		else
			bpf_map_update_elem(&counts, &key, &one, 0);
	}
	if (fill)
		filled += 64;
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`)
	x := startLive(b, 80, 24, "run", obj)
	for range 1 << 15 {
		syscall.Getppid()
	}
	x.await(b, `counts \(hash, .* of the largest`)
	before := cpuTime(b, x.cmd.Process.Pid)
	began := time.Now()
	for range b.N {
		time.Sleep(time.Second)
	}
	took := cpuTime(b, x.cmd.Process.Pid) - before
	b.ReportMetric(100*float64(took)/float64(time.Since(began)), "%cpu")
	x.end(b)
	usage := x.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	b.ReportMetric(float64(usage.Maxrss)/1000, "MB-rss")
	b.ReportMetric(0, "ns/op")
}

// cpuTime returns the time that a process has run.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var user, system time.Duration
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	return (user + system) * (time.Second / 100) // the kernel's USER_HZ
}
