package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
)

// KprobeMultiOptions changes how a program attaches to many kernel functions.
type KprobeMultiOptions struct {
	Symbols   []string // functions, instead of a pattern
	Addresses []uint64 // or their addresses
	Cookies   []uint64 // what bpf_get_attach_cookie returns, one for each of Symbols or Addresses
	Return    bool     // run it when the functions return (kretprobe.multi)
	// Session runs it at both; its result at entry decides whether it runs at return
	// (kprobe.session; 6.10)
	Session bool
	// UniqueMatch refuses a pattern that doesn't match exactly one function.
	UniqueMatch bool
}

// AttachKprobeMulti attaches the program to all kernel functions whose names match the pattern, at
// once and by one link (libbpf bpf_program__attach_kprobe_multi_opts; 5.18, and CONFIG_FPROBE). In
// a pattern '*' stands for any characters and '?' for one. With Symbols or Addresses the pattern is
// "". The program must have been loaded for it: SEC("kprobe.multi"), SEC("kprobe.session").
//
// No privileges beyond those of the load; a pattern needs CAP_DAC_OVERRIDE to read tracefs, unless
// its mode was changed, and CAP_SYSLOG before 6.5. ErrNotExist if nothing matches or a function
// doesn't exist; ErrNotSupported on a kernel without fprobes.
func (p *Program) AttachKprobeMulti(pattern string, opts *KprobeMultiOptions) (*Link, error) {
	if opts == nil {
		opts = &KprobeMultiOptions{}
	}
	return p.attachKprobeMulti(p.running(), pattern, *opts)
}

func (p *Program) attachKprobeMulti(m probe.Tracefs, pattern string,
	o KprobeMultiOptions) (*Link, error) {
	set := probe.KprobeMulti{
		Pattern: pattern, Symbols: o.Symbols, Addresses: o.Addresses, Cookies: o.Cookies,
		Return: o.Return, Session: o.Session, Unique: o.UniqueMatch,
	}
	to := set.String()
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	section := "kprobe.multi"
	if o.Session {
		section = "kprobe.session"
	}
	err := set.Check()
	if err == nil {
		err = p.requireMulti(set.AttachType(), section)
	}
	if err != nil {
		return nil, p.attachFail(to, err)
	}
	a := explain.Attempt{Op: explain.KprobeMulti, Tracefs: m}
	if !set.Exact() {
		if err := set.Match(m); err != nil {
			a = explain.Attempt{
				Op: explain.Tracefs, Need: []kernel.Capability{kernel.CapSyslog},
				Access: tracefsAccess[:],
			}
			return nil, p.attachRefused(&a, to, err)
		}
		if err := set.CheckMatch(); err != nil {
			if !glob.HasWildcard(pattern) {
				a.Symbols = []string{pattern}
			}
			return nil, p.attachRefused(&a, to, err)
		}
	}
	fd, err := set.Attach(p.fd)
	if err != nil {
		a.Symbols = set.Names()
		return nil, p.attachRefused(&a, to, err)
	}
	return p.newLink(to, fd), nil
}

// autoKprobeMulti attaches SEC("kprobe.multi/pattern") and SEC("kretprobe.multi/pattern").
func (p *Program) autoKprobeMulti() (*Link, error) {
	return p.autoPattern(KprobeMultiOptions{Return: strings.HasPrefix(p.section, "kretprobe")})
}

// autoKprobeSession attaches SEC("kprobe.session/pattern").
func (p *Program) autoKprobeSession() (*Link, error) {
	return p.autoPattern(KprobeMultiOptions{Session: true})
}

func (p *Program) autoPattern(o KprobeMultiOptions) (*Link, error) {
	target, err := p.secTarget()
	if err != nil {
		return nil, err
	}
	pattern, rest := probe.ParsePattern(target)
	if pattern == "" {
		return nil, p.secFail(fmt.Errorf("no pattern is given: %w", syscall.EINVAL))
	}
	p.noteRest(rest)
	return p.AttachKprobeMulti(pattern, &o)
}
