//go:build linux

package kernel

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The oracle is getconf, which counts the configured and the online CPUs in its own way.
func TestCPUs(t *testing.T) {
	conf := func(name string) int {
		out, err := exec.Command("getconf", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	online, err := Running().OnlineCPUs()
	if err != nil || len(online) != conf("_NPROCESSORS_ONLN") {
		t.Errorf("online: %v, %v", online, err)
	}
	if n, err := Running().PossibleCPUs(); err != nil || n < conf("_NPROCESSORS_CONF") {
		t.Errorf("possible: %d, %v", n, err)
	}
	if Running().PageSize() != conf("PAGESIZE") {
		t.Errorf("page size %d", Running().PageSize())
	}
}

// The oracle is the kernel's documentation of the format
// (Documentation/admin-guide/cputopology.rst).
func TestCPULists(t *testing.T) {
	for text, want := range map[string]int{
		"0\n": 1, "0-3\n": 4, "0-3,5\n": 5, "1,3,5-7": 5, "0-8191": 8192, "2-2": 1,
		"": -1, "3-1": -1, "a": -1, "0-": -1, "-1": -1, "0,,1": -1, "0-3,2": -1,
		"0-99999999999999999999": -1, "0-99999999": -1, "1\n2": -1,
	} {
		f := fakeRoot(t, map[string]string{"sys/devices/system/cpu/possible": text})
		n, err := f.PossibleCPUs()
		if want >= 0 && (n != want || err != nil) || want < 0 && err == nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	f := fakeRoot(t, map[string]string{"sys/devices/system/cpu/online": "0-1,4\n"})
	if got, err := f.OnlineCPUs(); err != nil || len(got) != 3 || got[2] != 4 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := f.OnlineNodes(); err != nil || !slices.Equal(got, []int{0}) {
		t.Errorf("a kernel without NUMA: %v, %v", got, err)
	}
	f = fakeRoot(t, map[string]string{"sys/devices/system/node/online": "0,2-3\n"})
	if got, err := f.OnlineNodes(); err != nil || !slices.Equal(got, []int{0, 2, 3}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := fakeRoot(t, nil).OnlineNodes(); err == nil {
		t.Errorf("without sysfs: %v", got)
	}
}
