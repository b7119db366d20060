package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// UprobeOptions changes how a program attaches to a function in user space.
type UprobeOptions struct {
	Return bool // run it when the function returns (uretprobe)
	// Offset is in bytes from the start of the function or, without a function, of the file, where
	// an instruction must start: a probe inside one crashes processes.
	Offset uint64
	// RefCtrOffset is the file offset of a semaphore, which the kernel increments meanwhile (4.20).
	RefCtrOffset uint64
	PID          int       // run in this process only; 0 is every process, one's own is os.Getpid()
	Cookie       uint64    // what bpf_get_attach_cookie returns in the program (5.15)
	Mode         ProbeMode // kernel interface; the default is the newest
}

// AttachUprobe attaches the program to a function of a program or library in user space (libbpf
// bpf_program__attach_uprobe_opts; 4.3): it runs when the function is entered, at an offset in it,
// or when it returns. file is a path, a name to search for ("bash", "libc.so.6"), or
// "archive!/member" for an uncompressed member of a ZIP archive. symbol is a function or "" for an
// offset in the file. A name means the default version of a function, as for the dynamic linker;
// "name@VERSION" is another one. An indirect function (IFUNC, such as memcpy in most C libraries)
// is refused: programs call the function it selects.
//
// Symbolic links below /proc/PID/root are resolved in the root of that process. With PID, a name
// without '/' is searched for in the files that the process has mapped and in its root; a path
// means the file that the calling process sees, and is refused if the process PID sees another file
// there.
//
// Needs CAP_SYS_ADMIN (AttachUprobeMulti does not), or CAP_PERFMON and CAP_DAC_OVERRIDE where an
// event in tracefs is used. ErrNotExist if there is no such file or function, with similar names;
// EINVAL for a name that means several functions, and for an offset inside an instruction, with the
// nearest valid offsets; ESRCH if there is no such process; ErrNotSupported on a kernel without
// uprobes.
func (p *Program) AttachUprobe(file, symbol string, opts *UprobeOptions) (*Link, error) {
	if opts == nil {
		opts = &UprobeOptions{}
	}
	return p.attachUprobe(p.running(), file, symbol, *opts)
}

func (p *Program) attachUprobe(m probe.Machine, file, symbol string,
	o UprobeOptions) (*Link, error) {
	at := probe.Uprobe{
		Offset: o.Offset, RefCtrOffset: o.RefCtrOffset, PID: o.PID, Return: o.Return,
	}
	to := at.Text(file, symbol)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	err := at.Check()
	if err == nil {
		err = p.requireType("a uprobe", uapi.ProgKprobe)
	}
	if err == nil {
		err = at.Open(file, symbol)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	defer at.File.Close()
	return p.attachUprobeAt(m, to, &at, o.Mode, o.Cookie)
}

// attachUprobeAt attaches p to an offset in an open file.
func (p *Program) attachUprobeAt(m probe.Machine, to string, at *probe.Uprobe, mode ProbeMode,
	cookie uint64) (*Link, error) {
	return p.attachProbe(m, to, at, mode, cookie,
		func(err error, need []kernel.Capability) error {
			a := explain.Attempt{
				Op: explain.Uprobe, Need: need, File: at.File, PID: at.PID,
				Offsets: []uint64{at.Offset},
			}
			return p.attachRefused(&a, to, err)
		})
}

// autoUprobe attaches SEC("uprobe/path:function+offset") and SEC("uretprobe/path:function"), in
// every process.
func (p *Program) autoUprobe() (*Link, error) {
	file, function, err := p.secFile()
	if err != nil {
		return nil, err
	}
	ret := strings.HasPrefix(p.section, "uretprobe")
	symbol, offset, err := probe.CutOffset(function)
	if err == nil && ret && offset != 0 {
		err = fmt.Errorf("a uretprobe has no offset: %w", syscall.EINVAL)
	}
	if err != nil {
		return nil, p.secFail(err)
	}
	return p.AttachUprobe(file, symbol, &UprobeOptions{Return: ret, Offset: offset})
}
