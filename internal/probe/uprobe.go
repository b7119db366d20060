package probe

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/sys"
)

// Uprobe is a place in a program or library.
type Uprobe struct {
	File         *userfile.File
	Offset       uint64 // in the file
	RefCtrOffset uint64 // of a counter in the file that the kernel increments; 0 for none
	PID          int    // 0 for every process
	Return       bool
}

// Text returns a place in a file: "uprobe /bin/bash:readline+0x4", "uretprobe libc.so.6:malloc in
// process 4711". Offset is that in the function here.
func (u *Uprobe) Text(file, symbol string) string {
	text := "uprobe " + file
	if u.Return {
		text = "uretprobe " + file
	}
	switch {
	case symbol == "":
		text += fmt.Sprintf(":%#x", u.Offset)
	case u.Offset != 0:
		text += fmt.Sprintf(":%s+%#x", symbol, u.Offset)
	default:
		text += ":" + symbol
	}
	return text + InProcess(u.PID)
}

// Check refuses what can be no place.
func (u *Uprobe) Check() error {
	if u.RefCtrOffset >= 1<<32 {
		return fmt.Errorf("counter offset %#x is beyond 4 GiB, the kernel's limit: %w",
			u.RefCtrOffset, syscall.EINVAL)
	}
	return CheckPID(u.PID)
}

// Open opens a file and changes Offset from the one in the function, if symbol is not "", to the
// one in the file. The caller closes File.
func (u *Uprobe) Open(name, symbol string) error {
	open := userfile.Open
	if symbol == "" {
		open = userfile.OpenForOffsets
	}
	f, err := open(name, u.PID)
	if err != nil {
		return err
	}
	at, err := f.At(symbol, u.Offset)
	if err != nil {
		return withUndo(err, f.Close())
	}
	u.File, u.Offset = f, at
	return nil
}

func (u *Uprobe) source() string { return "uprobe" }

func (u *Uprobe) require(m Machine) error {
	if u.RefCtrOffset == 0 {
		return nil
	}
	return RequireCounters(m)
}

// RequireCounters refuses counters on a kernel that would ignore them.
func RequireCounters(m Machine) error {
	has, err := m.EventSourceHas("uprobe", "ref_ctr_offset")
	if err == nil && !has {
		err = fmt.Errorf("this kernel has no counters for uprobes (4.20): %w",
			errors.ErrUnsupported)
	}
	return err
}

// open opens a perf event of the uprobe PMU.
func (u *Uprobe) open(m Machine, pmu uint32) (*Event, error) {
	config, err := returnConfig(m, "uprobe", u.Return)
	if err != nil {
		return nil, err
	}
	attr := sys.PerfEventAttr{
		Type: sys.PerfType(pmu), Config: config | u.RefCtrOffset<<32, Config2: u.Offset,
	}
	var fd *sys.FD
	err = u.File.Probe(true, func(path string) (err error) {
		fd, err = (&request{attr: attr, name: path, pid: u.PID}).open()
		return err
	})
	if err != nil {
		return nil, withUndo(err, fd.Close())
	}
	return newEvent(fd, nil)
}

// openLegacy defines an event in tracefs and opens it.
func (u *Uprobe) openLegacy(m Tracefs) (*Event, error) {
	root, err := m.Tracefs()
	if err != nil {
		return nil, err
	}
	var e *tracefsEvent
	blanks := strings.ContainsAny(u.File.Path(), " \t\n") // which the line can't contain
	err = u.File.Probe(!blanks, func(name string) (err error) {
		if strings.ContainsAny(name, " \t\n") {
			return fmt.Errorf("tracefs accepts no path with blanks: %w", syscall.EINVAL)
		}
		place := fmt.Sprintf("%s:0x%x", name, u.Offset)
		if u.RefCtrOffset != 0 {
			place += fmt.Sprintf("(0x%x)", u.RefCtrOffset)
		}
		e, err = define(root, "uprobe", u.Return, place, path.Base(u.File.Path()), u.Offset)
		return err
	})
	if err != nil {
		if e != nil {
			err = withUndo(err, e.undo())
		}
		return nil, err
	}
	return e.open(u.PID)
}
