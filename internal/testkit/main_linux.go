package testkit

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/fdtrack"
)

// Main runs the tests of a package and fails it if file descriptors are open afterwards that were
// not open before. It is the whole body of TestMain in every package that opens any:
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// For a leaked descriptor of package sys it prints where it was opened. One epoll instance and one
// eventfd belong to the Go runtime and do not count.
func Main(m *testing.M) {
	fdtrack.Start()
	before := openFDs()
	code := m.Run()
	leaked := leakedFDs(before)
	// Goroutines that are about to end may still hold one: wait a moment before reporting a leak.
	for wait := time.Millisecond; len(leaked) > 0 && wait < time.Second; wait *= 2 {
		time.Sleep(wait)
		leaked = leakedFDs(before)
	}
	for _, fd := range leaked {
		fmt.Fprintf(os.Stderr, "testkit: leaked fd %d -> %s\n", fd.number, fd.target)
		if origin := fdtrack.Origin(fd.number); origin != "" {
			fmt.Fprintf(os.Stderr, "opened at:\n%s\n", origin)
		}
	}
	if len(leaked) > 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "FAIL: %d file descriptors leaked\n", len(leaked))
		code = 1
	}
	os.Exit(code)
}

// FDs returns this process's open descriptors with what they refer to, lowest first. Call it before
// and after the code under test to find a leak within one test.
func FDs() []string {
	var list []string
	for _, fd := range openFDs() {
		list = append(list, fmt.Sprintf("%d %s", fd.number, fd.target))
	}
	return list
}

type openFD struct {
	number int
	target string
}

func openFDs() []openFD {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		panic("testkit: " + err.Error())
	}
	var fds []openFD
	for _, e := range entries {
		number, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		target, err := os.Readlink(dir + "/" + e.Name())
		if err != nil || strings.HasSuffix(target, "/fd") && strings.HasPrefix(target, "/proc/") {
			continue // the descriptor used to read this folder
		}
		fds = append(fds, openFD{number, target})
	}
	slices.SortFunc(fds, func(a, b openFD) int { return a.number - b.number })
	return fds
}

func leakedFDs(before []openFD) []openFD {
	runtimeOwn := map[string]int{"anon_inode:[eventpoll]": 1, "anon_inode:[eventfd]": 1}
	for _, fd := range before {
		if _, ok := runtimeOwn[fd.target]; ok {
			runtimeOwn[fd.target] = 0 // the poller existed already
		}
	}
	var leaked []openFD
	for _, fd := range openFDs() {
		if slices.Contains(before, fd) {
			continue
		}
		if runtimeOwn[fd.target] > 0 {
			runtimeOwn[fd.target]--
			continue
		}
		leaked = append(leaked, fd)
	}
	return leaked
}
