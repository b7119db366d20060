package core

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// cMember is a member of a random struct or union.
type cMember struct {
	name  string
	base  string // "u32", "struct S1", "void *", ...; unused if sub is set
	dims  []int  // of an array
	bits  int    // of a bitfield
	sub   []cMember
	union bool // sub is a union
	fn    bool // pointer to a function
}

// cRandom writes two C files with the same types that differ in the details.
type cRandom struct {
	*rand.Rand
	structs map[string][]cMember
	union   map[string]bool
	names   []string
}

const cPrelude = `typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64;
typedef u32 myint; typedef volatile const s16 odd; typedef u8 bytes_t[6]; struct never;
`

var (
	cScalars = []string{"u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "char", "_Bool",
		"myint", "odd", "void *", "struct never *", "char *",
		"enum E0", "enum E1", "enum E2", "double", "long *", "const u32", "union U9 *", "bytes_t"}
	cUnsigned = []string{"u8", "u16", "u32", "u64", "char", "_Bool", "myint"}
	cBitTypes = []string{"u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "_Bool", "enum E0"}
	cBits     = map[string]int{"u8": 8, "u16": 16, "u32": 32, "u64": 64, "s8": 8, "s16": 16,
		"s32": 32, "s64": 64, "_Bool": 1, "enum E0": 30}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (r *cRandom) chance(percent int) bool { return r.IntN(100) < percent }

// member returns a member that may hold structs of r.names[:depth] by value.
func (r *cRandom) member(name string, depth int) cMember {
	m := cMember{name: name, base: pick(r.Rand, cScalars)}
	switch {
	case r.chance(20):
		m.base = pick(r.Rand, cBitTypes)
		m.bits = 1 + r.IntN(cBits[m.base])
	case r.chance(20) && depth > 0:
		n := r.names[r.IntN(depth)]
		m.base = r.tag(n) + " " + n
	case r.chance(10) && len(r.names) > 0:
		m.base = r.tag(r.names[0]) + " " + r.names[0] + " *"
	case r.chance(6):
		m.fn = true
	}
	if m.bits == 0 && !m.fn && r.chance(25) {
		for range 1 + r.IntN(2) {
			m.dims = append(m.dims, 1+r.IntN(5))
		}
	}
	return m
}

func (r *cRandom) tag(name string) string {
	if r.union[name] {
		return "union"
	}
	return "struct"
}

// members returns a list of n members named from prefix, some in unnamed and named substructs.
func (r *cRandom) members(prefix string, n, depth, nest int) []cMember {
	var list []cMember
	for i := range n {
		name := prefix + strconv.Itoa(i)
		if nest > 0 && r.chance(15) {
			sub := cMember{sub: r.members(name+"_", 1+r.IntN(4), depth, nest-1),
				union: r.chance(40)}
			if sub.union {
				noBits(sub.sub)
			}
			if r.chance(50) {
				sub.name = name
			}
			list = append(list, sub)
			continue
		}
		list = append(list, r.member(name, depth))
	}
	return list
}

// noBits changes the bitfields of a union to plain members: clang does not read them.
func noBits(list []cMember) {
	for i := range list {
		list[i].bits = 0
	}
}

// mutate returns the target's version of a list of members.
func (r *cRandom) mutate(list []cMember, depth int) []cMember {
	var out []cMember
	for _, m := range list {
		switch p := r.IntN(100); {
		case p < 6:
			continue
		case p < 14:
			m = r.member(m.name, depth)
			if m.name == "" {
				continue
			}
		case p < 20 && len(m.dims) > 0:
			m.dims = append([]int(nil), m.dims...)
			m.dims[0] = 1 + r.IntN(6)
		case p < 28 && m.bits > 0:
			m.bits = 1 + r.IntN(cBits[m.base])
		case p < 34 && slices.Contains(cUnsigned, m.base) && m.bits == 0:
			m.base = pick(r.Rand, cUnsigned)
		case p < 44 && m.name != "":
			m = cMember{sub: []cMember{r.member("pad_"+m.name, 0), m}, union: r.chance(40)}
		case p < 50 && m.name == "" && m.sub != nil:
			out = append(out, r.mutate(m.sub, depth)...)
			continue
		case m.sub != nil:
			m.sub = r.mutate(m.sub, depth)
			if len(m.sub) == 0 {
				continue
			}
		}
		out = append(out, m)
	}
	if r.chance(30) {
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	if r.chance(50) {
		out = append([]cMember{r.member("front"+strconv.Itoa(r.IntN(1<<30)), 0)}, out...)
	}
	if len(out) == 0 {
		out = append(out, r.member("only"+strconv.Itoa(r.IntN(1<<30)), 0))
	}
	return out
}

// cMembers writes members; if align is set each struct gets one more that aligns it to 8 bytes.
func cMembers(b *strings.Builder, list []cMember, indent string, align bool) {
	if align {
		fmt.Fprintf(b, "%su64 align%d;\n", indent, b.Len())
	}
	for _, m := range list {
		b.WriteString(indent)
		switch {
		case m.sub != nil:
			if m.union {
				b.WriteString("union {\n")
			} else {
				b.WriteString("struct {\n")
			}
			cMembers(b, m.sub, indent+"\t", align)
			fmt.Fprintf(b, "%s} %s;\n", indent, m.name)
			continue
		case m.fn:
			fmt.Fprintf(b, "int (*%s)(%s, int)", m.name,
				strings.Replace(m.base, "bytes_t", "char *", 1))
		default:
			fmt.Fprintf(b, "%s %s", m.base, m.name)
			for _, n := range m.dims {
				fmt.Fprintf(b, "[%d]", n)
			}
			if m.bits > 0 {
				fmt.Fprintf(b, " : %d", m.bits)
			}
		}
		b.WriteString(";\n")
	}
}

func (r *cRandom) enums(b *strings.Builder, target bool) {
	for i := range 3 {
		fmt.Fprintf(b, "enum E%d {", i)
		for j := range 4 {
			if target && r.chance(15) {
				continue
			}
			v := int64(j)
			if target && r.chance(50) {
				v = int64(r.IntN(1 << 20))
			}
			if i == 1 {
				v = -v
			}
			if i == 2 && (!target || r.chance(80)) {
				v += 1 << 40
			}
			fmt.Fprintf(b, " E%d_%d = %dLL,", i, j, v)
		}
		fmt.Fprintf(b, " E%d_LAST = %d };\n", i, 100+i)
	}
}

// path returns a random access below list: the C expression, and the member at its end.
func (r *cRandom) path(list []cMember) (string, cMember) {
	m := pick(r.Rand, list)
	if m.sub != nil && (m.name == "" || r.chance(70)) {
		text, last := r.path(m.sub)
		if m.name == "" {
			return text, last
		}
		return m.name + "." + text, last
	}
	text := m.name
	if len(m.dims) > 0 && r.chance(60) {
		for _, n := range m.dims {
			text += fmt.Sprintf("[%d]", r.IntN(n))
		}
		m.dims = nil
		text += "@" // an element
	}
	if len(m.dims) == 0 && !m.fn && m.bits == 0 {
		_, name, ok := strings.Cut(m.base, " ")
		if sub, isStruct := r.structs[name]; ok && isStruct && r.chance(70) {
			rest, last := r.path(sub)
			return strings.TrimSuffix(text, "@") + "." + rest, last
		}
	}
	return text, m
}

// isByValue reports whether a type is a struct or union itself, not a pointer to one.
func isByValue(base string) bool {
	return (strings.HasPrefix(base, "struct ") || strings.HasPrefix(base, "union ")) &&
		!strings.HasSuffix(base, "*")
}

// files returns the source of the program and of the target.
func (r *cRandom) files() (program, target string) {
	var p, t strings.Builder
	p.WriteString(cPrelude)
	t.WriteString(cPrelude)
	r.structs, r.union = map[string][]cMember{}, map[string]bool{}
	p.WriteString("#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)\n")
	r.enums(&p, false)
	r.enums(&t, true)
	for i := range 5 {
		name := "S" + strconv.Itoa(i)
		r.union[name] = r.chance(15)
		mine := r.members("m", 3+r.IntN(7), i, 2)
		if r.union[name] {
			noBits(mine)
		}
		r.structs[name] = mine
		r.names = append(r.names, name)
		for _, o := range []struct {
			b    *strings.Builder
			list []cMember
			// align: clang does not read a bitfield of a type with a smaller alignment than its
			// load
			align bool
		}{{&p, mine, true}, {&t, r.mutate(mine, i), false}} {
			fmt.Fprintf(o.b, "%s %s {\n", r.tag(name), name)
			cMembers(o.b, o.list, "\t", o.align)
			o.b.WriteString("};\n")
		}
		fmt.Fprintf(&t, "%s %s v_%s;\n", r.tag(name), name, name)
		if r.chance(10) {
			fmt.Fprintf(&t, "%s %s___other {\n", r.tag(name), name)
			cMembers(&t, r.mutate(mine, i), "\t", false)
			fmt.Fprintf(&t, "};\n%s %s___other w_%s;\n", r.tag(name), name, name)
		}
	}
	p.WriteString("#pragma clang attribute pop\n")
	t.WriteString("enum E0 v_e0; enum E1 v_e1; enum E2 v_e2; myint v_myint; odd v_odd; bytes_t v_bytes;\n")
	for i, name := range r.names {
		fmt.Fprintf(&p, "__attribute__((section(\"raw_tp\"), used)) int f%d(%s %s *p)\n{\n\tvolatile u64 *out = (void *)p;\n", i, r.tag(name), name)
		for range 12 {
			text, last := r.path(r.structs[name])
			element := strings.HasSuffix(text, "@")
			text = strings.TrimSuffix(text, "@")
			kind := r.IntN(6)
			if element && kind >= 3 {
				kind = 0 // clang refuses the others
			}
			scalar := len(last.dims) == 0 && last.sub == nil && last.base != "bytes_t" &&
				(!isByValue(last.base) || last.fn)
			number := scalar && !last.fn && !strings.HasSuffix(last.base, "*") &&
				last.base != "double"
			if kind >= 4 && !scalar || kind == 3 && !number {
				// clang does not shift values larger than 8 bytes and knows the sign of numbers
				// only
				kind -= 3
			}
			if last.bits > 0 && strings.ContainsAny(text, "._") {
				continue // it does not read all nested bitfields either
			}
			fmt.Fprintf(&p, "\tout[0] = __builtin_preserve_field_info(p->%s, %d);\n", text, kind)
			if last.bits == 0 && last.sub == nil && len(last.dims) == 0 && !last.fn &&
				r.chance(60) {
				switch last.base {
				case "double", "bytes_t":
				default:
					if !isByValue(last.base) {
						fmt.Fprintf(&p, "\tout[0] = (u64)p->%s;\n", text)
					}
				}
			}
		}
		for kind := range 3 {
			fmt.Fprintf(&p, "\tout[0] = __builtin_preserve_type_info(*(%s %s *)0, %d);\n",
				r.tag(name), name, kind)
		}
		fmt.Fprintf(&p, "\tout[0] = __builtin_btf_type_id(*(%s %s *)0, %d);\n",
			r.tag(name), name, i%2)
		fmt.Fprintf(&p, "\tout[0] = __builtin_preserve_type_info(*(%s *)0, %d);\n",
			pick(r.Rand, []string{"myint", "odd", "bytes_t"}), r.IntN(3))
		e := r.IntN(3)
		fmt.Fprintf(&p, "\tout[0] = __builtin_preserve_enum_value(*(enum E%d *)E%d_%d, %d);\n",
			e, e, r.IntN(4), r.IntN(2))
		p.WriteString("\treturn 0;\n}\n")
	}
	return p.String(), t.String()
}

// compileRandom compiles C; ok is false if clang's back end fails, as it does for bitfields of some
// structs.
func compileRandom(t *testing.T, source string) (path string, ok bool) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "random.bpf.o")
	cmd := exec.Command(testkit.Tool(t, "clang-19"), "-target", "bpf", "-g", "-O2", "-w", "-x", "c",
		"-c", "-", "-o", path)
	cmd.Stdin = strings.NewReader(source)
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "error in backend") {
		t.Fatalf("clang-19: %v\n%s\n%s", err, out, source)
	}
	return path, err == nil
}

// TestLibbpfRandom compiles random programs and targets and compares our decisions with C libbpf's.
// PUREBPF_RANDOM="FIRST COUNT" chooses the seeds.
func TestLibbpfRandom(t *testing.T) {
	oracle := testkit.LibbpfProgram(t, "testdata/relocs.c", testkit.WrapSyscall)
	first, count := uint64(1), uint64(40)
	if s := os.Getenv("PUREBPF_RANDOM"); s != "" {
		if _, err := fmt.Sscan(s, &first, &count); err != nil {
			t.Fatal(err)
		}
	}
	var n tally
	refused := uint64(0)
	for seed := first; seed < first+count; seed++ {
		r := &cRandom{Rand: rand.New(rand.NewPCG(seed, 1))}
		p, k := r.files()
		program, ok := compileRandom(t, p)
		if !ok {
			refused++
			continue
		}
		kernel, ok := compileRandom(t, k)
		if !ok {
			t.Fatalf("seed %d: clang refuses the kernel", seed)
		}
		n.add(compareWithLibbpf(t, oracle, program, kernel,
			NewTarget(readObject(t, kernel).btf, nil)))
		if t.Failed() {
			t.Fatalf("seed %d; program:\n%s\nkernel:\n%s", seed, p, k)
		}
	}
	t.Logf("%d pairs: %s; clang refused %d", count, n.String(), refused)
	if n.relos < int(count)*20 || refused > count/4 {
		t.Errorf("only %d relocations of %d pairs", n.relos, count-refused)
	}
}
