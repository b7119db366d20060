package usdt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/elf64"
)

// # Arguments
//
// The arguments of a probe are a list of "SIZE@OPERAND", separated by blanks. SIZE is 1, 2, 4 or 8
// bytes, negative for signed values; OPERAND is in the notation of the assembler: a constant, a
// register, memory at a register and an offset, on x86 also with an index register and a scale. Its
// form depends on the processor, and it may contain a blank ("[sp, 60]"). A BPF program finds
// registers in struct pt_regs, so the tables map the name of a register to an offset in bytes.

// MaxArgs is the maximum number of arguments in usdt.bpf.h (BPF_USDT_MAX_ARG_CNT).
const MaxArgs = 12

// ArgKind is where an argument is, enum __bpf_usdt_arg_type.
type ArgKind uint8

const (
	Const    ArgKind = 0 // Value
	Reg      ArgKind = 1 // in Reg
	RegDeref ArgKind = 2 // in memory at Reg + Value
	SIB      ArgKind = 3 // in memory at Reg + Index<<Scale + Value
)

// Arg is the place of one argument of a probe.
type Arg struct {
	Kind   ArgKind
	Value  int64 // the constant, or an offset in bytes
	Reg    int   // offset in struct pt_regs
	Index  int   // offset in struct pt_regs
	Scale  int   // Index is shifted left by Scale
	Size   int   // in bytes: 1, 2, 4, 8
	Signed bool
}

// ArgError reports an argument of a probe that cannot be read.
type ArgError struct {
	Args  string
	Index int // from 0
	Msg   string
	Err   error // errors.ErrUnsupported if the form is known but not supported; else nil
}

// Error names the argument and what is wrong with it.
func (e *ArgError) Error() string {
	return fmt.Sprintf("argument %d of %q: %s", e.Index, e.Args, e.Msg)
}

// Unwrap returns Err.
func (e *ArgError) Unwrap() error { return e.Err }

// Supported reports whether the arguments of that machine's probes can be read.
func Supported(m elf64.Machine) bool { return machineOf(m) != nil }

// ParseArgs parses the arguments of a probe in a file for machine m. Errors are *ArgError.
func ParseArgs(m elf64.Machine, text string) ([]Arg, error) {
	var list []Arg
	c := cursor{text: text}
	fail := func(msg string, err error) error {
		return &ArgError{Args: text, Index: len(list), Msg: msg, Err: err}
	}
	machine := machineOf(m)
	for c.blanks(); !c.end(); c.blanks() {
		if machine == nil {
			return nil, fail(fmt.Sprintf("the operands of ELF machine %d are not known", m),
				errors.ErrUnsupported)
		}
		if len(list) == MaxArgs {
			return nil, fail(fmt.Sprintf("more than %d arguments", MaxArgs), errors.ErrUnsupported)
		}
		size, ok := c.number()
		if !ok || !c.accept('@') {
			return nil, fail(fmt.Sprintf("%q does not start with a size and an @", c.rest()), nil)
		}
		a := Arg{Size: int(size), Signed: size < 0}
		if a.Signed {
			a.Size = int(-size)
		}
		switch size {
		case 1, 2, 4, 8, -1, -2, -4, -8:
		default:
			return nil, fail(fmt.Sprintf("a size of %d bytes", size), nil)
		}
		start := c
		if msg := machine.operand(&c, machine, &a); msg != "" {
			return nil, fail(msg, nil)
		}
		if !c.end() && !c.blank() {
			return nil, fail(fmt.Sprintf("%q is not an operand", strings.TrimSpace(start.rest())),
				nil)
		}
		list = append(list, a)
	}
	return list, nil
}

// cursor is a position in a text.
type cursor struct {
	text string
	at   int
}

func (c *cursor) end() bool    { return c.at >= len(c.text) }
func (c *cursor) rest() string { return c.text[c.at:] }
func (c *cursor) blank() bool  { return !c.end() && (c.text[c.at] == ' ' || c.text[c.at] == '\t') }

func (c *cursor) blanks() {
	for c.blank() {
		c.at++
	}
}

// accept skips blanks and then b, if b is there.
func (c *cursor) accept(b byte) bool {
	start := c.at
	c.blanks()
	if c.end() || c.text[c.at] != b {
		c.at = start
		return false
	}
	c.at++
	return true
}

// number reads a signed decimal or hexadecimal number.
func (c *cursor) number() (int64, bool) {
	start := c.at
	c.blanks()
	from := c.at
	for !c.end() && (c.at == from && (c.text[c.at] == '-' || c.text[c.at] == '+') ||
		isWord(c.text[c.at])) {
		c.at++
	}
	text := c.text[from:c.at]
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		var u uint64 // some compilers write unsigned constants
		u, err = strconv.ParseUint(text, 0, 64)
		n = int64(u)
	}
	if err != nil {
		c.at = start
	}
	return n, err == nil
}

// word reads letters and digits.
func (c *cursor) word() string {
	c.blanks()
	from := c.at
	for !c.end() && isWord(c.text[c.at]) {
		c.at++
	}
	return c.text[from:c.at]
}

func isWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
