package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/nolink"
)

// repeated returns a part that an error text has twice: two words in a row, or a path.
func repeated(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return strings.ContainsRune(" :;,()\"", r)
	})
	seen := map[string]bool{}
	for i, word := range words {
		phrase := word
		if !strings.HasPrefix(word, "/") {
			if i == 0 || len(word) < 3 || len(words[i-1]) < 3 {
				continue
			}
			phrase = words[i-1] + " " + word
		}
		if seen[phrase] {
			return phrase
		}
		seen[phrase] = true
	}
	return ""
}

// TestAttachWords: the error of a failed attach or detach names the target once, with the kernel's
// errno and a hint. The oracle of the errnos is the kernel, which refuses each.
func TestAttachWords(t *testing.T) {
	obj := load(t, only(open(t, "kprobe"), "sample", "tracepoint"), nil)
	testkit.Tracefs(t)
	sample, tp, m := obj.Program("sample"), obj.Program("tracepoint"), obj.Map(".bss")
	closed, err := m.Clone()
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	walks := load(t, only(open(t, "iter"), "tasks"), nil).Program("tasks")
	dir, null := t.TempDir(), os.DevNull
	file, err := os.Open(null)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	link, err := tp.AttachTracepoint("sched", "sched_switch", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	clock := bpf.PerfEvent{Type: 1}
	for _, c := range []struct {
		what string
		err  error
		is   error
		want string // a part of the text
	}{
		{"event", second(sample.AttachPerfEvent(bpf.PerfEvent{Type: 1, Config: 77}, nil)),
			bpf.ErrNotExist,
			"no such event"},
		{"CPU", second(sample.AttachPerfEvent(clock, &bpf.PerfEventOptions{CPUs: []int{40000}})),
			syscall.EINVAL, "the machine has CPUs 0 to"},
		{"thread", second(sample.AttachPerfEvent(clock, &bpf.PerfEventOptions{PID: 1 << 22})),
			syscall.ESRCH, "there is no thread 4194304"},
		{"descriptor", second(sample.AttachPerfEventFD(int(file.Fd()), nil)), syscall.EBADF,
			"of something else"},
		{"tracepoint", second(tp.AttachTracepoint("sched", "sched_swich", nil)), bpf.ErrNotExist,
			"near: sched_switch"},
		{"category", second(tp.AttachTracepoint("no", "such", nil)), bpf.ErrNotExist, "lists them"},
		{"named", second(bpf.PerfEventNamed("no:such")), bpf.ErrNotExist, "lists them"},
		{"cgroup", second(sample.AttachCgroup("/no/such", nil)), bpf.ErrNotExist,
			", want "},
		{"no cgroup", second(sample.AttachCgroup(dir, nil)), syscall.EINVAL, ", want "},
		{"set cgroup", nolink.AddCgroup(sample, "/no/such", nil), bpf.ErrNotExist, "open it"},
		{"unset cgroup", nolink.RemoveCgroup(sample, "/no/such", nil), bpf.ErrNotExist, "open it"},
		{"unset no cgroup", nolink.RemoveCgroup(sample, dir, nil), syscall.EBADF, "cgroup2 file system"},
		{"netns", second(sample.AttachNetns("/no/such")), bpf.ErrNotExist, "open it"},
		{"no netns", second(sample.AttachNetns(dir)), syscall.EINVAL, ", want "},
		{"dissector", nolink.UnsetFlowDissector(sample), bpf.ErrNotExist, "not attached there"},
		{"netfilter", second(sample.AttachNetfilter(0, 0, nil)), syscall.EINVAL, ", want "},
		{"sockmap", second(sample.AttachSockMap(m, nil)), syscall.EINVAL, ", want "},
		{"unset sockmap", nolink.UnsetSockMap(sample, m, nil), syscall.EINVAL, "holds no sockets"},
		{"closed sockmap", second(sample.AttachSockMap(closed, nil)), bpf.ErrClosed, "map"},
		{"set closed sockmap", nolink.SetSockMap(sample, closed, nil), bpf.ErrClosed, "map"},
		{"iterator", second(walks.AttachIter(bpf.IterCgroup{Path: "/no/such"})), syscall.EINVAL,
			"take a cgroup"},
		{"iterator's threads", second(walks.AttachIter(bpf.IterTask{TID: 1, PID: 1})),
			syscall.EINVAL, "task"},
		{"struct_ops", second(m.AttachStructOps()), syscall.EINVAL, "type array"},
		{"closed struct_ops", second(closed.AttachStructOps()), bpf.ErrClosed, "struct_ops"},
		{"update", link.Update(sample, nil), syscall.EINVAL, "sched_switch"},
		{"update map", link.UpdateMap(m), syscall.EINVAL, "type array"},
		{"detach", link.Detach(), bpf.ErrNotSupported, "sched_switch"},
		{"iterate", second(link.Iterate()), syscall.EINVAL, "sched_switch"},
		{"pin", link.Pin(dir + "/pin"), syscall.EINVAL, "BPF file system"},
	} {
		if c.err == nil || !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %v and %q", c.what, c.err, c.is, c.want)
			continue
		}
		text := c.err.Error()
		if twice := repeated(text); twice != "" || strings.Count(text, c.is.Error()) > 1 {
			t.Errorf("%s: %q is said twice: %s", c.what, twice, text)
		}
	}
}
