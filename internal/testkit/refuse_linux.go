package testkit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Refuse runs f on a thread on which the kernel refuses a system call with errno, whatever its
// arguments (seccomp(2)). The thread ends with f. It must not be used for calls that the Go runtime
// needs, such as mmap. Writes by package testing itself are allowed.
func Refuse(t testing.TB, call uintptr, errno syscall.Errno, f func()) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if call == unix.SYS_WRITE {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: firstArgument})
		for _, fd := range testOutput(t) {
			filter = append(filter,
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(fd),
					Jf: 1},
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
		}
	}
	filter = append(filter, unix.SockFilter{
		Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno),
	})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	var refused error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread is not used again
		if refused = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); refused != nil {
			return
		}
		_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0,
			uintptr(unsafe.Pointer(&program)))
		if e != 0 {
			refused = e
			return
		}
		f()
	}()
	<-done
	if refused != nil {
		Skip(t, "this kernel has no seccomp filters: %v", refused)
	}
}

// firstArgument is the offset of the low half of a system call's first argument in seccomp_data.
var firstArgument = func() uint32 {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return 20
	}
	return 16
}()

// testOutput returns the descriptors that package testing writes to: standard output, standard
// error, and the log of files and variables that a test uses, by which go test caches results.
func testOutput(t testing.TB) []int {
	t.Helper()
	list := []int{1, 2}
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dir {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || filepath.Base(to) != "testlog.txt" {
			continue
		}
		if fd, err := strconv.Atoi(e.Name()); err == nil {
			list = append(list, fd)
		}
	}
	return list
}

// openCalls are the system calls that opening something may need.
var openCalls = []struct {
	name   string
	number uintptr
}{
	{"bpf", unix.SYS_BPF}, {"perf_event_open", unix.SYS_PERF_EVENT_OPEN}, {"ioctl", unix.SYS_IOCTL},
	{"fcntl", unix.SYS_FCNTL},
	{"epoll_create1", unix.SYS_EPOLL_CREATE1}, {"epoll_ctl", unix.SYS_EPOLL_CTL},
	{"openat", unix.SYS_OPENAT},
	{"socket", unix.SYS_SOCKET}, {"sendto", unix.SYS_SENDTO}, {"recvfrom", unix.SYS_RECVFROM},
	{"write", unix.SYS_WRITE},
}

// OpenFaults calls open while the kernel refuses each kind of system call that open may need, with
// each errno, and with limits for too few descriptors. Whether open fails or not, nothing may be
// left after the result is closed: no descriptor, no mapping of a map or perf event, and nothing
// that left reports (nil for nothing). The oracle is the kernel: seccomp, setrlimit, /proc/self/fd
// and /proc/self/maps.
func OpenFaults(t *testing.T, open func() (io.Closer, error), left func() string) {
	t.Helper()
	check := func(where string, err error, before []string, mapped int) {
		t.Helper()
		if err != nil && strings.ContainsRune(err.Error(), '\n') {
			t.Errorf("%s: not one line: %v", where, err)
		}
		if now := FDs(); !slices.Equal(now, before) {
			t.Fatalf("%s: descriptors before %v, after %v (%v)", where, before, now, err)
		}
		if now := mappings(t); now != mapped {
			t.Fatalf("%s: %d mappings before, %d after (%v)", where, mapped, now, err)
		}
		if left != nil {
			what := ""
			Until(t, where+": nothing is left", func() bool { what = left(); return what == "" })
			if what != "" {
				t.Fatalf("%s: left: %s (%v)", where, what, err)
			}
		}
	}
	try := func() error {
		c, err := open()
		if err != nil {
			return err
		}
		return c.Close()
	}
	if err := try(); err != nil { // so that facts asked once per process are known
		t.Fatal(err)
	}
	fds, mapped := FDs(), mappings(t)
	failures := 0
	for _, call := range openCalls {
		for _, errno := range []syscall.Errno{unix.EPERM, unix.EMFILE, unix.ENFILE, unix.EINTR,
			unix.ENOSPC, unix.EIO, unix.ENOMEM} {
			if errno == unix.EINTR && call.number != unix.SYS_BPF {
				continue // an interrupted call is repeated, which would never end here
			}
			var err error
			Refuse(t, call.number, errno, func() {
				var c io.Closer
				if c, err = open(); err == nil {
					defer c.Close()
				}
			})
			where := fmt.Sprintf("%s refused with %v", call.name, errno)
			if err != nil {
				failures++
			}
			check(where, err, fds, mapped)
		}
	}
	if failures == 0 {
		t.Error("nothing failed")
	}

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	restore := func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }
	defer restore()
	for room := uint64(4); room < 4096; room++ { // below, F_DUPFD from 3 on is EINVAL
		small := unix.Rlimit{Cur: room, Max: limit.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &small); err != nil {
			t.Fatal(err)
		}
		err := try()
		restore()
		check(fmt.Sprintf("a limit of %d descriptors", room), err, fds, mapped)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EMFILE) {
			t.Errorf("a limit of %d descriptors: %v", room, err)
		}
	}
}

// mappings returns the number of mappings of BPF maps and perf events.
func mappings(t testing.TB) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "anon_inode:") {
			n++
		}
	}
	return n
}
