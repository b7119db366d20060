package probe

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/userfile"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// UprobeMulti is a set of functions of a program or library: those that match a pattern, or
// Symbols, or Offsets in the file.
type UprobeMulti struct {
	Pattern       string
	Symbols       []string
	Offsets       []uint64
	RefCtrOffsets []uint64 // one for each of Symbols or Offsets, as Cookies
	Cookies       []uint64
	PID           int
	Moment        Moment
}

// Text returns the functions in a file: "uprobe.multi libc.so.6:mem*", "uretprobe.multi /bin/bash
// (12 functions)".
func (u *UprobeMulti) Text(file string) string {
	kind := "uprobe.multi "
	switch {
	case u.Moment == InSession:
		kind = "uprobe.session "
	case u.Moment == AtReturn:
		kind = "uretprobe.multi "
	}
	text := kind + file
	if u.Pattern == "" {
		text += fmt.Sprintf(" (%d functions)", max(len(u.Symbols), len(u.Offsets)))
	} else {
		text += ":" + u.Pattern
	}
	return text + InProcess(u.PID)
}

// InProcess returns " in process PID", "" for every process.
func InProcess(pid int) string {
	if pid == 0 {
		return ""
	}
	return " in process " + strconv.Itoa(pid)
}

// CheckPID refuses what can be no process.
func CheckPID(pid int) error {
	if pid < 0 {
		return fmt.Errorf("there is no process %d: %w", pid, syscall.EINVAL)
	}
	return nil
}

// AttachType returns the attach type of programs for it.
func (u *UprobeMulti) AttachType() uapi.AttachType {
	if u.Moment == InSession {
		return uapi.AttachTraceUprobeSession
	}
	return uapi.AttachTraceUprobeMulti
}

// Check refuses a set that contradicts itself.
func (u *UprobeMulti) Check() error {
	n := max(len(u.Symbols), len(u.Offsets))
	switch {
	case u.Moment > InSession:
		return fmt.Errorf("moment %d: %w", u.Moment, syscall.EINVAL)
	case len(u.Symbols) > 0 && len(u.Offsets) > 0:
		return fmt.Errorf("both names and offsets are given: %w", syscall.EINVAL)
	case u.Pattern != "" && (n > 0 || len(u.Cookies) > 0 || len(u.RefCtrOffsets) > 0):
		return fmt.Errorf("a pattern excludes names, offsets, counters and cookies: %w",
			syscall.EINVAL)
	case u.Pattern == "" && n == 0:
		return fmt.Errorf("neither a pattern nor functions are given: %w", syscall.EINVAL)
	}
	if err := checkCount("cookies", len(u.Cookies), n); err != nil {
		return err
	}
	if err := checkCount("counters", len(u.RefCtrOffsets), n); err != nil {
		return err
	}
	return CheckPID(u.PID)
}

// Open opens the file and looks up Offsets in it. The caller closes the file.
func (u *UprobeMulti) Open(name string) (*userfile.File, error) {
	open := userfile.Open
	if len(u.Offsets) > 0 {
		open = userfile.OpenForOffsets
	}
	f, err := open(name, u.PID)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Pattern != "":
		u.Offsets, err = f.Match(u.Pattern)
	case len(u.Symbols) > 0:
		u.Offsets, err = f.Functions(u.Symbols)
	default:
		u.Offsets, err = f.Offsets(u.Offsets)
	}
	if err != nil {
		return nil, withUndo(err, f.Close())
	}
	return f, nil
}

// Attach attaches a program to Offsets of the file by one link. The caller closes the link.
func (u *UprobeMulti) Attach(program *sys.FD, f *userfile.File,
	k *kernel.Facts) (link *sys.FD, err error) {
	err = f.Probe(false, func(path string) (err error) {
		link, err = u.attachAt(program, path)
		return err
	})
	if err != nil {
		err, link = withUndo(err, link.Close()), nil
	}
	if errors.Is(err, syscall.EINVAL) && lacksUprobeMulti(k) {
		err = fmt.Errorf("this kernel has no links to many uprobes (6.6): %w: %w",
			err, errors.ErrUnsupported)
	}
	return link, err
}

func (u *UprobeMulti) attachAt(program *sys.FD, path string) (*sys.FD, error) {
	name, err := sys.CString(path)
	if err != nil {
		return nil, err
	}
	detail := sys.LinkUprobeMulti{
		Path: name, Offsets: sys.Slice(u.Offsets), RefCtrOffsets: sys.Slice(u.RefCtrOffsets),
		Cookies: sys.Slice(u.Cookies),
		Count:   uint32(len(u.Offsets)), PID: uint32(u.PID),
	}
	if u.Moment == AtReturn {
		detail.Flags = sys.UprobeMultiReturn
	}
	return sys.LinkCreate(&sys.LinkCreateAttr{ProgFD: program.Uint32(),
		AttachType: u.AttachType(), Detail: &detail})
}

// lacksUprobeMulti reports whether the kernel's BTF shows that it has no links to many uprobes.
func lacksUprobeMulti(k *kernel.Facts) bool {
	spec, err := k.BTF()
	if err != nil {
		return false
	}
	has, known := facts.HasEnumerator(spec, "bpf_link_type", "", int64(uapi.LinkUprobeMulti))
	return known && !has
}
