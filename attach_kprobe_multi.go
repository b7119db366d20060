package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/glob"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
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
// doesn't exist; ErrNotSupported on a kernel without fprobes. The caller closes the Link.
func (p *Program) AttachKprobeMulti(pattern string, opts *KprobeMultiOptions) (*Link, error) {
	if opts == nil {
		opts = &KprobeMultiOptions{}
	}
	return p.attachKprobeMulti(p.running(), pattern, *opts)
}

// text returns the target: "kprobe.multi tcp_*", "kretprobe.multi (12 functions)".
func (o *KprobeMultiOptions) text(pattern string) string {
	kind := "kprobe.multi "
	switch {
	case o.Session:
		kind = "kprobe.session "
	case o.Return:
		kind = "kretprobe.multi "
	}
	switch n := max(len(o.Symbols), len(o.Addresses)); {
	case pattern != "":
		return kind + pattern
	case len(o.Symbols) == 1:
		return kind + o.Symbols[0]
	case n == 1:
		return fmt.Sprintf("%s%#x", kind, o.Addresses[0])
	default:
		return fmt.Sprintf("%s(%d functions)", kind, n)
	}
}

func (o *KprobeMultiOptions) check(pattern string) error {
	n := max(len(o.Symbols), len(o.Addresses))
	switch {
	case o.Return && o.Session:
		return fmt.Errorf("a session sees returns anyway: %w", syscall.EINVAL)
	case len(o.Symbols) > 0 && len(o.Addresses) > 0:
		return fmt.Errorf("both names and addresses are given: %w", syscall.EINVAL)
	case pattern != "" && (n > 0 || len(o.Cookies) > 0):
		return fmt.Errorf("a pattern goes without names, addresses and cookies: %w", syscall.EINVAL)
	case pattern == "" && n == 0:
		return fmt.Errorf("neither a pattern nor functions are given: %w", syscall.EINVAL)
	case pattern == "" && o.UniqueMatch:
		return fmt.Errorf("only a pattern can be asked to match once: %w", syscall.EINVAL)
	case len(o.Cookies) > 0 && len(o.Cookies) != n:
		return fmt.Errorf("there are %d cookies for %d functions: %w",
			len(o.Cookies), n, syscall.EINVAL)
	}
	return nil
}

// fKprobeMultiReturn is BPF_F_KPROBE_MULTI_RETURN.
const fKprobeMultiReturn = 1

func (p *Program) attachKprobeMulti(t tracing, pattern string,
	o KprobeMultiOptions) (*Link, error) {
	to := o.text(pattern)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	fail := func(err error) (*Link, error) { return nil, p.attachFail(to, err) }
	if err := o.check(pattern); err != nil {
		return fail(err)
	}
	if err := p.requireKprobeMulti(&o); err != nil {
		return fail(err)
	}
	symbols, addresses := o.Symbols, o.Addresses
	switch {
	case pattern == "":
	case !o.UniqueMatch && !glob.HasWildcard(pattern):
		symbols = []string{pattern} // the kernel finds it faster
	default:
		root, err := t.Tracefs()
		if err == nil {
			addresses, err = kernel.MatchFunctions(root, pattern)
		}
		if err != nil {
			a := attempt{
				op: opTracefs, need: []kernel.Capability{kernel.CapSyslog},
				access:  tracefsAccess[:],
				program: p,
			}
			return nil, a.attachFail(to, err)
		}
		switch {
		case len(addresses) == 0:
			a := attempt{op: opKprobeMulti, program: p, tracing: t}
			if !glob.HasWildcard(pattern) {
				a.symbols = []string{pattern}
			}
			err := fmt.Errorf("no function that can be attached to matches: %w", syscall.ENOENT)
			return nil, a.attachFail(to, err)
		case o.UniqueMatch && len(addresses) > 1:
			return fail(fmt.Errorf("%d functions match: %w", len(addresses), syscall.EINVAL))
		}
	}
	detail := sys.LinkKprobeMulti{Cookies: sys.Slice(o.Cookies)}
	if o.Return {
		detail.Flags = fKprobeMultiReturn
	}
	if len(addresses) > 0 {
		detail.Addrs, detail.Count = sys.Slice(addresses), uint32(len(addresses))
	} else {
		names, err := cStrings(symbols)
		if err != nil {
			return fail(err)
		}
		detail.Syms, detail.Count = sys.Slice(names), uint32(len(symbols))
	}
	attachType := uapi.AttachTraceKprobeMulti
	if o.Session {
		attachType = uapi.AttachTraceKprobeSession
	}
	fd, err := sys.LinkCreate(
		&sys.LinkCreateAttr{ProgFD: p.fd.Uint32(), AttachType: attachType, Detail: &detail})
	if err != nil {
		if err == syscall.ESRCH {
			err = syscall.ENOENT // as every other family answers for a name that doesn't exist
		}
		a := attempt{op: opKprobeMulti, program: p, tracing: t, symbols: symbols}
		return nil, a.attachFail(to, err)
	}
	return p.newLink(to, fd), nil
}

// requireKprobeMulti refuses programs and options for which the kernel would answer a bare EINVAL.
// The attach type of a program that was opened by a pin or an id is unknown.
func (p *Program) requireKprobeMulti(o *KprobeMultiOptions) error {
	want, sec := uapi.AttachTraceKprobeMulti, "kprobe.multi"
	if o.Session {
		want, sec = uapi.AttachTraceKprobeSession, "kprobe.session"
	}
	if err := p.requireType(sec, uapi.ProgKprobe); err != nil {
		return err
	}
	if p.obj != nil && p.expected != want {
		return fmt.Errorf("the program was not loaded for it, as SEC(%q) is: %w",
			sec, syscall.EINVAL)
	}
	return nil
}

// cStrings makes an array of pointers to names, each terminated by a NUL, in one piece of memory.
func cStrings(names []string) ([]sys.Pointer, error) {
	size := 0
	for _, name := range names {
		if name == "" || strings.IndexByte(name, 0) >= 0 {
			return nil, fmt.Errorf("%q is no name of a function: %w", name, syscall.EINVAL)
		}
		size += len(name) + 1
	}
	text := make([]byte, 0, size)
	list := make([]sys.Pointer, len(names))
	for i, name := range names {
		start := len(text)
		text = append(append(text, name...), 0)
		list[i] = sys.Slice(text[start:])
	}
	return list, nil
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
	n := strings.IndexFunc(target, func(r rune) bool {
		return !isSymbolChar(r) && r != '*' && r != '?'
	})
	if n < 0 {
		n = len(target)
	}
	if n == 0 {
		return nil, p.secFail(fmt.Errorf("it has no pattern: %w", syscall.EINVAL))
	}
	p.noteRest(target[n:])
	return p.AttachKprobeMulti(target[:n], &o)
}
