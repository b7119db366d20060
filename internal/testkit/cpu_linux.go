package testkit

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// SetCPU takes a CPU offline or brings it back, in a machine made for the tests. It is online again
// when the test ends. SetCPU skips the test if the kernel cannot do that with the CPU.
func SetCPU(t testing.TB, cpu int, online bool) {
	t.Helper()
	Disposable(t)
	file := "/sys/devices/system/cpu/cpu" + strconv.Itoa(cpu) + "/online"
	if _, err := os.Stat(file); err != nil {
		Skip(t, "CPU %d stays online: %v", cpu, err)
	}
	value := "0"
	if online {
		value = "1"
	} else {
		t.Cleanup(func() { os.WriteFile(file, []byte("1"), 0) })
	}
	if err := os.WriteFile(file, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// Suspend suspends the machine to memory, like closing a lid, and lets its clock wake it at once.
// Meanwhile all CPUs but one are offline.
func Suspend(t testing.TB) {
	t.Helper()
	Disposable(t)
	since, err := os.ReadFile("/sys/class/rtc/rtc0/since_epoch")
	if err != nil {
		Skip(t, "no clock that wakes the machine: %v", err)
	}
	if kinds, err := os.ReadFile("/sys/power/mem_sleep"); !strings.Contains(string(kinds), "deep") {
		Skip(t, "the machine can't be suspended to memory: %s%v", kinds, err)
	}
	now, err := strconv.Atoi(firstLine(string(since)))
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range [][2]string{
		{"/sys/power/mem_sleep", "deep"},
		{"/sys/class/rtc/rtc0/wakealarm", "0"},
		{"/sys/class/rtc/rtc0/wakealarm", strconv.Itoa(now + 2)},
		{"/sys/power/state", "mem"},
	} {
		if err := os.WriteFile(set[0], []byte(set[1]), 0); err != nil {
			t.Fatal(err)
		}
	}
}
