package refusal

import (
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/verifier"
	"github.com/purebpf/bpf/uapi"
)

// origin is where a value comes from.
type origin struct {
	kind  originKind
	place int    // in the path
	name  string // of the function that returned it, or that was called over it
	added string // a register that was added to it on the way, "r2"; the last one
	when  int    // place of that
}

type originKind uint8

const (
	unknown  originKind = iota
	returned            // by a function
	lost                // a call overwrote it
	loaded              // from memory
	constant
	context // the program's argument
	given   // to a callback, by a helper
	unset   // nothing on the path sets it
)

// instruction returns an instruction of the path as text, without what the verifier knows after it.
func (x *explainer) instruction(place int) string {
	line := x.log[x.path[place].at:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	_, text, _ := verifier.Instruction(line)
	if len(text) > 5 {
		return text[5:] // without the operation code "(b7) "
	}
	return ""
}

// trace follows a register back from before a place of the path.
func (x *explainer) trace(register string, place int) (o origin) {
	slot := "" // memory of the stack that holds the value
	for i := place - 1; i >= 0; i-- {
		text := x.instruction(i)
		to, from, assigns := strings.Cut(text, " = ")
		call, isCall := strings.CutPrefix(text, "call ")
		switch {
		case text == "exit":
			if register == "r0" && slot == "" {
				continue // the value of the function that ends here
			}
			if i = x.beforeCall(i); i < 0 {
				return o
			}
		case isCall:
			name := called(call)
			argument := slot == "" && register >= "r1" && register <= "r5" && register != "r10"
			switch {
			case strings.HasPrefix(name, "pc"): // the beginning of the function
				if !argument {
					return o
				}
			case x.enters(i):
				if argument {
					o.kind, o.place, o.name = given, i, name
				}
				return o
			case slot == "" && register == "r0":
				o.kind, o.place, o.name = returned, i, name
				return o
			case argument:
				o.kind, o.place, o.name = lost, i, name
				return o
			}
		case slot != "":
			if assigns && stackSlot(to) == slot {
				if from = wide(from); !isRegister(from) {
					o.kind, o.place = constant, i
					return o
				}
				register, slot = from, ""
			}
		case assigns && wide(to) == register:
			switch {
			case isRegister(wide(from)):
				register = wide(from)
			case stackSlot(from) != "":
				slot = stackSlot(from)
			case strings.HasPrefix(from, "*("):
				o.kind, o.place = loaded, i
				return o
			case isConstant(from):
				o.kind, o.place = constant, i
				return o
			}
		default:
			dst, src, ok := strings.Cut(text, " += ")
			if ok && wide(dst) == register && isRegister(wide(src)) && o.added == "" {
				o.added, o.when = wide(src), i
			}
		}
	}
	switch {
	case slot != "" || len(x.path) == 0:
	case x.path[0].insn != 0:
	case register == "r1":
		o.kind = context
	default:
		o.kind = unset
	}
	return o
}

// called returns the name of a function that is called: "bpf_map_lookup_elem#1", in old logs "1".
func called(call string) string {
	name, _, _ := strings.Cut(call, "#")
	name, _, _ = strings.Cut(name, " ")
	if n, rest, ok := number(name); ok && rest == "" && int(n) < len(uapi.HelperNames) && n > 0 {
		return uapi.HelperNames[n]
	}
	return name
}

// beforeCall returns the place of the call of the function that ends at a place, -1 if it is not on
// the path.
func (x *explainer) beforeCall(place int) int {
	depth := 0
	for ; place >= 0; place-- {
		switch text := x.instruction(place); {
		case text == "exit":
			depth++
		case strings.HasPrefix(text, "call ") && x.enters(place):
			if depth--; depth == 0 {
				return place
			}
		}
	}
	return -1
}

// enters reports whether a call leads into a function of the program: one that it calls, or a
// callback.
func (x *explainer) enters(place int) bool {
	return place+1 < len(x.path) && x.path[place+1].insn != x.path[place].insn+1
}

// wide returns the 64-bit register of which a text may name the half: "w1".
func wide(register string) string {
	register = strings.TrimPrefix(register, "(u32) ")
	if strings.HasPrefix(register, "w") {
		return "r" + register[1:]
	}
	return register
}

func isRegister(text string) bool {
	if len(text) < 2 || text[0] != 'r' {
		return false
	}
	n, rest, ok := number(text[1:])
	return ok && rest == "" && n <= 10
}

func isConstant(text string) bool {
	_, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		_, err = strconv.ParseUint(text, 0, 64)
	}
	return err == nil
}

// stackSlot returns the slot of a 64-bit access to the stack, "-8", else "".
func stackSlot(text string) string {
	slot, ok := strings.CutPrefix(text, "*(u64 *)(r10 ")
	if !ok || !strings.HasSuffix(slot, ")") {
		return ""
	}
	return strings.TrimSuffix(slot, ")")
}

// base returns the register through which an instruction accesses memory, "" for none.
func base(text string) string {
	_, after, ok := strings.Cut(text, " *)(")
	if !ok {
		return ""
	}
	register, _, _ := strings.Cut(after, " ")
	if !isRegister(register) {
		return ""
	}
	return register
}
