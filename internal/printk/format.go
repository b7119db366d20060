package printk

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
)

// Formats are the formats that the programs of an object print with (bpf_printk).
type Formats struct {
	list []string
	// Unknown means that a program has a format that is not a constant: any message may be its.
	Unknown bool
	own     *regexp.Regexp
}

// The helpers that print.
const (
	tracePrintk  = 6
	traceVprintk = 177
)

// maxFormat is the length of the longest format that is turned into a pattern.
const maxFormat = 1 << 12

// FormatsOf returns the formats of an object's programs and subprograms.
func FormatsOf(o *object.Object) *Formats {
	f := &Formats{}
	for _, p := range o.Programs {
		f.add(&p.Function)
	}
	for _, p := range o.Subprogs {
		f.add(p)
	}
	var all []string
	conversion := regexp.MustCompile(conversions)
	for _, format := range f.list {
		all = append(all, pattern(conversion, format))
	}
	if len(all) > 0 {
		var err error
		f.own, err = regexp.Compile(`(?s)\A(?:` + strings.Join(all, "|") + `)\z`)
		if err != nil { // it is too large
			f.own, f.Unknown = nil, true
		}
	}
	return f
}

// None reports whether no program prints.
func (f *Formats) None() bool { return len(f.list) == 0 && !f.Unknown }

// Match reports whether a message may come from the object's programs.
func (f *Formats) Match(message string) bool {
	return f.Unknown || f.own != nil && f.own.MatchString(message)
}

// add adds the formats of a function.
func (f *Formats) add(p *object.Function) {
	targets := jumpTargets(p.Insns)
	for i, insn := range p.Insns {
		if !insn.IsHelperCall() || insn.Imm != tracePrintk && insn.Imm != traceVprintk {
			continue
		}
		format, ok := firstArgument(p, i, targets)
		if !ok || len(format) > maxFormat || !utf8.ValidString(format) {
			f.Unknown = true
		} else if !slices.Contains(f.list, format) {
			f.list = append(f.list, format)
		}
	}
}

// firstArgument returns the constant string that a call at an instruction has in R1, if it is
// loaded before the call and no jump leads in between.
func firstArgument(p *object.Function, call int, targets map[int]bool) (string, bool) {
	for i := call - 1; i >= 0 && !targets[i+1]; i-- {
		insn := p.Insns[i]
		if insn.IsCall() || insn.Op.IsJump() {
			return "", false
		}
		if insn.Dst() != 1 || insn.Op.Class() == asm.ClassST || insn.Op.Class() == asm.ClassSTX {
			continue
		}
		if !insn.IsLdImm64() {
			// Perhaps the second slot of a load.
			if insn.Op == 0 {
				continue
			}
			return "", false
		}
		for _, r := range p.Relocs {
			if r.Insn == i && r.Kind == object.RelocData && r.Map.Kind == object.MapRodata {
				return stringAt(r.Map.Contents, r.SymValue+uint64(uint32(insn.Imm)))
			}
		}
		return "", false
	}
	return "", false
}

func stringAt(data []byte, offset uint64) (string, bool) {
	if offset >= uint64(len(data)) {
		return "", false
	}
	end := bytes.IndexByte(data[offset:], 0)
	if end < 0 {
		return "", false
	}
	return string(data[offset:][:end]), true
}

// jumpTargets returns the instructions that jumps lead to.
func jumpTargets(insns []asm.Instruction) map[int]bool {
	targets := map[int]bool{}
	for i, insn := range insns {
		if offset, ok := insn.JumpDistance(); ok {
			targets[i+1+int(offset)] = true
		}
	}
	return targets
}

// conversions matches a conversion of the kernel's printf: %d, %-16s, %llx, %pI4, %pks.
const conversions = `%[-+ #0]*[0-9]*(?:\.[0-9]+)?(?:hh|h|ll|l|z|t)?(?:p[A-Za-z0-9]*|.)`

// pattern returns the regular expression of what a format can print.
func pattern(conversion *regexp.Regexp, format string) string {
	format = strings.TrimSuffix(format, "\n")
	var b strings.Builder
	at := 0
	for _, m := range conversion.FindAllStringIndex(format, -1) {
		b.WriteString(regexp.QuoteMeta(format[at:m[0]]))
		switch c := format[m[0]:m[1]]; c[len(c)-1] {
		case '%':
			b.WriteByte('%')
		case 'd', 'i', 'u':
			b.WriteString(` *[-+]?[0-9]+ *`)
		case 'x', 'X', 'o':
			b.WriteString(` *(?:0[xX])?[0-9a-fA-F]+ *`)
		default:
			b.WriteString(`.*`)
		}
		at = m[1]
	}
	b.WriteString(regexp.QuoteMeta(format[at:]))
	return b.String()
}
