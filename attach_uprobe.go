package bpf

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// UprobeOptions changes how a program attaches to a function of a program or library.
type UprobeOptions struct {
	Return bool // run it when the function returns (uretprobe)
	// Offset is in bytes: into the function, or without one into the file. An instruction must
	// start there: a probe inside an instruction kills processes, by SIGILL or later. AttachUprobe
	// refuses it with EINVAL where it can recognise it.
	Offset uint64
	// RefCtrOffset is the file offset of a 16-bit counter that the kernel increments while the
	// probe exists: a semaphore (4.20).
	RefCtrOffset uint64
	PID          int       // only in this process; 0 means all, also those that start later
	Cookie       uint64    // what bpf_get_attach_cookie returns in the program (5.15)
	Mode         ProbeMode // kernel interface; the default is the newest
}

// AttachUprobe attaches the program to a function of a program or library in user space (libbpf
// bpf_program__attach_uprobe_opts; 4.3): it runs when the function is entered, at an offset in it,
// or when it returns. file is a path, a name to search for ("bash", "libc.so.6"), or
// "archive!/member" for an uncompressed member of a ZIP archive. symbol is a function by its name
// or "" for an offset in the file. A name means the default version of a function, as for the
// dynamic linker; "name@VERSION" is another one. An indirect function (IFUNC, as memcpy of most
// libcs) is refused: programs call the function that it selects.
//
// Links that the path follows behind /proc/PID/root are those of that process. With PID, a name
// without '/' is searched for in the files that the process has mapped and in its root; a path is
// this process's own, and is refused where it is another file for the process.
//
// Needs CAP_SYS_ADMIN (AttachUprobeMulti does not), or CAP_PERFMON and CAP_DAC_OVERRIDE where an
// event in tracefs is used; with kernel.perf_event_paranoid above 2 some kernels ask for
// CAP_SYS_ADMIN there, too. ErrNotExist if there is no such file or function, with similar names;
// EINVAL for a name that means several functions, and for an offset inside an instruction, with the
// nearest valid offsets; ESRCH if there is no such process; ErrNotSupported on a kernel without
// uprobes. The caller closes the Link.
//
// An offset is inside an instruction if it is not aligned as the file's machine requires, or if the
// code leads to an instruction around it from the start of the function whose symbol covers it
// (x86, riscv64, s390x, ppc64), by jumps whose targets are in the code. This takes for granted that
// functions start with an instruction and that calls return. In stripped files, in tables between
// the code, and in code that only a table of addresses leads to, any aligned offset is accepted.
func (p *Program) AttachUprobe(file, symbol string, opts *UprobeOptions) (*Link, error) {
	if opts == nil {
		opts = &UprobeOptions{}
	}
	return p.attachUprobe(p.running(), file, symbol, *opts)
}

// uprobing holds the facts about the machine that probes in user space need; *kernel.Facts
// implements it.
type uprobing interface {
	tracing
	// EventSourceHas reports whether a PMU has a format file of that name.
	EventSourceHas(name, format string) (bool, error)
}

// text returns the place: "uprobe /bin/bash:readline+0x4", "uretprobe libc.so.6:malloc in process
// 4711".
func (o *UprobeOptions) text(file, symbol string) string {
	text := "uprobe " + file
	if o.Return {
		text = "uretprobe " + file
	}
	switch {
	case symbol == "":
		text += fmt.Sprintf(":%#x", o.Offset)
	case o.Offset != 0:
		text += fmt.Sprintf(":%s+%#x", symbol, o.Offset)
	default:
		text += ":" + symbol
	}
	return text + inProcess(o.PID)
}

func inProcess(pid int) string {
	if pid == 0 {
		return ""
	}
	return " in process " + strconv.Itoa(pid)
}

func (o *UprobeOptions) check() error {
	switch {
	case o.PID < 0:
		return fmt.Errorf("there is no process %d: %w", o.PID, syscall.EINVAL)
	case o.RefCtrOffset >= 1<<32:
		return fmt.Errorf("the counter at offset %#x in the file is further than the kernel takes, 4 GiB: %w", o.RefCtrOffset, syscall.EINVAL)
	}
	return nil
}

func (p *Program) attachUprobe(t uprobing, file, symbol string, o UprobeOptions) (*Link, error) {
	to := o.text(file, symbol)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	err := o.check()
	if err == nil {
		err = p.requireType("a uprobe", uapi.ProgKprobe)
	}
	var f *userfile.File
	if err == nil {
		f, o.Offset, err = findFunction(file, symbol, o)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	defer f.Close()
	return p.attachUprobeAt(t, to, f, o)
}

// findFunction opens a file and returns the probe's offset in it. The caller closes the file.
func findFunction(name, symbol string, o UprobeOptions) (*userfile.File, uint64, error) {
	open := userfile.Open
	if symbol == "" {
		open = userfile.OpenForOffsets
	}
	f, err := open(name, o.PID)
	if err != nil {
		return nil, 0, err
	}
	at, err := f.At(symbol, o.Offset)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, at, nil
}

// attachUprobeAt attaches p to o.Offset of the file.
func (p *Program) attachUprobeAt(t uprobing, to string, file *userfile.File,
	o UprobeOptions) (*Link, error) {
	w, err := p.probeWay(t, "uprobe", o.Mode, o.Cookie)
	if err == nil && o.RefCtrOffset != 0 && !w.legacy {
		err = requireRefCtr(t)
	}
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapPerfmon)
	}
	event, how, err := w.open(o.Cookie,
		func(pmu uint32) (*sys.FD, error) { return openUprobe(t, pmu, file, &o) },
		func() (*sys.FD, *probe.Event, error) { return openLegacyUprobe(t, file, &o) })
	if err != nil {
		a := attempt{
			op: opUprobe, need: w.need(), program: p, file: file, pid: o.PID,
			offsets: []uint64{o.Offset},
		}
		return nil, a.attachFail(to, err)
	}
	return p.attachPerf(to, event, how)
}

// requireRefCtr refuses a counter on a kernel that would ignore it.
func requireRefCtr(t uprobing) error {
	has, err := t.EventSourceHas("uprobe", "ref_ctr_offset")
	if err == nil && !has {
		err = fmt.Errorf("this kernel can't raise counters for uprobes (4.20): %w", ErrNotSupported)
	}
	return err
}

// openProbe opens the perf event of a probe for a process, or for all processes if pid is 0.
func openProbe(pid int, open func(process, cpu int) (*sys.FD, error)) (*sys.FD, error) {
	if pid != 0 {
		return open(pid, -1)
	}
	return onAnyCPU(func(cpu int) (*sys.FD, error) { return open(-1, cpu) })
}

// openUprobe opens a perf event of the uprobe PMU.
func openUprobe(t tracing, pmu uint32, file *userfile.File, o *UprobeOptions) (*sys.FD, error) {
	attr := sys.PerfEventAttr{Type: pmu, Config: o.RefCtrOffset << 32, Config2: o.Offset}
	if o.Return {
		bit, err := t.EventSourceBit("uprobe", "retprobe")
		if err != nil {
			return nil, err
		}
		attr.Config |= 1 << bit
	}
	var event *sys.FD
	err := file.Probe(true, func(path string) (err error) {
		event, err = openProbe(o.PID, func(process, cpu int) (*sys.FD, error) {
			return sys.PerfEventOpenName(&attr, path, process, cpu, -1, 0)
		})
		return err
	})
	if err != nil {
		return nil, errors.Join(err, event.Close())
	}
	return event, nil
}

// openLegacyUprobe defines an event in tracefs and opens it.
func openLegacyUprobe(t tracing, file *userfile.File,
	o *UprobeOptions) (*sys.FD, *probe.Event, error) {
	root, err := t.Tracefs()
	if err != nil {
		return nil, nil, err
	}
	var e *probe.Event
	blanks := strings.ContainsAny(file.Path(), " \t\n") // which the line can't contain
	err = file.Probe(!blanks, func(name string) (err error) {
		if strings.ContainsAny(name, " \t\n") {
			return fmt.Errorf("tracefs takes no path with blanks: %w", syscall.EINVAL)
		}
		place := fmt.Sprintf("%s:0x%x", name, o.Offset)
		if o.RefCtrOffset != 0 {
			place += fmt.Sprintf("(0x%x)", o.RefCtrOffset)
		}
		e, err = probe.Define(root, "uprobe", o.Return, place, path.Base(file.Path()), o.Offset)
		return err
	})
	if err != nil {
		if e != nil {
			err = joinErrors(err, e.Undo())
		}
		return nil, nil, err
	}
	event, err := openProbe(o.PID, func(process, cpu int) (*sys.FD, error) {
		return sys.PerfEventOpen(&sys.PerfEventAttr{Type: sys.PerfTypeTracepoint, Config: e.ID},
			process, cpu, -1, 0)
	})
	if err != nil {
		return nil, nil, joinErrors(fmt.Errorf("open perf event: %w", err), e.Undo())
	}
	return event, e, nil
}

// cutOffset splits "function+offset". The text after the last '+' is an offset only if all of it is
// a number, so that C++ operators stay.
func cutOffset(text string) (symbol string, offset int64) {
	i := strings.LastIndexByte(text, '+')
	if i < 0 {
		return text, 0
	}
	number, rest := cutNumber(text[i+1:])
	if number == "" || rest != "" {
		return text, 0
	}
	offset, err := strconv.ParseInt(number, 0, 64)
	if err != nil {
		return text, 0
	}
	return text[:i], offset
}

// secFile splits the text of a section into a file and the rest: "path:rest".
func (p *Program) secFile() (file, rest string, err error) {
	target, err := p.secTarget()
	if err != nil {
		return "", "", err
	}
	file, rest, _ = strings.Cut(target, ":")
	if file == "" || rest == "" {
		return "", "", p.secFail(fmt.Errorf("it does not say path:function: %w", syscall.EINVAL))
	}
	return file, rest, nil
}

// autoUprobe attaches SEC("uprobe/path:function+offset") and SEC("uretprobe/path:function"), in
// every process.
func (p *Program) autoUprobe() (*Link, error) {
	file, function, err := p.secFile()
	if err != nil {
		return nil, err
	}
	symbol, offset := cutOffset(function)
	ret := strings.HasPrefix(p.section, "uretprobe")
	switch {
	case offset < 0:
		err = fmt.Errorf("the offset is less than 0: %w", syscall.EINVAL)
	case ret && offset != 0:
		err = fmt.Errorf("a uretprobe has no offset: %w", syscall.EINVAL)
	}
	if err != nil {
		return nil, p.secFail(err)
	}
	return p.AttachUprobe(file, symbol, &UprobeOptions{Return: ret, Offset: uint64(offset)})
}
