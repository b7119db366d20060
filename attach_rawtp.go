package bpf

import (
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// noRawCookies is the error of a kernel that takes no cookie for a raw tracepoint.
const noRawCookies = "cookies of raw tracepoints need Linux 6.10: %w"

// AttachRawTracepoint attaches the program to the raw tracepoint of that name, such as
// "sched_switch" (libbpf bpf_program__attach_raw_tracepoint_opts; 4.17): it gets the arguments as
// the kernel passes them, unformatted. ErrNotExist if there is no such tracepoint, with similar
// names as hint; ErrNotSupported for a cookie before 6.10.
func (p *Program) AttachRawTracepoint(name string, opts *CookieOptions) (*Link, error) {
	if opts == nil {
		opts = &CookieOptions{}
	}
	to := "raw tracepoint " + name
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	if err := p.requireType("a raw tracepoint", uapi.ProgRawTracepoint,
		uapi.ProgRawTracepointWritable); err != nil {
		return nil, p.attachFail(to, err)
	}
	if name == "" {
		return nil, p.attachFail(to, fmt.Errorf("no tracepoint is named: %w", syscall.EINVAL))
	}
	fd, err := sys.RawTracepointOpen(name, p.fd.Int(), opts.Cookie)
	if err == syscall.EINVAL && opts.Cookie != 0 &&
		p.running().Version() < kernel.VersionCode(6, 10, 0) {
		err = fmt.Errorf(noRawCookies, ErrNotSupported)
	}
	if err != nil {
		a := explain.Attempt{Op: explain.RawTracepoint, Name: name}
		return nil, p.attachRefused(&a, to, err)
	}
	return p.newLink(to, fd), nil
}

// autoRawTracepoint attaches SEC("raw_tp/name").
func (p *Program) autoRawTracepoint() (*Link, error) {
	name := p.target()
	if name == "" {
		return nil, errNothingToDo
	}
	return p.AttachRawTracepoint(name, nil)
}
