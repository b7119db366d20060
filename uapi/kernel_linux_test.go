package uapi_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// number is one constant of this package with the kernel's name from the comment beside it.
type number struct {
	kernel string // "BPF_MAP_CREATE"
	typ    string // "Cmd", "" for constants of no enum of enumTypes
	value  int64
}

var kernelName = regexp.MustCompile(
	`^(BPF|NF|NFPROTO|XDP|TCX|SK|TCP|BTF)_[A-Z0-9_]+`)

// numbers reads the constants from this package's source.
func numbers(t *testing.T) []number {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		// capabilities are in another header
		if strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "capability.go" {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := types.Info{Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Error: func(error) {}} // imports are not resolved; constants need none
	_, _ = conf.Check("uapi", fset, files, &info)
	var out []number
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for _, id := range spec.Names {
				c, ok := info.Defs[id].(*types.Const)
				if !ok {
					continue
				}
				name := kernelName.FindString(strings.TrimSpace(spec.Comment.Text()))
				if name == "" {
					t.Errorf("%s: constant %s has no comment with the kernel's name",
						fset.Position(id.Pos()), id.Name)
					continue
				}
				v, exact := constant.Int64Val(c.Val())
				if !exact {
					t.Errorf("%s has the value %v", id.Name, c.Val())
				}
				typ := ""
				if named, ok := c.Type().(*types.Named); ok && enumTypes[named.Obj().Name()] != "" {
					typ = named.Obj().Name()
				}
				out = append(out, number{name, typ, v})
			}
			return true
		})
	}
	return out
}

// TestNumbersOfNewest: every constant of the newest linux/bpf.h is here, or in one of the packages
// that stand in elsewhere. The oracle is that header, whose names and values are in the table.
func TestNumbersOfNewest(t *testing.T) {
	text, err := os.ReadFile("testdata/constants.tsv")
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]int64{}
	for _, n := range numbers(t) {
		ours[n.kernel] = n.value
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		field := strings.Split(strings.TrimSpace(line), "\t")
		if len(field) != 3 {
			t.Fatalf("%q", line)
		}
		rows++
		value, err := strconv.ParseInt(field[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		name := field[1]
		have, ok := ours[name]
		delete(ours, name)
		switch {
		case ok && have != value:
			t.Errorf("%s is %d, here %d", name, value, have)
		case !ok && !elsewhere.MatchString(name):
			t.Errorf("%s = %d (%s) is missing", name, value, field[0])
		}
	}
	for name := range ours {
		if !strings.HasPrefix(name, "NF") { // linux/netfilter.h
			t.Errorf("%s is not in the table", name)
		}
	}
	if rows < 500 {
		t.Errorf("%d rows", rows)
	}
}

// elsewhere matches the names of constants that other packages have, or nobody needs: ends of enums
// and old names of values.
var elsewhere = regexp.MustCompile(`^(` + strings.Join([]string{
	`__MAX_.*`, `.*_MAX_STATES`, `BPF_CGROUP_ITER_ORDER_UNSPEC`, `BPF_COMMON_ATTRS`,
	`BPF_PROG_RUN`, `BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED`, // old names
	`BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED`,
	`BPF_REG_\d+`, `BPF_MAY_GOTO`, `BPF_ADDR_SPACE_CAST`, `BPF_PSEUDO_.*`, // asm
	`BPF_(JMP32|ALU64|DW|MEMSX|ATOMIC|XADD|MOV|ARSH|END|TO_LE|TO_BE|FROM_LE|FROM_BE)`,
	`BPF_(JNE|JLT|JLE|JSGT|JSGE|JSLT|JSLE|JCOND|CALL|EXIT|FETCH|XCHG|CMPXCHG)`,
	`BPF_(LOAD_ACQ|STORE_REL)`,
	`BPF_CORE_.*`,                                        // btf/core
	`BPF_PERF_EVENT_.*`, `BPF_STATS_.*`, `BPF_STREAM_.*`, // sys
	`BPF_F_(KPROBE|UPROBE)_MULTI_.*`,
	`BPF_RINGBUF_.*`,                   // ringbuf
	`BPF_OBJ_NAME_LEN`, `BPF_TAG_SIZE`, // lengths of arrays
}, "|") + `)$`)

// enums maps the names of enums to their enumerators.
type enums map[string]map[string]int64

// dumpEnums lists the enums of a BTF file with bpftool. Unnamed ones are under "".
func dumpEnums(t *testing.T, path string) enums {
	t.Helper()
	out := enums{"": {}}
	var current map[string]int64
	for line := range bytes.Lines(
		testkit.Run(t, "bpftool", "btf", "dump", "file", path, "format", "raw")) {
		text := strings.TrimSuffix(string(line), "\n")
		if enumerator, ok := strings.CutPrefix(text, "\t'"); ok {
			name, value, ok := strings.Cut(enumerator, "' val=")
			if current == nil || !ok {
				continue
			}
			v, err := strconv.ParseInt(strings.TrimRight(value, "UL"), 10, 64)
			if err != nil && !strings.HasSuffix(value, "ULL") { // we have none beyond int64
				t.Fatalf("bpftool prints %q", text)
			}
			current[name] = v
			continue
		}
		current = nil
		_, rest, ok := strings.Cut(text, "] ENUM")
		if !ok {
			continue
		}
		_, rest, _ = strings.Cut(rest, "'")
		name, _, _ := strings.Cut(rest, "'")
		if name == "(anon)" {
			name = ""
		}
		if current = out[name]; current == nil {
			current = map[string]int64{}
			out[name] = current
		}
	}
	return out
}

// all returns every enumerator by name.
func (e enums) all() map[string]int64 {
	out := map[string]int64{}
	for _, values := range e {
		maps.Copy(out, values)
	}
	return out
}

// last returns the greatest value of an enum.
func (e enums) last(enum string) int64 {
	last := int64(-1)
	for name, v := range e[enum] {
		if !strings.Contains(name, "MAX_BPF_") {
			last = max(last, v)
		}
	}
	return last
}

// enumTypes has the kernel's names of our enum types.
var enumTypes = map[string]string{
	"Cmd": "bpf_cmd", "MapType": "bpf_map_type", "ProgType": "bpf_prog_type",
	"AttachType": "bpf_attach_type", "LinkType": "bpf_link_type",
	"CgroupIterOrder": "bpf_cgroup_iter_order",
}

// sums are all flags of a kind together: older kernels have fewer.
var sums = map[string]bool{
	"BPF_F_REDIRECT_FLAGS": true, "SK_BPF_CB_MASK": true, "BPF_SOCK_OPS_ALL_CB_FLAGS": true,
}

// check compares our numbers with those of a source: they must be equal where both have a name, no
// value of an enum may be missing here, and names that the source lacks must be newer, that is
// beyond its last.
func check(t *testing.T, source string, theirs enums) {
	t.Helper()
	known := theirs.all()
	ours := map[string]map[int64]bool{}
	equal, newer := 0, map[string][]string{}
	for _, n := range numbers(t) {
		if ours[n.typ] == nil {
			ours[n.typ] = map[int64]bool{}
		}
		ours[n.typ][n.value] = true
		v, ok := known[n.kernel]
		switch {
		case ok && v != n.value && !(sums[n.kernel] && v&n.value == v):
			t.Errorf("%s is %d here, %d in %s", n.kernel, n.value, v, source)
		case ok:
			equal++
		case n.typ != "" && n.value <= theirs.last(enumTypes[n.typ]):
			t.Errorf("%s = %d is not in %s, whose last value of the enum is %d",
				n.kernel, n.value, source, theirs.last(enumTypes[n.typ]))
		default:
			newer[n.typ] = append(newer[n.typ], n.kernel)
		}
	}
	for typ, enum := range enumTypes {
		if len(theirs[enum]) < 5 {
			t.Errorf("%s: enum %s has %d values", source, enum, len(theirs[enum]))
		}
		for name, v := range theirs[enum] {
			none := strings.Contains(name, "MAX_BPF_") || name == "BPF_CGROUP_ITER_ORDER_UNSPEC"
			if !none && !ours[typ][v] {
				t.Errorf("%s = %d of %s is missing here", name, v, source)
			}
		}
	}
	t.Logf("%s: %d numbers equal; not known there: %v", source, equal, newer)
	if equal < 150 {
		t.Errorf("%s: only %d numbers could be compared", source, equal)
	}
}

// The oracle is the running kernel's own BTF, as bpftool prints it.
func TestNumbersOfKernel(t *testing.T) {
	const vmlinux = "/sys/kernel/btf/vmlinux"
	if _, err := os.Stat(vmlinux); err != nil {
		testkit.Skip(t, "the kernel has no BTF: %v", err)
	}
	check(t, "kernel "+testkit.KernelRelease(), dumpEnums(t, vmlinux))
}

// The oracle is the installed linux/bpf.h, whose enums and macros clang-19 compiled.
func TestNumbersOfHeader(t *testing.T) {
	var src strings.Builder
	src.WriteString("#include <linux/bpf.h>\n#include <linux/netfilter.h>\n")
	for i, enum := range slices.Sorted(maps.Values(enumTypes)) {
		fmt.Fprintf(&src, "enum %s used%d;\n", enum, i)
	}
	// Macros and enumerators of unnamed enums are in BTF only if they are used: they become
	// enumerators of a new enum, as far as the header has them.
	source := filepath.Join(t.TempDir(), "bpf.c")
	if err := os.WriteFile(source, []byte("#include <linux/bpf.h>\n#include <linux/netfilter.h>\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	text := string(testkit.Run(t, "clang-19", "-E", "-target", "bpf", "-idirafter",
		"/usr/include/x86_64-linux-gnu", source))
	src.WriteString("enum macros { first,\n")
	done := map[string]bool{} // a number may be a flag of several types
	for _, n := range numbers(t) {
		if n.typ != "" || done[n.kernel] {
			continue
		}
		done[n.kernel] = true
		if regexp.MustCompile(`\b` + n.kernel + `\b`).MatchString(text) {
			fmt.Fprintf(&src, "macro_%s = %s,\n", n.kernel, n.kernel)
		} else {
			fmt.Fprintf(&src, "#ifdef %s\nmacro_%s = %s,\n#endif\n", n.kernel, n.kernel, n.kernel)
		}
	}
	src.WriteString("};\nenum macros used;\n")
	theirs := dumpEnums(t, testkit.Compile(t, src.String()))
	macros := theirs["macros"]
	delete(theirs, "macros")
	for name, v := range macros {
		if name, ok := strings.CutPrefix(name, "macro_"); ok {
			theirs[""][name] = v
		}
	}
	if len(theirs[""]) < 24 {
		t.Errorf("only %d flags of the header: %v", len(theirs[""]), theirs[""])
	}
	check(t, "linux/bpf.h", theirs)
}

// The oracle is BPF_FUNC_* of the running kernel's BTF.
func TestHelperNames(t *testing.T) {
	funcs := dumpEnums(t, "/sys/kernel/btf/vmlinux")["bpf_func_id"]
	if len(funcs) < 200 {
		t.Fatalf("the kernel's BTF has %d helpers", len(funcs))
	}
	for name, v := range funcs {
		short, ok := strings.CutPrefix(name, "BPF_FUNC_")
		if !ok || short == "unspec" {
			continue
		}
		if v < 0 || v >= int64(len(uapi.HelperNames)) || uapi.HelperNames[v] != "bpf_"+short {
			t.Errorf("helper %d is %s", v, name)
		}
	}
	for id, name := range uapi.HelperNames {
		if v, ok := funcs["BPF_FUNC_"+strings.TrimPrefix(name, "bpf_")]; name != "" &&
			(!ok || v != int64(id)) {
			t.Errorf("helper %d %s is %d in the kernel (known: %v)", id, name, v, ok)
		}
	}
}
