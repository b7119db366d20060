package bpf

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/pathname"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// KprobeOptions changes how a program attaches to a kernel function.
type KprobeOptions struct {
	Return bool   // run it when the function returns (kretprobe)
	Offset uint64 // bytes into the function; an instruction must start there
	// Address is in the kernel, instead of a function; not with ProbeLegacy or before 4.17
	Address uint64
	Cookie  uint64    // what bpf_get_attach_cookie returns in the program (5.15)
	Mode    ProbeMode // kernel interface; the default is the newest
}

// AttachKprobe attaches the program to the kernel function called symbol, or "module:symbol"
// (libbpf bpf_program__attach_kprobe_opts; 4.1): it runs when the function is entered, at an offset
// in it, or when it returns. The name must be the kernel's own (/proc/kallsyms), with the suffix of
// the compiler: "name.isra.0". With Address, symbol is "".
//
// Needs CAP_PERFMON, and CAP_DAC_OVERRIDE where an event in tracefs is used; with
// kernel.perf_event_paranoid above 2 some kernels ask for CAP_SYS_ADMIN. ErrNotExist if there is no
// such function, with similar names as hint; EADDRNOTAVAIL if there are several (6.6); EILSEQ if no
// instruction starts at the offset; EINVAL if the kernel refuses probes there; ErrNotSupported on a
// kernel without kprobes. The caller closes the Link.
func (p *Program) AttachKprobe(symbol string, opts *KprobeOptions) (*Link, error) {
	if opts == nil {
		opts = &KprobeOptions{}
	}
	return p.attachKprobe(p.running(), symbol, *opts)
}

// text returns the place: "kprobe tcp_connect+0x4", "kretprobe 0xffffffff81000000".
func (o *KprobeOptions) text(symbol string) string {
	kind := "kprobe "
	if o.Return {
		kind = "kretprobe "
	}
	switch {
	case symbol == "":
		return fmt.Sprintf("%s%#x", kind, o.Address)
	case o.Offset != 0:
		return fmt.Sprintf("%s%s+%#x", kind, symbol, o.Offset)
	}
	return kind + symbol
}

func (o *KprobeOptions) check(symbol string) error {
	switch {
	case symbol == "" && o.Address == 0:
		return fmt.Errorf("neither a function nor an address is given: %w", syscall.EINVAL)
	case symbol != "" && o.Address != 0, symbol == "" && o.Offset != 0:
		return fmt.Errorf("an address goes without a function and without an offset: %w",
			syscall.EINVAL)
	case o.Offset > math.MaxUint32:
		return fmt.Errorf("the offset has more than 32 bits, and the kernel would ignore those above: %w", syscall.EINVAL)
	case strings.ContainsAny(symbol, " \t\n\x00"):
		return fmt.Errorf("%q is no name of a function: %w", symbol, syscall.EINVAL)
	}
	return nil
}

func (p *Program) attachKprobe(t tracing, symbol string, o KprobeOptions) (*Link, error) {
	to := o.text(symbol)
	if err := p.use(); err != nil {
		return nil, p.attachFail(to, err)
	}
	defer p.release()
	err := o.check(symbol)
	if err == nil {
		err = p.requireType("a kprobe", uapi.ProgKprobe)
	}
	var w probeWay
	if err == nil {
		w, err = p.probeWay(t, "kprobe", o.Mode, o.Cookie)
	}
	if err != nil {
		return nil, p.attachFail(to, err, kernel.CapPerfmon)
	}
	event, how, err := w.open(o.Cookie,
		func(pmu uint32) (*sys.FD, error) { return openKprobe(t, pmu, symbol, &o) },
		func() (*sys.FD, *probe.Event, error) { return openLegacyKprobe(t, symbol, &o) })
	if err != nil {
		return nil, p.kprobeFail(to, symbol, &o, err, w.need())
	}
	return p.attachPerf(to, event, how)
}

// openKprobe opens a perf event of the kprobe PMU.
func openKprobe(t tracing, pmu uint32, symbol string, o *KprobeOptions) (*sys.FD, error) {
	attr := sys.PerfEventAttr{Type: pmu, Config2: o.Offset}
	if o.Return {
		bit, err := t.EventSourceBit("kprobe", "retprobe")
		if err != nil {
			return nil, err
		}
		attr.Config |= 1 << bit
	}
	return onAnyCPU(func(cpu int) (*sys.FD, error) {
		if symbol == "" {
			attr.Config2 = o.Address
			return sys.PerfEventOpen(&attr, -1, cpu, -1, 0)
		}
		return sys.PerfEventOpenName(&attr, symbol, -1, cpu, -1, 0)
	})
}

// openLegacyKprobe defines an event in tracefs and opens it.
func openLegacyKprobe(t tracing, symbol string, o *KprobeOptions) (*sys.FD, *probe.Event, error) {
	if symbol == "" {
		return nil, nil, fmt.Errorf(
			"an address can only be probed through the kprobe PMU (4.17): %w", ErrNotSupported)
	}
	if module, _, ok := strings.Cut(symbol, ":"); ok {
		if err := pathname.Check(module); err != nil {
			return nil, nil, fmt.Errorf("there can't be such a module: %w: %w", err, syscall.EINVAL)
		}
		// tracefs would accept the event and wait for a module of that name. Built-in modules have
		// a directory there, too.
		if _, err := os.Stat(filepath.Join("/sys/module", module, "initstate")); err != nil {
			return nil, nil, fmt.Errorf("no module %s is loaded: %w", module, syscall.ENOENT)
		}
	}
	place := symbol + "+0x" + strconv.FormatUint(o.Offset, 16)
	root, err := t.Tracefs()
	if err != nil {
		return nil, nil, err
	}
	e, err := probe.Define(root, "kprobe", o.Return, place, symbol, o.Offset)
	if err != nil {
		return nil, nil, err
	}
	event, err := openTracepoint(e.ID)
	if err != nil {
		return nil, nil, joinErrors(fmt.Errorf("open perf event: %w", err), e.Undo())
	}
	return event, e, nil
}

// kprobeFail explains the kernel's refusal of a kprobe.
func (p *Program) kprobeFail(
	to, symbol string, o *KprobeOptions, err error, need []kernel.Capability,
) error {
	a := attempt{
		op: opKprobe, need: need, program: p, returns: o.Return, offsets: []uint64{o.Offset},
	}
	missing := errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) ||
		errors.Is(err, syscall.EADDRNOTAVAIL)
	if symbol != "" && missing && !errors.Is(err, ErrNotSupported) {
		if s, symbolErr := kernel.FindFunction(symbol); symbolErr == nil {
			a.symbol = s
			if s.Absent() && !errors.Is(err, ErrNotExist) {
				err = absentError{err} // newer kernels answer EINVAL for an event in tracefs
			}
		}
	}
	return a.attachFail(to, err)
}

// absentError is a refusal because the function doesn't exist, where the kernel gave another
// reason.
type absentError struct{ err error }

func (e absentError) Error() string {
	return "the kernel has no such function: " + e.err.Error()
}
func (e absentError) Unwrap() error        { return e.err }
func (e absentError) Is(target error) bool { return target == ErrNotExist }

// parseKprobe reads the text of SEC("kprobe/..."): a function's name, "+" and an offset (decimal,
// 0x, 0). rest is the text after the name that is no offset.
func parseKprobe(text string) (symbol string, offset int64, rest string, err error) {
	n := strings.IndexFunc(text, func(r rune) bool { return !isSymbolChar(r) })
	if n < 0 {
		return text, 0, "", symbolError(text)
	}
	symbol, rest = text[:n], text[n:]
	if strings.HasPrefix(rest, "+") {
		digits, after := cutNumber(strings.TrimLeft(rest[1:], " \t\n\v\f\r"))
		if digits != "" {
			if offset, err = strconv.ParseInt(digits, 0, 64); err != nil {
				return symbol, 0, rest, fmt.Errorf("offset %q: %w", digits, syscall.EINVAL)
			}
			rest = after
		}
	}
	return symbol, offset, rest, symbolError(symbol)
}

func symbolError(symbol string) error {
	if symbol == "" {
		return fmt.Errorf("it names no function: %w", syscall.EINVAL)
	}
	return nil
}

// isSymbolChar reports whether c may be in the name of a kernel function, as libbpf reads SEC().
func isSymbolChar(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' ||
		c == '.'
}

// cutNumber splits a C number (optional sign, prefix 0x or 0) off the start of s, "" if there is
// none.
func cutNumber(s string) (number, rest string) {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	digits := "0123456789"
	switch {
	case len(s) > i+2 && s[i] == '0' && (s[i+1] == 'x' || s[i+1] == 'X') &&
		strings.IndexByte("0123456789abcdefABCDEF", s[i+2]) >= 0:
		digits, i = "0123456789abcdefABCDEF", i+2
	case len(s) > i && s[i] == '0':
		digits = "01234567"
	}
	start := i
	for i < len(s) && strings.IndexByte(digits, s[i]) >= 0 {
		i++
	}
	if i == start {
		return "", s
	}
	return s[:i], s[i:]
}

// secTarget returns the SEC() text after the kind. errNothingToDo if the section is the bare kind.
func (p *Program) secTarget() (string, error) {
	_, target, ok := strings.Cut(p.section, "/")
	if !ok {
		return "", errNothingToDo
	}
	return target, nil
}

// secFail returns an error about the text of a section.
func (p *Program) secFail(err error) error {
	return p.fail("attach program", fmt.Errorf("SEC(%q): %w", p.section, err))
}

// noteRest logs the end of a section that has no meaning.
func (p *Program) noteRest(rest string) {
	if rest != "" {
		p.events().Warn("the end of the section means nothing", "object", p.ObjectName(), "program",
			p.name, "section", p.section, "end", rest)
	}
}

// autoKprobe attaches SEC("kprobe/function+offset") and SEC("kretprobe/function").
func (p *Program) autoKprobe() (*Link, error) {
	target, err := p.secTarget()
	if err != nil {
		return nil, err
	}
	symbol, offset, rest, err := parseKprobe(target)
	ret := strings.HasPrefix(p.section, "kretprobe")
	switch {
	case err != nil:
	case offset < 0:
		err = fmt.Errorf("the offset is less than 0: %w", syscall.EINVAL)
	case ret && offset != 0:
		err = fmt.Errorf("a kretprobe has no offset: %w", syscall.EINVAL)
	}
	if err != nil {
		return nil, p.secFail(err)
	}
	p.noteRest(rest)
	return p.AttachKprobe(symbol, &KprobeOptions{Return: ret, Offset: uint64(offset)})
}
