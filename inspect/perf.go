package inspect

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// PerfAttachment is a descriptor of a process by which a program is attached to a tracepoint, a
// kprobe or a uprobe.
type PerfAttachment struct {
	PID, FD   int
	ProgramID uint32
	Type      uapi.TaskFDType
	// Name is the tracepoint, the function or the file; "" for a kprobe at an address.
	Name    string
	Offset  uint64 // in the function or file
	Address uint64 // of a kprobe; 0 if it has a function
}

// PerfAttachments lists the descriptors of perf events and raw tracepoints that have programs, of
// all processes in /proc, by process and descriptor (bpftool perf show, libbpf bpf_task_fd_query;
// 4.18). Programs that are attached by a link show up if the process also keeps the event open.
// Processes that start or end meanwhile may be missing. Needs CAP_SYS_ADMIN, and CAP_SYS_PTRACE for
// processes of other users, which are left out without it.
func PerfAttachments() ([]PerfAttachment, error) {
	pids, err := numbers("/proc")
	if err != nil {
		return nil, failed("list perf attachments", "", err)
	}
	var list []PerfAttachment
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid) + "/fd"
		fds, err := numbers(dir)
		if err != nil {
			continue // ended meanwhile, or may not be seen
		}
		for _, fd := range fds {
			target, err := os.Readlink(dir + "/" + strconv.Itoa(fd))
			if err != nil || !mayBePerf(target) {
				continue
			}
			a, ok, err := perfAttachment(pid, fd)
			if errors.Is(err, syscall.EPERM) {
				return nil, failed("list perf attachments", "", err, kernel.CapSysAdmin)
			}
			if ok {
				list = append(list, a)
			}
		}
	}
	return list, nil
}

// mayBePerf reports whether a descriptor may be one that the kernel can tell something about:
// "anon_inode:[perf_event]", "anon_inode:bpf-raw-tracepoint" before 5.8, "anon_inode:bpf_link"
// since.
func mayBePerf(target string) bool {
	name, ok := strings.CutPrefix(target, "anon_inode:")
	return ok && (name == "[perf_event]" || strings.HasPrefix(name, "bpf"))
}

// perfAttachment asks for a descriptor of a process. ok is false if it is of something else.
func perfAttachment(pid, fd int) (p PerfAttachment, ok bool, err error) {
	for room := 256; ; room *= 4 {
		name := make([]byte, room)
		a := sys.TaskFDQueryAttr{
			PID: uint32(pid), FD: uint32(fd), Buf: sys.Slice(name), BufLen: uint32(len(name)),
		}
		err := sys.TaskFDQuery(&a)
		if err == syscall.ENOSPC && room < 1<<16 {
			continue
		}
		if err != nil {
			return p, false, err
		}
		text, _, _ := strings.Cut(string(name), "\x00")
		return PerfAttachment{
			PID: pid, FD: fd, ProgramID: a.ProgID, Type: a.FDType, Name: text,
			Offset: a.ProbeOffset, Address: a.ProbeAddr,
		}, true, nil
	}
}

// numbers returns the entries of a directory that are numbers, in ascending order.
func numbers(dir string) ([]int, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var list []int
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}
