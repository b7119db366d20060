package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/uapi"
)

// A Syscall is a system call that may leave something behind when the process is killed.
type Syscall struct {
	Name  string // "bpf BPF_OBJ_PIN", "write /sys/kernel/tracing/uprobe_events"
	Lasts bool   // its effect can outlive the process
}

// KillAt starts cmd and kills it with SIGKILL just before its n-th system call, from 0, among those
// that concern BPF, events, files or sockets, or end the process; everything between two of them
// has no effect outside the process. It returns the calls so far; if there are n+1, the last was
// not made. With a negative n, or fewer calls, the process ends by itself. cmd must have files as
// output, or none.
func KillAt(t testing.TB, cmd *exec.Cmd, n int) []Syscall {
	t.Helper()
	runtime.LockOSThread() // only this thread may trace
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Release()
	pid := cmd.Process.Pid
	const options = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL
	var calls []Syscall
	known := map[int]bool{pid: true}
	for started := false; ; started = true {
		var status unix.WaitStatus
		tid, err := unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			t.Fatalf("wait: %v", err)
		case status.Exited() || status.Signaled():
			if tid == pid {
				return calls
			}
			continue
		case !status.Stopped():
			continue
		}
		signal := 0
		switch stop := status.StopSignal(); {
		case !started:
			if err := unix.PtraceSetOptions(pid, options); err != nil {
				t.Fatalf("ptrace: %v", err)
			}
		case stop == unix.SIGTRAP|0x80:
			call, ok := entered(tid)
			if !ok || n >= 0 && len(calls) > n {
				break
			}
			if calls = append(calls, call); len(calls) == n+1 {
				cmd.Process.Kill()
				continue
			}
		case stop == unix.SIGTRAP: // a thread is being created
		case !known[tid]: // it starts
			known[tid] = true
		default:
			signal = int(stop)
		}
		if err := unix.PtraceSyscall(tid, signal); err != nil && err != unix.ESRCH {
			t.Fatalf("ptrace: %v", err)
		}
	}
}

// entered returns the system call that a thread is about to make. ok is false if the thread leaves
// one, or if the call is not of a kind that matters.
func entered(tid int) (call Syscall, ok bool) {
	const getSyscallInfo, entry = 0x420e, 1 // PTRACE_GET_SYSCALL_INFO, PTRACE_SYSCALL_INFO_ENTRY
	var info struct {
		op     uint8
		arch   uint32
		ip, sp uint64
		nr     uint64
		args   [6]uint64
		_      [8]byte
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 || info.op != entry {
		return call, false
	}
	switch info.nr {
	case unix.SYS_BPF:
		cmd := uapi.Cmd(info.args[0])
		return Syscall{"bpf " + cmd.String(), cmd == uapi.CmdObjPin || cmd == uapi.CmdLinkCreate},
			true
	case unix.SYS_MKDIRAT:
		return Syscall{"mkdirat", true}, true
	case unix.SYS_UNLINKAT:
		return Syscall{"unlinkat", true}, true
	case unix.SYS_MOUNT:
		return Syscall{"mount", true}, true
	case unix.SYS_SENDTO:
		return Syscall{"sendto", true}, true
	case unix.SYS_PERF_EVENT_OPEN:
		return Syscall{"perf_event_open", false}, true
	case unix.SYS_EXIT_GROUP:
		return Syscall{"exit_group", false}, true
	case unix.SYS_IOCTL:
		return Syscall{"ioctl", false}, true
	case unix.SYS_WRITE:
		path, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, info.args[0]))
		return Syscall{"write " + path, true}, info.args[0] > 2 && strings.HasPrefix(path, "/")
	}
	return call, false
}
