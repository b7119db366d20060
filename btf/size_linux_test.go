package btf

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle is C libbpf (testdata/layout.c) for the pointer size, and for every type's size,
// alignment and declaration, in the kernel's BTF, corpus objects, and an object with what these
// lack.
func TestLayoutLibbpf(t *testing.T) {
	paths := testkit.Corpus(t)
	files := []string{vmlinuxPath, testkit.Compile(t, kindsSource)}
	for i := 0; i < len(paths); i += 9 {
		files = append(files, paths[i])
	}
	decls := 0
	for _, path := range files {
		var s *Spec
		if path == vmlinuxPath {
			s = vmlinux(t)
		} else if s = objectSpec(t, path); s == nil {
			continue
		}
		decls += checkLayout(t, path, s)
	}
	if decls < 50000 {
		t.Errorf("only %d declarations compared", decls)
	}
}

// kindsSource has every kind that clang makes, and packed and over-aligned layouts.
const kindsSource = `
#define SEC(n) __attribute__((section(n), used))
#define tagged __attribute__((btf_type_tag("user")))
enum small { A = 1, B = -5 };
enum big { C = 4000000000u };
enum wide { D = 1ull << 40, E };
enum swide { F = -(1ll << 40) };
struct announced;
union uannounced;
struct packed { char c; long l; } __attribute__((packed));
struct aligned { char c; } __attribute__((aligned(64)));
struct inner { short s; struct packed p; };
struct flex { int n; char data[]; };
struct bits { unsigned a : 3; int b : 5; enum big c : 10; _Bool d : 1; unsigned long long e : 45; };
struct all {
	struct bits bits;
	char name[8];
	signed char sc;
	unsigned char uc;
	struct announced *p;
	union uannounced *pu;
	double dbl;
	float f;
	__int128 wide;
	int tagged *u;
	union { int x; long y; };
	const volatile int *restrict r;
	int *const *const pp;
	int (*fn)(int, char *, ...);
	int (*(*fnfn)(int a))(char *b);
	int (*parr)[4];
	int matrix[3][4];
	const char *strs[2];
	struct packed packed;
	struct aligned aligned;
	struct inner inner;
	struct { int a; struct flex *f; } anon[2];
};
struct all g __attribute__((btf_decl_tag("tag")));
struct flex *flex;
enum small g1; enum wide g3; enum swide g4;
static int st = 3;
const int arr[3][4] = {{1}};
SEC("raw_tp") int prog(void *ctx) { return g1 + (int)g3 + (int)g4 + st++ + arr[(long)ctx & 1][1] + (long)g.p + (long)flex; }
`

var spaceAfterStar = regexp.MustCompile(`\* +`)

// sameDecl normalises what C leaves open: spaces after a star and before a parameter list, and the
// order of qualifiers.
func sameDecl(s string) string {
	s = strings.ReplaceAll(s, "volatile const ", "const volatile ")
	s = strings.ReplaceAll(s, "volatile restrict", "restrict volatile")
	s = spaceAfterStar.ReplaceAllString(s, "*")
	return strings.ReplaceAll(s, " (", "(")
}

func checkLayout(t *testing.T, path string, s *Spec) (decls int) {
	t.Helper()
	name := filepath.Base(path)
	out, err := exec.Command(testkit.LibbpfProgram(t, "testdata/layout.c"), path, "").Output()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Scan()
	if got := fmt.Sprintf("pointer %d", s.PointerSize()); got != scan.Text() &&
		scan.Text() != "pointer 0" {
		t.Errorf("%s: %s, libbpf says %s", name, got, scan.Text())
	}
	for id := ID(1); id < s.Len(); id++ {
		if !scan.Scan() {
			t.Fatalf("%s: output ends at type %d of %d", name, id, s.Len())
		}
		f := strings.SplitN(scan.Text(), " ", 4)
		size, err := s.SizeOf(id)
		if got := fmt.Sprint(size); got != f[1] {
			t.Errorf("%s: size of [%d] %s: %s (%v), libbpf says %s",
				name, id, s.CString(id), got, err, f[1])
		}
		align, err := s.AlignOf(id)
		if got := fmt.Sprint(align); got != f[2] {
			t.Errorf("%s: alignment of [%d] %s: %s (%v), libbpf says %s",
				name, id, s.CString(id), got, err, f[2])
		}
		if f[3] == "" || strings.Contains(f[3], "___") { // libbpf numbers names that occur twice
			continue
		}
		if qualified, _ := s.Type(id); isQualifier(qualified.Kind()) &&
			s.Skip(id).Kind() == KindArray {
			continue // libbpf drops qualifiers of arrays
		}
		decls++
		if got, want := sameDecl(s.CString(id)), sameDecl(f[3]); got != want {
			t.Errorf("%s: [%d] is %q, libbpf writes %q", name, id, got, want)
		}
	}
	return decls
}

func isQualifier(k Kind) bool { return k == KindConst || k == KindVolatile || k == KindRestrict }

// The oracle is clang. An object for the other byte order has the same types, and its CO-RE records
// and lines are at the same places.
func TestForeignOrder(t *testing.T) {
	source := kindsSource + `
struct task_struct { int pid; char comm[16]; } __attribute__((preserve_access_index));
SEC("raw_tp/x") int core(struct task_struct *t) { return t->pid + t->comm[3]; }
`
	little := testkit.Compile(t, source, "-target", "bpfel")
	big := testkit.Compile(t, source, "-target", "bpfeb")
	sl, sb := objectSpec(t, little), objectSpec(t, big)
	if sl.Order() == sb.Order() {
		t.Fatal("both have one byte order")
	}
	if got, want := rawText(sb), rawText(sl); !bytes.Equal(got, want) {
		// Bit offsets depend on the machine; everything else is the same.
		got, want = bitOffsets.ReplaceAll(got, nil), bitOffsets.ReplaceAll(want, nil)
		if !bytes.Equal(got, want) {
			firstDifference(t, got, want)
		}
	}
	xl, xb := objectExt(t, little, sl), objectExt(t, big, sb)
	if got, want := extText(sb, xb), extText(sl, xl); got != want || len(xl.Core) == 0 {
		firstDifference(t, []byte(got), []byte(want))
	}
	raw, err := os.ReadFile(big)
	if err != nil || !bytes.Contains(raw, sb.Raw()) {
		t.Errorf("Raw differs from the file (%v)", err)
	}
}

var bitOffsets = regexp.MustCompile(` bits_offset=[0-9]+`)

// extText returns all of .BTF.ext as text.
func extText(s *Spec, x *Ext) string {
	var b strings.Builder
	for _, sec := range x.Func {
		for i := range sec.Count {
			f := sec.FuncInfo(i)
			fmt.Fprintln(&b, "func", sec.Name, f.InsnOff, s.CString(f.Type))
		}
	}
	for _, sec := range x.Line {
		for i := range sec.Count {
			l := sec.LineInfo(i)
			file, _ := s.Name(l.FileNameOff)
			text, _ := s.Name(l.LineOff)
			fmt.Fprintln(&b, "line", sec.Name, l.InsnOff, filepath.Base(file), l.Line(), l.Column(),
				text)
		}
	}
	for _, sec := range x.Core {
		for i := range sec.Count {
			r := sec.CoreRelo(i)
			access, _ := s.Name(r.AccessOff)
			fmt.Fprintln(&b, "core", sec.Name, r.InsnOff, s.CString(r.Type), access,
				relocNames[r.Kind])
		}
	}
	return b.String()
}
