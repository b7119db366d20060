package bpf

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

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

// TestExplanations makes each row of the table explain an answer, and none twice. Facts about the
// kernel's objects are compared with the kernel: ids from its info, states that its calls made.
func TestExplanations(t *testing.T) {
	testkit.Root(t)
	idOf := func(p *Program) uint32 {
		info, err := p.Info()
		if err != nil {
			t.Fatal(err)
		}
		return info.ID
	}
	xdp := loadFile(t, "link", nil, "xdp").Program("xdp")
	own := hooks.Program{ID: idOf(xdp)}
	other := hooks.Program{ID: idOf(loadFile(t, "link", nil, "ingress").Program("ingress"))}
	placed := func(at place, there ...hooks.Program) *place {
		at.query = func() (*hooks.Hook, error) {
			return &hooks.Hook{Programs: there, Revision: 7}, nil
		}
		return &at
	}
	newMap := func() *Map {
		m, err := CreateMap(&object.Map{Name: "test", Type: uapi.MapHash, KeySize: 4, ValueSize: 4,
			MaxEntries: 3}, nil)
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
		attempt
		want string
	}
	rows := []row{
		{"frozen", syscall.EPERM, attempt{op: opElement, m: frozen}, "the map is frozen"},
		{"capability", syscall.EPERM, attempt{op: opRun, need: nobody}, "Capability(63)"},
		{"memlock", syscall.EPERM, attempt{op: opLoad, limit: errors.New("the limit stays")},
			"the limit stays"},
		{"rule", syscall.EINVAL, attempt{op: opCreateMap, maps: []*maprules.Map{
			{Type: uapi.MapArray, KeySize: 8, ValueSize: 4, MaxEntries: 1},
		}}, "key_size 8"},
		{"no element", syscall.ENOENT, attempt{op: opElement, m: full}, "no such element"},
		{"full", syscall.E2BIG, attempt{op: opElement, m: full}, "max_entries is 3"},
		{"output", syscall.ENOSPC, attempt{op: opRun, size: 99}, "99 bytes"},
		{"runs not", sys.ENOTSUPP, attempt{op: opRun, program: xdp}, "type xdp"},
		{"pinned", syscall.EEXIST, attempt{op: opPin}, "remove the file"},
		{"severed", syscall.ENOLINK, attempt{op: opLink}, "is gone"},
		{"type", syscall.EINVAL,
			attempt{op: opAttach, at: placed(place{types: []uapi.ProgType{uapi.ProgSchedCls}})},
			"the program is of type xdp, want sched_cls"},
		{"attach type", syscall.EINVAL, attempt{op: opAttach, at: placed(place{attach: 250})},
			"attach type"},
		{"rule of the hook", syscall.EINVAL,
			attempt{op: opAttach, at: placed(place{rule: "only one"})}, "only one"},
		{"target", syscall.EBADF, attempt{op: opDetach, at: placed(place{target: "a cgroup"})},
			"a cgroup"},
		{"anchor", syscall.ENOENT,
			attempt{op: opAttach, at: placed(place{anchor: AfterID(own.ID)}, other)},
			fmt.Sprintf("the anchor, program %d,", own.ID)},
		{"no netkit", syscall.ENXIO,
			attempt{op: opAttach, at: placed(place{attach: uapi.AttachNetkitPeer})},
			"no netkit device"},
		{"netkit's peer", syscall.EACCES,
			attempt{op: opAttach, at: placed(place{attach: uapi.AttachNetkitPrimary})},
			"primary device"},
		{"revision", syscall.ESTALE, attempt{op: opAttach, at: placed(place{revision: 5})},
			"is 7, not 5"},
		{"already", syscall.EINVAL, attempt{op: opAttach, at: placed(place{}, own)},
			fmt.Sprintf("this program, %d, is", own.ID)},
		{"event", syscall.EEXIST, attempt{op: opAttachEvent, event: clock, at: &place{}},
			"report which"},
		{"event's kind", syscall.EINVAL, attempt{op: opAttachEventFD}, "it is of type xdp"},
		{"no event", syscall.EBADF, attempt{op: opAttachEventFD}, "is closed"},
		{"paranoid", syscall.EACCES, attempt{op: opOpenEvent, need: nobody}, "Capability(63)"},
		{"unknown event", syscall.ENOENT, attempt{op: opOpenEvent}, "no such event"},
		{"offline", syscall.ENODEV, attempt{op: opOpenEvent}, "offline"},
		{"thread", syscall.ESRCH, attempt{op: opOpenEvent, pid: 5}, "no thread 5"},
		{"CPU", syscall.EINVAL, attempt{op: opOpenEvent, oneCPU: true, cpu: 1 << 20}, "CPUs 0 to"},
		{"tracefs", syscall.EACCES, attempt{op: opTracefs, access: nobody}, "Capability(63)"},
		{"inside", syscall.EILSEQ, attempt{op: opKprobe, offsets: []uint64{3}}, "offset 3"},
		{"return", syscall.EINVAL,
			attempt{op: opKprobe, offsets: []uint64{3}, returns: true,
				symbol: new(kernel.FunctionSymbol)}, "kretprobe"},
		{"no fprobe", syscall.EOPNOTSUPP, attempt{op: opKprobeMulti}, "CONFIG_FPROBE"},
		{"functions", syscall.ENOENT,
			attempt{op: opKprobeMulti, tracefs: tracefsAt(listed),
				symbols: []string{"tcp_connekt"}},
			"is called tcp_connekt; near: tcp_connect"},
		{"session", syscall.EINVAL, attempt{op: opUprobeMulti, session: 250, file: file},
			"no sessions"},
		{"process", syscall.ESRCH, attempt{op: opUprobe, pid: 5}, "no process 5"},
		{"end of file", syscall.EINVAL,
			attempt{op: opUprobe, file: file, offsets: []uint64{1 << 40}}, "ends at"},
		{"raw tracepoint", syscall.ENOENT, attempt{op: opRawTracepoint, name: "sched_swich"},
			"sched_switch"},
	}
	for _, errno := range []syscall.Errno{
		syscall.EBUSY, syscall.EEXIST, syscall.EPERM, syscall.E2BIG, syscall.ERANGE,
	} {
		rows = append(rows, row{"occupied, " + errno.Error(), errno,
			attempt{op: opAttach, at: placed(place{}, other)},
			fmt.Sprintf("program %d (ingress) is attached there", other.ID)})
	}
	for _, errno := range []syscall.Errno{syscall.ENOENT, syscall.EINVAL, syscall.EADDRNOTAVAIL} {
		rows = append(rows, row{"symbol, " + errno.Error(), errno,
			attempt{op: opKprobe, symbol: unknown}, "near: vfs_read"})
	}

	missing := map[int]bool{}
	for i := range explanations {
		missing[i] = true
	}
	check := func(r *row) {
		t.Helper()
		a := r.attempt
		a.err = fmt.Errorf("wrapped: %w", r.err)
		if a.program == nil {
			a.program = xdp
		}
		i, text := a.explain()
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
	tracepoint := loadFile(t, "attach", nil, "on_getpriority").Program("on_getpriority")
	event, err := PerfEventNamed("syscalls:sys_enter_getpriority")
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
		attempt{op: opAttachEvent, program: tracepoint, event: fd, at: &place{}},
		fmt.Sprintf("this program, %d, is attached there already", idOf(tracepoint))})
	if kernel.Running().Version() >= kernel.VersionCode(6, 4, 0) {
		o, err := Open("testdata/structops.bpf.o", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range o.Maps {
			m.Autocreate = m.StructOps == nil || m.Name == "linked"
		}
		ops, err := Load(o, nil)
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
			check(&row{"registered", errno, attempt{op: opRegister, m: m},
				fmt.Sprintf("this map, %d, is registered already", info.ID)})
		}
	} else {
		for i, e := range explanations {
			if e.op&opRegister != 0 && e.op != opAny {
				delete(missing, i)
			}
		}
	}
	if has, err := kernel.Running().HasProgType(uapi.ProgLSM); err == nil && has {
		traced := loadFile(t, "fentry", nil, "on_entry").Program("on_entry")
		link, err := traced.Attach()
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		check(&row{"traced", syscall.EBUSY, attempt{op: opTrace, program: traced}, "attached"})
		target := loadFile(t, "freplace_target", nil).Program("whole")
		o, err := Open("testdata/fentry.bpf.o", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range o.Programs {
			p.Autoload = p.Name == "replacement"
		}
		o.Program("replacement").AttachProgFD = target.FD()
		replacement, err := Load(o, nil)
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
		check(&row{"replaced", syscall.EBUSY, attempt{
			op: opReplaceFunction, target: target,
			function: detail.Detail.(*linkinfo.Tracing).TargetBTFID,
		}, "attached"})
	} else {
		for i, e := range explanations {
			if e.op&(opTrace|opReplaceFunction) != 0 && e.op != opAny {
				delete(missing, i)
			}
		}
	}
	for i := range missing {
		t.Errorf("row %d explains nothing here: %v", i, explanations[i].errno)
	}
}

// tracefsAt is a directory in place of tracefs.
type tracefsAt string

func (dir tracefsAt) Tracefs() (string, error) { return string(dir), nil }
