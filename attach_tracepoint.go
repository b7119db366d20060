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

// AttachTracepoint attaches the program to the tracepoint category:name (libbpf
// bpf_program__attach_tracepoint_opts; 4.7), such as "sched", "sched_switch";
// /sys/kernel/tracing/events has a directory for each. Needs CAP_PERFMON (see the package comment),
// and CAP_DAC_OVERRIDE to read tracefs, unless its mode was changed. ErrNotExist if there is no
// such tracepoint.
func (p *Program) AttachTracepoint(category, name string, opts *CookieOptions) (*Link, error) {
	if opts == nil {
		opts = &CookieOptions{}
	}
	to := "tracepoint " + category + ":" + name
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	if err := p.requireType("a tracepoint", uapi.ProgTracepoint); err != nil {
		return nil, p.attachFail(to, err)
	}
	id, err := p.running().TracepointID(category, name)
	if err != nil {
		a := explain.Attempt{
			Op: explain.Tracefs, Need: []kernel.Capability{kernel.CapSysAdmin},
			Access: []kernel.Capability{kernel.CapPerfmon, kernel.CapDACOverride},
		}
		return nil, p.attachRefused(&a, to, err)
	}
	event, err := probe.OpenTracepoint(id)
	if err != nil {
		return nil, p.eventNotOpened(to, &explain.Attempt{}, err)
	}
	return p.attachEvent(to, event, probe.Attachment{Cookie: opts.Cookie})
}

// autoTracepoint attaches SEC("tp/category/name").
func (p *Program) autoTracepoint() (*Link, error) {
	target := p.target()
	if target == "" {
		return nil, errNothingToDo
	}
	category, name, ok := strings.Cut(target, "/")
	if !ok || category == "" || name == "" {
		return nil, p.secFail(fmt.Errorf("want category/name: %w", syscall.EINVAL))
	}
	return p.AttachTracepoint(category, name, nil)
}
