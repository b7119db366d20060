package explain_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func load(t *testing.T, file string, programs ...string) *bpf.Object {
	t.Helper()
	return bpftest.Load(t, "../../testdata/"+file+".bpf.o", programs...)
}

// of describes a program to package explain.
func of(p *bpf.Program) explain.Program {
	return explain.Program{FD: p.FD(), Type: p.Type(), Kernel: kernel.Running()}
}

// TestExplanations makes each row of the table explain an answer, and none twice. Facts about the
// kernel's objects are compared with the kernel: ids from its info, states that its calls made.
func TestExplanations(t *testing.T) {
	testkit.Root(t)
	idOf := func(p *bpf.Program) uint32 {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		return info.ID
	}
	xdp := load(t, "link", "xdp").Program("xdp")
	own := hooks.Program{ID: idOf(xdp)}
	other := hooks.Program{ID: idOf(load(t, "link", "ingress").Program("ingress"))}
	placed := func(at explain.Place, there ...hooks.Program) *explain.Place {
		at.Query = func() (*hooks.Hook, error) {
			return &hooks.Hook{Programs: there, Revision: 7}, nil
		}
		return &at
	}
	newMap := func() *bpf.Map {
		m, err := bpf.CreateMap(
			&object.Map{Name: "test", Type: uapi.MapHash, KeySize: 4, ValueSize: 4,
				MaxEntries: 3},
			nil,
		)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	full := newMap()
	frozen := newMap()
	if err := frozen.Freeze(); err != nil {
		t.Fatal(err)
	}
	file, err := userfile.Open("/bin/true", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	clock, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: 112,
	}, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(clock)
	listed := t.TempDir()
	err = os.WriteFile(listed+"/available_filter_functions", []byte("tcp_connect\n"), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := kernel.FindFunction("vfs_reed")
	if err != nil {
		t.Fatal(err)
	}
	nobody := []kernel.Capability{63} // which no process has

	type row struct {
		name string
		err  error
		explain.Attempt
		want string
	}
	rows := []row{
		{
			"frozen",
			syscall.EPERM,
			explain.Attempt{
				Op:  explain.Element,
				Map: explain.Map{FD: frozen.FD(), MaxEntries: 3, Frozen: true},
			},
			"the map is frozen",
		},
		{
			"capability",
			syscall.EPERM,
			explain.Attempt{Op: explain.Run, Need: nobody},
			"Capability(63)",
		},
		{
			"memlock",
			syscall.EPERM,
			explain.Attempt{Op: explain.Load, Limit: errors.New("the limit stays")},
			"the limit stays",
		},
		{"rule", syscall.EINVAL, explain.Attempt{Op: explain.CreateMap, Maps: []*maprules.Map{
			{Type: uapi.MapArray, KeySize: 8, ValueSize: 4, MaxEntries: 1},
		}}, "key_size 8"},
		{
			"no element",
			syscall.ENOENT,
			explain.Attempt{Op: explain.Element, Map: explain.Map{FD: full.FD(), MaxEntries: 3}},
			"no such element",
		},
		{
			"full",
			syscall.E2BIG,
			explain.Attempt{Op: explain.Element, Map: explain.Map{FD: full.FD(), MaxEntries: 3}},
			"max_entries is 3",
		},
		{"output", syscall.ENOSPC, explain.Attempt{Op: explain.Run, Size: 99}, "99 bytes"},
		{"runs not", sys.ENOTSUPP, explain.Attempt{Op: explain.Run, Program: of(xdp)}, "type xdp"},
		{"pinned", syscall.EEXIST, explain.Attempt{Op: explain.Pin}, "remove the file"},
		{"severed", syscall.ENOLINK, explain.Attempt{Op: explain.Link}, "is gone"},
		{"type", syscall.EINVAL,
			explain.Attempt{
				Op: explain.Attach,
				At: placed(explain.Place{Types: []uapi.ProgType{uapi.ProgSchedCls}}),
			},
			"the program is of type xdp, want sched_cls"},
		{
			"attach type",
			syscall.EINVAL,
			explain.Attempt{Op: explain.Attach, At: placed(explain.Place{Attach: 250})},
			"attach type",
		},
		{"rule of the hook", syscall.EINVAL,
			explain.Attempt{
				Op: explain.Attach,
				At: placed(explain.Place{Rule: "only one"}),
			}, "only one"},
		{
			"target",
			syscall.EBADF,
			explain.Attempt{Op: explain.Detach, At: placed(explain.Place{Target: "a cgroup"})},
			"a cgroup",
		},
		{"anchor", syscall.ENOENT,
			explain.Attempt{Op: explain.Attach, At: placed(explain.Place{LinkIDs: true,
				Anchor: explain.Anchor{Flags: uapi.FAfter | uapi.FID, Relative: own.ID}}, other)},
			fmt.Sprintf("the anchor, program %d,", own.ID)},
		{"no netkit", syscall.ENXIO,
			explain.Attempt{
				Op: explain.Attach,
				At: placed(explain.Place{Attach: uapi.AttachNetkitPeer}),
			},
			"no netkit device"},
		{"netkit's peer", syscall.EACCES,
			explain.Attempt{
				Op: explain.Attach,
				At: placed(explain.Place{Attach: uapi.AttachNetkitPrimary}),
			},
			"primary device"},
		{
			"revision",
			syscall.ESTALE,
			explain.Attempt{Op: explain.Attach, At: placed(explain.Place{Revision: 5})},
			"is 7, not 5",
		},
		{
			"already",
			syscall.EINVAL,
			explain.Attempt{Op: explain.Attach, At: placed(explain.Place{}, own)},
			fmt.Sprintf("this program, %d, is", own.ID),
		},
		{
			"event",
			syscall.EEXIST,
			explain.Attempt{Op: explain.AttachEvent, Event: clock, At: &explain.Place{}},
			"report which",
		},
		{
			"event's kind",
			syscall.EINVAL,
			explain.Attempt{Op: explain.AttachEventFD},
			"it is of type xdp",
		},
		{"no event", syscall.EBADF, explain.Attempt{Op: explain.AttachEventFD}, "is closed"},
		{
			"paranoid",
			syscall.EACCES,
			explain.Attempt{Op: explain.OpenEvent, Need: nobody},
			"Capability(63)",
		},
		{"unknown event", syscall.ENOENT, explain.Attempt{Op: explain.OpenEvent}, "no such event"},
		{"offline", syscall.ENODEV, explain.Attempt{Op: explain.OpenEvent}, "offline"},
		{"thread", syscall.ESRCH, explain.Attempt{Op: explain.OpenEvent, PID: 5}, "no thread 5"},
		{
			"CPU",
			syscall.EINVAL,
			explain.Attempt{Op: explain.OpenEvent, OneCPU: true, CPU: 1 << 20},
			"CPUs 0 to",
		},
		{
			"tracefs",
			syscall.EACCES,
			explain.Attempt{Op: explain.Tracefs, Access: nobody},
			"Capability(63)",
		},
		{
			"inside",
			syscall.EILSEQ,
			explain.Attempt{Op: explain.Kprobe, Offsets: []uint64{3}},
			"offset 3",
		},
		{"return", syscall.EINVAL,
			explain.Attempt{Op: explain.Kprobe, Offsets: []uint64{3}, Returns: true,
				Symbol: new(kernel.FunctionSymbol)}, "kretprobe"},
		{
			"no fprobe",
			syscall.EOPNOTSUPP,
			explain.Attempt{Op: explain.KprobeMulti},
			"CONFIG_FPROBE",
		},
		{"functions", syscall.ENOENT,
			explain.Attempt{Op: explain.KprobeMulti, Tracefs: tracefsAt(listed),
				Symbols: []string{"tcp_connekt"}},
			"is called tcp_connekt; near: tcp_connect"},
		{
			"session",
			syscall.EINVAL,
			explain.Attempt{Op: explain.UprobeMulti, Session: 250, File: file},
			"no sessions",
		},
		{"process", syscall.ESRCH, explain.Attempt{Op: explain.Uprobe, PID: 5}, "no process 5"},
		{"end of file", syscall.EINVAL,
			explain.Attempt{Op: explain.Uprobe, File: file, Offsets: []uint64{1 << 40}}, "ends at"},
		{
			"raw tracepoint",
			syscall.ENOENT,
			explain.Attempt{Op: explain.RawTracepoint, Name: "sched_swich"},
			"sched_switch",
		},
	}
	for _, errno := range []syscall.Errno{
		syscall.EBUSY, syscall.EEXIST, syscall.EPERM, syscall.E2BIG, syscall.ERANGE,
	} {
		rows = append(rows, row{"occupied, " + errno.Error(), errno,
			explain.Attempt{Op: explain.Attach, At: placed(explain.Place{}, other)},
			fmt.Sprintf("program %d (ingress) is attached there", other.ID)})
	}
	for _, errno := range []syscall.Errno{syscall.ENOENT, syscall.EINVAL, syscall.EADDRNOTAVAIL} {
		rows = append(rows, row{"symbol, " + errno.Error(), errno,
			explain.Attempt{Op: explain.Kprobe, Symbol: unknown}, "near: vfs_read"})
	}

	missing := map[int]bool{}
	for i := range explain.Explanations() {
		missing[i] = true
	}
	check := func(r *row) {
		t.Helper()
		a := r.Attempt
		if a.Program.FD == 0 {
			a.Program = of(xdp)
		}
		i, text := a.Explain(fmt.Errorf("wrapped: %w", r.err))
		if !strings.Contains(text, r.want) {
			t.Errorf("%s: %q, want %q", r.name, text, r.want)
		}
		if !missing[i] {
			t.Errorf("%s: row %d, which another explained", r.name, i)
		}
		delete(missing, i)
	}
	for i := range rows {
		check(&rows[i])
	}

	// Rows that query the attached programs.
	tracepoint := load(t, "attach", "on_getpriority").Program("on_getpriority")
	event, err := bpf.PerfEventNamed("syscalls:sys_enter_getpriority")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{
		Type: uint32(event.Type), Config: event.Config, Size: 112,
	}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	perf, err := tracepoint.AttachPerfEventFD(fd, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer perf.Close()
	check(&row{"events", syscall.E2BIG,
		explain.Attempt{
			Op:      explain.AttachEvent,
			Program: of(tracepoint),
			Event:   fd,
			At:      &explain.Place{},
		},
		fmt.Sprintf("this program, %d, is attached there already", idOf(tracepoint))})
	if kernel.Running().Version() >= kernel.VersionCode(6, 4, 0) {
		o, err := bpf.Open("../../testdata/structops.bpf.o", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range o.Maps {
			m.Autocreate = m.StructOps == nil || m.Name == "linked"
		}
		ops, err := bpf.Load(o, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ops.Close()
		m := ops.Map("linked")
		link, err := m.AttachStructOps()
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		info, err := m.Info()
		if err != nil {
			t.Fatal(err)
		}
		for _, errno := range []syscall.Errno{syscall.EEXIST, syscall.EBUSY} {
			check(
				&row{
					"registered",
					errno,
					explain.Attempt{Op: explain.Register, Map: explain.Map{FD: m.FD()}},
					fmt.Sprintf("this map, %d, is registered already", info.ID),
				},
			)
		}
	} else {
		for i, op := range explain.Explanations() {
			if op&explain.Register != 0 && op != explain.AnyOp {
				delete(missing, i)
			}
		}
	}
	if has, err := kernel.Running().HasProgType(uapi.ProgLSM); err == nil && has {
		traced := load(t, "fentry", "on_entry").Program("on_entry")
		link, err := traced.Attach()
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		check(
			&row{
				"traced",
				syscall.EBUSY,
				explain.Attempt{Op: explain.Trace, Program: of(traced)},
				"attached",
			},
		)
		target := load(t, "freplace_target", "whole").Program("whole")
		o, err := bpf.Open("../../testdata/fentry.bpf.o", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range o.Programs {
			p.Autoload = p.Name == "replacement"
		}
		o.Program("replacement").AttachProgFD = target.FD()
		replacement, err := bpf.Load(o, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer replacement.Close()
		replaced, err := replacement.Program("replacement").Attach()
		if err != nil {
			t.Fatal(err)
		}
		defer replaced.Close()
		detail, err := linkinfo.Read(replaced.FD())
		if err != nil {
			t.Fatal(err)
		}
		check(&row{"replaced", syscall.EBUSY, explain.Attempt{
			Op: explain.ReplaceFunction, Target: target.FD(),
			Function: detail.Detail.(*linkinfo.Tracing).TargetBTFID,
		}, "attached"})
	} else {
		for i, op := range explain.Explanations() {
			if op&(explain.Trace|explain.ReplaceFunction) != 0 && op != explain.AnyOp {
				delete(missing, i)
			}
		}
	}
	for i := range missing {
		t.Errorf("row %d explains nothing here", i)
	}
}

// tracefsAt is a directory in place of tracefs.
type tracefsAt string

func (dir tracefsAt) Tracefs() (string, error) { return string(dir), nil }
