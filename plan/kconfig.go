package plan

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
)

// Kconfig externs live in the .kconfig map. Their values come from the caller's text first, then
// from the kernel's own configuration if anything is still unset. LINUX_* names are not
// configuration options but facts that BPF programs branch on.

// An extern may be an array of any length, and bytes that the kernel's configuration does not set
// are zero. So a large value is kept only up to the last byte that is set, and that byte must not
// lie further into the map than any real configuration puts it.
const (
	smallKconfig = 64 << 10 // values up to this size are kept whole
	maxKconfig   = 1 << 20
)

// resolveKconfig fills the value of the .kconfig map.
func (r *resolver) resolveKconfig() error {
	config := false
	for _, m := range r.o.Maps {
		if m.Kind == object.MapKconfig {
			given := m.Contents[:min(len(m.Contents), int(m.ValueSize))]
			r.kconfigSize = uint64(m.ValueSize)
			r.kconfig = make([]byte, max(min(int(m.ValueSize), smallKconfig), len(given)))
			copy(r.kconfig, given) // unset externs keep the caller's value
			break
		}
	}
	if r.kconfig == nil {
		return nil
	}
	for i := range r.p.Externs {
		x := &r.p.Externs[i]
		if x.Spec.Kind != object.ExternKconfig {
			continue
		}
		if strings.HasPrefix(x.Spec.Name, "CONFIG_") {
			config = true
			continue
		}
		v, err := r.virtualKconfig(x.Spec)
		if err == nil {
			if err = r.setNumber(x, v, true); err != nil {
				err = r.fail("extern", x.Spec.Name, CodeInvalid, "", err)
			}
		}
		if err := r.tolerate(err); err != nil {
			return err
		}
	}
	if !config {
		return nil
	}
	if r.opts.Kconfig != "" {
		if err := r.readKconfig([]byte(r.opts.Kconfig), "the given Kconfig text"); err != nil {
			return err
		}
		if !r.unsetKconfig() {
			return nil
		}
	}
	text, err := r.k.Kconfig()
	if err != nil {
		return r.tolerate(r.fail("extern", "", CodeInvalid,
			"the kernel's configuration cannot be read", err))
	}
	return r.readKconfig(text, "the kernel's configuration")
}

func (r *resolver) unsetKconfig() bool {
	for i := range r.p.Externs {
		if x := &r.p.Externs[i]; x.Spec.Kind == object.ExternKconfig && !x.Found {
			return true
		}
	}
	return false
}

// virtualKconfig returns the value of a name that is not a configuration option.
func (r *resolver) virtualKconfig(e *object.Extern) (uint64, error) {
	switch e.Name {
	case "LINUX_KERNEL_VERSION":
		v := r.k.Version()
		if v == 0 {
			return 0, r.fail("extern", e.Name, CodeInvalid, "the kernel's version is unknown",
				nil)
		}
		return uint64(v), nil
	case "LINUX_HAS_BPF_COOKIE":
		return truth(r.has(facts.BPFCookie)), nil
	case "LINUX_HAS_SYSCALL_WRAPPER":
		return truth(r.has(facts.SyscallWrapper)), nil
	}
	if !strings.HasPrefix(e.Name, "LINUX_") {
		return 0, r.fail("extern", e.Name, CodeInvalid,
			"neither a CONFIG_ nor a LINUX_ name, so it cannot be a __kconfig extern", nil)
	}
	if !e.Weak {
		return 0, r.fail("extern", e.Name, CodeInvalid,
			"unknown LINUX_ name; declare it __weak to get 0 where it is unknown", nil)
	}
	return 0, nil
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// readKconfig sets every extern that has no value yet to its first value in text.
func (r *resolver) readKconfig(text []byte, source string) error {
	find := r.kconfigExterns()
	for line := 1; len(text) > 0; line++ {
		s, rest, _ := bytes.Cut(text, []byte{'\n'})
		text = rest
		if !bytes.HasPrefix(s, []byte("CONFIG_")) {
			continue
		}
		name, value, ok := bytes.Cut(s, []byte{'='})
		var err error
		switch {
		case !ok:
			err = errors.New("no '='")
		case len(value) == 0:
			err = errors.New("no value")
		default:
			if x := find(name); x != nil && !x.Found {
				err = r.setKconfig(x, string(value))
			}
		}
		if err != nil {
			return r.fail("extern", string(name), CodeInvalid, "line "+strconv.Itoa(line)+" of "+
				source, err)
		}
	}
	return nil
}

// kconfigExterns returns a function that finds kconfig externs by name.
func (r *resolver) kconfigExterns() func(name []byte) *Extern {
	byName := make(map[string]*Extern, len(r.p.Externs))
	for i := range r.p.Externs {
		if x := &r.p.Externs[i]; x.Spec.Kind == object.ExternKconfig && byName[x.Spec.Name] == nil {
			byName[x.Spec.Name] = x
		}
	}
	return func(name []byte) *Extern { return byName[string(name)] }
}

// setKconfig stores one configuration value. Its first character decides the kind of value.
func (r *resolver) setKconfig(x *Extern, value string) error {
	switch value[0] {
	case 'y', 'n', 'm':
		return r.setTristate(x, value[0])
	case '"':
		return r.setString(x, value)
	}
	n, err := parseNumber(value)
	if err != nil {
		return err
	}
	return r.setNumber(x, n, false)
}

func (r *resolver) setTristate(x *Extern, c byte) error {
	v := map3(c)
	switch x.Spec.Type {
	case object.KconfigBool:
		if c == 'm' {
			return errors.New("m (module) does not fit a bool; use enum libbpf_tristate")
		}
	case object.KconfigTristate:
	case object.KconfigChar:
		v = uint64(c)
	default:
		return errors.New("value " + string(c) + " needs a bool, enum libbpf_tristate or char")
	}
	return r.store(x, v)
}

// map3 returns the value of enum libbpf_tristate for c.
func map3(c byte) uint64 {
	switch c {
	case 'y':
		return 1
	case 'm':
		return 2
	}
	return 0
}

func (r *resolver) setString(x *Extern, value string) error {
	if x.Spec.Type != object.KconfigCharArray {
		return errors.New("a string needs a char array")
	}
	if len(value) < 2 || value[len(value)-1] != '"' {
		return errors.New("the string has no closing quote")
	}
	value = value[1 : len(value)-1]
	if x.Spec.Size == 0 {
		return errors.New("the char array has no room")
	}
	if room := int(x.Spec.Size) - 1; len(value) > room {
		r.event(EventWarning, x.Spec.Name, "value \""+value+"\" is cut to "+strconv.Itoa(room)+
			" characters")
		value = value[:room]
	}
	dst, err := r.kconfigBytes(x.Spec, len(value))
	if err != nil {
		return err
	}
	copy(dst, value)
	start := uint64(x.Spec.Offset)
	end := min(start+uint64(x.Spec.Size), uint64(len(r.kconfig)))
	clear(r.kconfig[min(start+uint64(len(value)), end):end])
	x.Found, x.Text = true, value
	return nil
}

// setNumber stores an integer. In configuration text it is valid only for an int or char, for a
// virtual name also for a bool.
func (r *resolver) setNumber(x *Extern, v uint64, virtual bool) error {
	e := x.Spec
	switch e.Type {
	case object.KconfigInt, object.KconfigChar:
	case object.KconfigBool:
		if !virtual {
			return errors.New("a number does not fit a bool")
		}
		if v > 1 {
			return errors.New("value " + strconv.FormatUint(v, 10) + " does not fit a bool")
		}
	default:
		return errors.New("a number needs an integer")
	}
	bits := e.Size * 8
	if e.Size < 8 {
		fits := v>>bits == 0
		if e.Signed {
			fits = v+1<<(bits-1) < 1<<bits
		}
		if !fits {
			return &Error{Object: r.o.Name, What: "extern", Name: e.Name, Insn: -1, Code: CodeRange,
				Text: "value " + strconv.FormatInt(int64(v), 10) + " does not fit " +
					strconv.Itoa(int(bits)) + " bits"}
		}
	}
	return r.store(x, v)
}

// store writes v into the extern's bytes, in the object's byte order.
func (r *resolver) store(x *Extern, v uint64) error {
	dst, err := r.kconfigBytes(x.Spec, int(x.Spec.Size))
	if err != nil {
		return err
	}
	switch len(dst) {
	case 1:
		dst[0] = byte(v)
	case 2:
		r.order.PutUint16(dst, uint16(v))
	case 4:
		r.order.PutUint32(dst, uint32(v))
	case 8:
		r.order.PutUint64(dst, v)
	}
	x.Found, x.Value = true, v
	return nil
}

// kconfigBytes returns the first n bytes of an extern's value in the .kconfig map. n is at most the
// extern's size.
func (r *resolver) kconfigBytes(e *object.Extern, n int) ([]byte, error) {
	start := uint64(e.Offset)
	end := start + uint64(n)
	switch {
	case end <= uint64(len(r.kconfig)):
	case end > r.kconfigSize:
		return nil, nil // the application made the map smaller
	case end > maxKconfig:
		return nil, errors.New("its value would lie " + strconv.FormatUint(start, 10) +
			" bytes into .kconfig, " +
			"after arrays longer than any configuration value: make them shorter")
	default:
		r.kconfig = append(r.kconfig, make([]byte, end-uint64(len(r.kconfig)))...)
	}
	return r.kconfig[start:end], nil
}

// parseNumber parses the numbers of C's strtoull with base 0. Nothing may follow the number.
func parseNumber(s string) (uint64, error) {
	digits := strings.TrimLeft(s, " \t\v\f\r")
	neg := false
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		neg = digits[0] == '-'
		digits = digits[1:]
	}
	base := 10
	switch {
	case len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x':
		base, digits = 16, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return 0, errors.New("value " + strconv.Quote(s) + " is not an integer")
	}
	if neg {
		n = math.MaxUint64 - n + 1
	}
	return n, nil
}
