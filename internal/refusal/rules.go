package refusal

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// rule explains a verdict.
type rule struct {
	verdict string // a regular expression
	explain func(x *explainer, m []string)
}

// reason explains the verdicts by the first rule that fits one of them.
func (x *explainer) reason() {
	for i, r := range rules() {
		for _, verdict := range x.r.Verdicts {
			if m := patterns()[i].FindStringSubmatch(verdict); m != nil {
				r.explain(x, m)
				return
			}
		}
	}
	// Of an unknown verdict, say at least where the register comes from that it names.
	if register := x.named(); register != "" {
		who, from, _ := x.value(register)
		if from != "" {
			x.out.Reason = who + ": " + from
		}
	}
}

// named returns the register that the verdict names, "" for none.
func (x *explainer) named() string {
	for _, word := range strings.Fields(x.out.Kernel) {
		if register := strings.Replace(word, "R", "r", 1); word[0] == 'R' && isRegister(register) {
			return register
		}
	}
	return ""
}

// patterns are the rules' regular expressions.
func patterns() []*regexp.Regexp {
	compiled.once.Do(func() {
		for _, r := range rules() {
			compiled.list = append(compiled.list, regexp.MustCompile(r.verdict))
		}
	})
	return compiled.list
}

var compiled struct {
	once sync.Once
	list []*regexp.Regexp
}

// value traces a register: it returns what to call it, where it comes from, and its name in the
// source, "" if that isn't known.
func (x *explainer) value(register string) (who, from, name string) {
	o := x.trace(register, x.place)
	x.known(register)
	from = x.from(o)
	if name = x.variable(o); name != "" {
		return fmt.Sprintf("%s (%s)", name, register), from, name
	}
	return register, from, ""
}

// known sets what the verifier knows of a register before the refused instruction.
func (x *explainer) known(register string) {
	name := "R" + register[1:]
	end := len(x.log)
	if x.place < len(x.path) {
		end = int(x.path[x.place].at)
	}
	start := 0
	if x.place > 0 && x.place-1 < len(x.path) {
		start = int(x.path[max(x.place-8, 0)].at)
	}
	for text := x.log[start:end]; ; {
		at := strings.Index(text, name)
		if at < 0 {
			return
		}
		before := at == 0 || text[at-1] == ' '
		text = text[at+len(name):]
		suffix, value, ok := strings.Cut(text, "=") // "R1=" or, until 6.9, "R1_w="
		if ok && before && (suffix == "" || suffix[0] == '_' && len(suffix) <= 4) {
			x.out.Known = name + "=" + state(value)
		}
	}
}

// state returns what the verifier knows of a register from the start of a text: a word whose
// parentheses may hold spaces.
func state(text string) string {
	depth := 0
	for i, c := range []byte(text) {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '\n' || c == ' ' && depth <= 0:
			return text[:i]
		}
	}
	return text
}

func (x *explainer) say(format string, args ...any) {
	x.out.Reason = fmt.Sprintf(format, args...)
}

func (x *explainer) write(format string, args ...any) { x.out.Write = fmt.Sprintf(format, args...) }

// and joins what is known with "; ".
func and(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + "; " + second
}

// or returns text, or what stands for it.
func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// mayBeNull explains a pointer that wasn't checked.
func (x *explainer) mayBeNull(register string) {
	o := x.trace(register, x.place)
	who, from, name := x.value(register)
	if o.kind == constant {
		x.say("%s is NULL: %s", who, from)
		x.write("pass a pointer that is not NULL")
		return
	}
	way := ""
	if o.kind == returned || o.kind == loaded {
		if way = x.lineNumbers(o.place); way != "" {
			way = " on the path " + way
		}
	}
	if from == "" {
		from = "it"
	} else {
		from += " and"
	}
	x.say("%s may be NULL: %s isn't checked%s", who, from, way)
	if name == "" {
		x.write("keep the pointer in a variable p, and check that: if (!p) return 0;  before %s",
			x.here())
		return
	}
	x.write("if (!%s) return 0;  before %s", name, x.here())
}

// outside explains an access of size bytes at off of something that has have bytes.
func (x *explainer) outside(what, off, size, have string) {
	x.say("the access of %s bytes at offset %s is outside of %s, which has %s bytes", size, off,
		what,
		have)
	x.write("check the index before %s: if (index >= number of elements) return 0;", x.here())
}

// release says what ends the possession of what a function returned.
func release(function string) string {
	switch {
	case strings.HasPrefix(function, "bpf_ringbuf_reserve"):
		return "bpf_ringbuf_submit or bpf_ringbuf_discard"
	case strings.HasPrefix(function, "bpf_sk") || strings.HasPrefix(function, "bpf_skc"):
		return "bpf_sk_release"
	case strings.Contains(function, "kptr_xchg") || strings.HasPrefix(function, "bpf_obj_new"):
		return "bpf_obj_drop, or a kfunc that takes it"
	case strings.HasPrefix(function, "bpf_task_"):
		return "bpf_task_release"
	case strings.HasPrefix(function, "bpf_cgroup_"):
		return "bpf_cgroup_release"
	case strings.Contains(function, "_ct_"):
		return "bpf_ct_release"
	}
	return "the function that releases it"
}

// rules are in the order in which they are tried.
func rules() []rule {
	return append(memoryRules(), programRules()...)
}

func memoryRules() []rule {
	return []rule{
		{`R(\d+) invalid mem access '\w*_or_null_?'`, func(x *explainer, m []string) {
			x.mayBeNull("r" + m[1])
		}},
		{`R(\d+) pointer arithmetic on \w+_or_null\w* prohibited`, func(x *explainer, m []string) {
			x.mayBeNull("r" + m[1])
		}},
		{`R(\d+) type=\w*_or_null\w* expected=`, func(x *explainer, m []string) {
			x.mayBeNull("r" + m[1])
		}},
		{`Possibly NULL pointer passed to (?:\w+ )?arg#?(\d)`, func(x *explainer, m []string) {
			x.mayBeNull("r" + string(m[1][0]+1))
		}},
		{`R(\d+) invalid mem access '(?:inv|scalar)'`, func(x *explainer, m []string) {
			who, from, name := x.value("r" + m[1])
			x.say("%s", and("to the verifier "+
				who+" is a number, not a pointer that programs may follow",
				from))
			name = or(name, "pointer")
			x.write("bpf_probe_read_kernel(&copy, sizeof(copy), %s) if it is an address of the kernel "+
				"(BPF_CORE_READ for fields), bpf_probe_read_user if it is one of user space", name)
		}},
		{`R(\d+) invalid mem access '([^']+)'`, func(x *explainer, m []string) {
			who, from, _ := x.value("r" + m[1])
			x.say("%s", and(who+" is "+m[2]+": the program can't access memory through it", from))
			x.write("use the helper or kfunc for it, or bpf_probe_read_kernel")
		}},
		{`R(\d+) !read_ok`, func(x *explainer, m []string) {
			register := "r" + m[1]
			o := x.trace(register, x.place)
			switch {
			case o.kind == lost:
				x.from(o)
				x.say("%s has no value: the call of %s at %s overwrote r0 to r5", register, o.name,
					x.where(o.place))
				x.write("set the variable on every path before %s, also after calls", x.here())
			case register == "r0" && strings.HasSuffix(x.r.InsnText, "exit"):
				x.say("the function ends without a value on this path")
				x.write("return 0; at its end, on every path")
			default:
				x.say("%s has no value: nothing on this path sets it", register)
				x.write("give the variable a value where it is declared")
			}
		}},
		{`invalid access to map value, value_size=(\d+) off=(-?\d+) size=(\d+)`,
			func(x *explainer, m []string) {
				x.index()
				x.outside("the map's value", m[2], m[3], m[1])
			}},
		{`invalid access to (?:memory|key), (?:mem_size|key_size)=(\d+) off=(-?\d+) size=(\d+)`,
			func(x *explainer, m []string) {
				x.index()
				x.outside("the memory", m[2], m[3], m[1])
			}},
		{`invalid access to packet, off=(-?\d+) size=(\d+), R(\d+)`,
			func(x *explainer, m []string) {
				who, from, name := x.value("r" + m[3])
				x.say("%s", and(fmt.Sprintf(
					"no comparison with data_end on this path covers the %s bytes at "+
						"offset %s from %s", m[2], m[1], who), from))
				x.write("if ((void *)%s + %s + %s > data_end) return ...;  before %s",
					or(name, "pointer"),
					m[1], m[2], x.here())
			}},
		{`R(\d+) offset is outside of the packet`, func(x *explainer, m []string) {
			who, from, name := x.value("r" + m[1])
			x.say("%s", and("no comparison with data_end on this path covers the access at "+who,
				from))
			x.write("if ((void *)%s + size > data_end) return ...;  before %s", or(name, "pointer"),
				x.here())
		}},
		{`R(\d+) min value is negative`, func(x *explainer, m []string) {
			x.index()
			x.say("the index or length in r%s may be negative: nothing on this path excludes that",
				m[1])
			x.write("make the variable unsigned, or check before %s: if (n < 0) return 0;",
				x.here())
		}},
		{`R(\d+) (?:min|max) value is outside of the`, func(x *explainer, m []string) {
			x.index()
			x.say("the index that was added to r%s may be beyond the end: nothing on this path limits it "+
				"enough", m[1])
			x.write("check before %s: if (index >= number of elements) return 0;", x.here())
		}},
		{`R(\d+) unbounded memory access|R(\d+) unbounded`, func(x *explainer, m []string) {
			x.index()
			x.say("nothing on this path limits the index or length in r%s", or(m[1], m[2]))
			x.write("check before %s: if (n > sizeof(buffer)) return 0;", x.here())
		}},
		{`R(\d+) invalid zero-sized read`, func(x *explainer, m []string) {
			who, from, _ := x.value("r" + m[1])
			x.say("%s", and("the length in "+who+" may be 0, which this helper doesn't take", from))
			x.write("if (length == 0) return 0;  before %s", x.here())
		}},
		{`variable-offset (?:read|write|access)|variable .*stack`, func(x *explainer, m []string) {
			x.say("an array on the stack is accessed with an index that isn't constant and not limited " +
				"to the part that was written")
			x.write("limit the index to the array and clear the array before (= {}), or keep the array " +
				"in a per-CPU array map")
		}},
		{`invalid (?:indirect )?(?:read|access) (?:from|to) stack|invalid read from stack`,
			func(x *explainer, m []string) {
				x.say("the program uses bytes of its stack that nothing on this path has written, or that " +
					"are outside of the variable; padding of structs counts, too")
				x.write("clear the variable where it is declared (= {} or __builtin_memset for padding), " +
					"and pass its own size")
			}},
		{`invalid (?:\w+ )?(?:write|stack type|stack)`, func(x *explainer, m []string) {
			x.say("the access is outside of the stack, which has 512 bytes, or of the variable there")
			x.write("make the variable larger or the access smaller; large ones belong in a per-CPU array " +
				"map")
		}},
		{`invalid bpf_context access off=(\d+) size=(\d+)`, func(x *explainer, m []string) {
			x.say("programs of this type may not access the %s bytes at offset %s of their context in "+
				"this way", m[2], m[1])
			x.write("use a field that this program type may access, whole and with its own size; the " +
				"struct in linux/bpf.h, or for tracepoints and BTF the arguments, says which there are")
		}},
		{`dereference of modified (\w+) ptr R(\d+) off=(-?\d+)`, func(x *explainer, m []string) {
			x.say("r%s is a %s pointer to which %s bytes were added: fields are only accessible from the "+
				"unchanged pointer", m[2], m[1], m[3])
			x.write("access the field as pointer->field in one expression, or pass the pointer unchanged")
		}},
		{`cannot write into (\w+)|only read is supported|write into map forbidden|[Ww]rite to .*` +
			`(?:forbidden|disallowed)|cannot access ptr member|cannot write`,
			func(x *explainer, m []string) {
				x.say("%s may only be read, like constants, keys of maps and most structs of the kernel",
					or(m[1], "this memory"))
				x.write("change a copy on the stack")
			}},
		{`misaligned (\w+) access off`, func(x *explainer, m []string) {
			x.say("the access to the %s isn't aligned to its size", m[1])
			x.write("mark the struct __attribute__((packed)), or copy with __builtin_memcpy")
		}},
		{`access beyond (?:struct|the end of)`, func(x *explainer, m []string) {
			x.say("the access goes beyond the end of the struct or field as this kernel has it")
			x.write("access the field with BPF_CORE_READ or a struct with preserve_access_index, which " +
				"fits it to the kernel")
		}},
		{`R(\d+) (?:must be|is not a) (.*)`, func(x *explainer, m []string) {
			who, from, _ := x.value("r" + m[1])
			x.say("%s", and(who+" must be "+m[2]+": the verifier doesn't trust it", from))
			x.write("take the pointer from the program's arguments, or acquire it with a kfunc")
		}},
		{`R(\d+) type=(\S+) expected=(.*)`, func(x *explainer, m []string) {
			who, from, _ := x.value("r" + m[1])
			kind := strings.TrimSuffix(m[2], ",")
			if kind == "inv" || kind == "scalar" {
				kind = "number"
			}
			x.say("%s", and(fmt.Sprintf("argument %s of the call, %s, is a %s; it must be %s", m[1],
				who,
				kind, m[3]), from))
			x.write("pass what the function declares; fp is the address of a variable on the stack")
		}},
		{`R(\d+) (?:pointer|bitwise|tried to (?:add|subtract))|pointer \S+ pointer prohibited|` +
			`math between|pointer comparison prohibited`, func(x *explainer, m []string) {
			if m[1] != "" {
				x.value("r" + m[1])
			}
			x.say("the program calculates with a pointer in a way that isn't allowed: only numbers with " +
				"known limits may be added to it")
			x.write("limit the number before it is added to the pointer")
		}},
		{`R(\d+) leaks addr`, func(x *explainer, m []string) {
			x.value("r" + m[1])
			x.say("a pointer would leave the program, which needs CAP_PERFMON")
			x.write("store a number instead of the pointer, or load with CAP_PERFMON")
		}},
	}
}

// index looks for the number that was added to the pointer of the refused instruction, else the
// register of the verdict.
func (x *explainer) index() {
	register := base(x.r.InsnText)
	if register == "" {
		register = x.named()
	}
	if register == "" {
		return
	}
	o := x.trace(register, x.place)
	if o.added != "" {
		register = o.added
		o = x.trace(register, o.when)
	}
	x.known(register)
	x.from(o)
}
