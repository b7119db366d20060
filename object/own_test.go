package object_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
)

// open opens an object of testdata.
func open(t testing.TB, name string, opts *object.Options) *object.Object {
	t.Helper()
	o, err := opts.Parse(readFile(t, filepath.Join("testdata", name)), name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestByteOrders opens the same source compiled for either byte order. The oracle is the
// little-endian object, which C libbpf confirms. Type ids, instructions and the order of the maps
// are equal.
func TestByteOrders(t *testing.T) {
	le, be := describe(open(t, "maps.o", nil)), open(t, "maps-be.o", &object.Options{Name: "maps"})
	if be.Order != binary.BigEndian {
		t.Errorf("byte order %v", be.Order)
	}
	if d := cmp.Diff(le, describe(be)); d != "" {
		t.Errorf("-little +big\n%s", d)
	}
}

// TestSlots checks initial values of maps of maps and program arrays. The oracle is the source,
// testdata/maps.c.
func TestSlots(t *testing.T) {
	for _, file := range []string{"maps.o", "maps-be.o"} {
		o := open(t, file, nil)
		for _, tc := range []struct{ name, want string }{
			{"outer", "1=first 3=second "},
			{"outer_rings", "0=ring_4096 "},
			{"progs", "2=other_prog() 9=main_prog() "},
			{"hash", ""},
		} {
			got := ""
			for _, v := range o.Map(tc.name).Values {
				switch {
				case v.Map != nil:
					got += fmt.Sprintf("%d=%s ", v.Key, v.Map.Name)
				case v.Program != nil:
					got += fmt.Sprintf("%d=%s() ", v.Key, v.Program.Name)
				}
			}
			if got != tc.want {
				t.Errorf("%s: %s has %q, want %q", file, tc.name, got, tc.want)
			}
		}
	}
}

// TestMapNames checks the names of maps here and in the kernel. The oracles are the examples of
// libbpf's internal_map_name, bpf_map__name via TestOwnObjects, and the kernel's limit of 15
// characters.
func TestMapNames(t *testing.T) {
	o := open(t, "data.o", &object.Options{Name: "my_object_name"})
	for _, tc := range []struct{ section, name, kernel string }{
		{".rodata", "my_objec.rodata", "my_objec.rodata"},
		{".data", "my_objec.data", "my_objec.data"},
		{".bss", "my_objec.bss", "my_objec.bss"},
		{".bss.name", ".bss.name", ".bss.name"},
		{".data.custom", ".data.custom", ".data.custom"},
		{".rodata.abracadabra", ".rodata.abracadabra", ".rodata.abracad"},
		{".data.odd-name", ".data.odd-name", ".data.odd_name"},
	} {
		m := o.Map(tc.section)
		if m == nil || m.Name != tc.name || m.KernelName != tc.kernel {
			t.Errorf("%s: %+v, want %s, in the kernel %s", tc.section, m, tc.name, tc.kernel)
			continue
		}
		if o.Map(tc.name) != m {
			t.Errorf("%s is not found by its name %q", tc.section, tc.name)
		}
	}
	if m := open(t, "externs.o", &object.Options{Name: "my_object_name"}).Map(
		".kconfig"); m.KernelName != "my_obje.kconfig" {
		t.Errorf(".kconfig is %q", m.KernelName)
	}
	if m := open(t, "maps.o", nil).Map(
		"a_name_longer_than_fifteen_characters"); m.KernelName != "a_name_longer_t" {
		t.Errorf("kernel name %q", m.KernelName)
	}
}

// TestObjectName checks the names made from paths. The oracles are bpf_object__name of C libbpf for
// the same files in TestCorpusOpens, and its rules for the rest.
func TestObjectName(t *testing.T) {
	raw := readFile(t, "testdata/plain.o")
	for _, tc := range []struct{ option, path, want string }{
		{"", "a/b/counter.bpf.o", "counter"},
		{"", `C:\objects\counter.bpf.o`, "counter"},
		{"", "a_very_long_name_indeed.o", "a_very_long_nam"},
		{"dots.are.kept", "x.o", "dots.are.kept"},
	} {
		o, err := (&object.Options{Name: tc.option}).Parse(raw, tc.path)
		if err != nil || o.Name != tc.want {
			t.Errorf("%q, %q: %q, %v; want %q", tc.option, tc.path, o.Name, err, tc.want)
		}
	}
}

// TestExterns checks the externs of testdata/externs.c: order, types and offsets. The oracles are
// the source and libbpf's rules of order; the offsets are also in the BTF that TestOwnObjects
// compares byte for byte.
func TestExterns(t *testing.T) {
	o := open(t, "externs.o", nil)
	kinds := map[object.KconfigType]string{object.KconfigBool: "bool",
		object.KconfigTristate: "tristate", object.KconfigChar: "char", object.KconfigInt: "int",
		object.KconfigCharArray: "chars"}
	var got []string
	for i, e := range o.Externs {
		if e.Index != i || o.Extern(e.Name) != e {
			t.Errorf("extern %q has index %d at %d", e.Name, e.Index, i)
		}
		s := e.Name
		if e.Weak {
			s = "weak " + s
		}
		if e.Kind == object.ExternKconfig {
			s = fmt.Sprintf("%s %s size %d offset %d signed %v", s, kinds[e.Type], e.Size, e.Offset,
				e.Signed)
		} else {
			typ, _ := o.BTF.Type(e.KsymType)
			s = fmt.Sprintf("%s ksym func %v of %v", s, e.Func, typ.Kind())
		}
		got = append(got, s)
	}
	want := []string{
		"CONFIG_HZ int size 8 offset 0 signed false",
		"weak CONFIG_IP_NF_IPTABLES tristate size 4 offset 8 signed false",
		"weak CONFIG_NO_SUCH_THING int size 4 offset 12 signed false",
		"LINUX_KERNEL_VERSION int size 4 offset 16 signed true",
		"weak CONFIG_SHORT int size 2 offset 20 signed true",
		"CONFIG_BPF_SYSCALL bool size 1 offset 22 signed false",
		"weak CONFIG_LETTER char size 1 offset 23 signed true",
		"weak LINUX_HAS_BPF_COOKIE bool size 1 offset 24 signed false",
		"LINUX_HAS_SYSCALL_WRAPPER bool size 1 offset 25 signed false",
		"weak CONFIG_DEFAULT_HOSTNAME chars size 37 offset 26 signed false",
		"weak bpf_no_such_kfunc___flavor ksym func true of FUNC_PROTO",
		"bpf_prog_active ksym func false of INT",
		"bpf_prog_put ksym func false of UNKNOWN",
		"bpf_task_acquire ksym func true of FUNC_PROTO",
		"bpf_task_release ksym func true of FUNC_PROTO",
		"weak no_such_symbol ksym func false of UNKNOWN",
		"weak runqueues ksym func false of FWD",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if m := o.Map(".kconfig"); m.ValueSize != 63 || m.Contents != nil || len(m.Bytes()) != 63 {
		t.Errorf(".kconfig has %d bytes", m.ValueSize)
	}
}

// TestStructOps checks variables and slots of testdata/structops.c. The oracle is the source;
// TestOwnObjects compares names, images and slots with C libbpf's.
func TestStructOps(t *testing.T) {
	o := open(t, "structops.o", nil)
	for _, tc := range []struct {
		name       string
		link, auto bool
		slots      string
	}{
		{"plain", false, true, "1@8=ssthresh 2@16=cong_avoid 3@24=undo_cwnd "},
		{"linked", true, true, "1@8=ssthresh 3@24=undo_cwnd "},
		{"small", true, true, "0@0=ssthresh 1@8=undo_cwnd "},
		{"optional", true, false, "3@24=undo_cwnd "},
		{"optional_too", true, false, ""},
		{"optional_plain", false, false, "1@8=ssthresh "},
	} {
		m := o.Map(tc.name)
		got := ""
		for _, s := range m.StructOps.Slots {
			got += fmt.Sprintf("%d@%d=%s ", s.Member, s.Offset, s.Program.Name)
			if s.Initial != s.Program {
				t.Errorf("%s: slot %d starts with another program than the compiled one",
					tc.name, s.Member)
			}
		}
		local, _ := o.BTF.Type(m.StructOps.Type)
		if got != tc.slots || m.StructOps.Link != tc.link || m.Autocreate != tc.auto ||
			btf.EssentialName(local.Name()) != "tcp_congestion_ops" {
			t.Errorf("%s: slots %q link %v autocreate %v of %s, want %+v",
				tc.name, got, m.StructOps.Link, m.Autocreate, local.Name(), tc)
		}
	}
	if p := o.Program("cong_avoid"); p.Autoload || p.Sec != "struct_ops" ||
		p.Section != "?struct_ops" {
		t.Errorf("program of section %q: %q, autoload %v", p.Section, p.Sec, p.Autoload)
	}
}

// TestArena checks testdata/arena.c. The oracle is the source.
func TestArena(t *testing.T) {
	o := open(t, "arena.o", nil)
	if o.Arena != o.Map("arena") || len(o.ArenaData) != 24 || o.Arena.Extra != 1<<44 ||
		len(o.Arena.Bytes()) != 24 {
		t.Errorf("arena %+v with %d bytes of data", o.Arena, len(o.ArenaData))
	}
	var n int32
	if err := o.Variable("counter").Get(&n); err != nil || n != 7 {
		t.Errorf("counter is %d, %v", n, err)
	}
	if err := o.Variable("counter").Set(9); err != nil {
		t.Error(err)
	}
	relocs := ""
	for _, r := range o.Program("use").Relocs {
		relocs += fmt.Sprintf("%d:%s+%d ", r.Kind, r.Map.Name, r.SymValue)
	}
	if !strings.Contains(relocs, fmt.Sprintf("%d:arena+", object.RelocData)) ||
		!strings.Contains(relocs, fmt.Sprintf("%d:arena+0", object.RelocMap)) {
		t.Errorf("relocations %s", relocs)
	}
}

// TestJumpTables checks testdata/jumptable.c. The oracle is the source.
func TestJumpTables(t *testing.T) {
	o := open(t, "jumptable.o", nil)
	if want := []byte{56, 0, 0, 0, 0, 0, 0, 0, 72, 0, 0, 0, 0, 0, 0, 0, 72, 0, 0, 0, 0, 0, 0,
		0}; !slices.Equal(o.JumpTables, want) {
		t.Errorf("tables %v", o.JumpTables)
	}
	for _, tc := range []struct {
		program string
		reloc   object.Reloc
	}{
		{"jump", object.Reloc{Insn: 0, Kind: object.RelocInsnArray, SymValue: 0, SymSize: 16,
			Symbol: "table"}},
		{"jump_too", object.Reloc{Insn: 0, Kind: object.RelocInsnArray, SymValue: 16, SymSize: 8,
			Symbol: "table_two"}},
	} {
		if r := o.Program(tc.program).Relocs; len(r) != 1 || r[0] != tc.reloc {
			t.Errorf("%s: %+v", tc.program, r)
		}
	}
}

// TestFunctions checks programs and subprograms of testdata/subprogs.c and of two objects linked by
// bpftool. The oracle is their source.
func TestFunctions(t *testing.T) {
	o := open(t, "subprogs.o", nil)
	var subs []string
	for _, f := range o.Subprogs {
		s := f.Name
		for _, flag := range []struct {
			on   bool
			name string
		}{{f.Global, "global"}, {f.Weak, "weak"}, {f.Hidden, "hidden"}} {
			if flag.on {
				s += " " + flag.name
			}
		}
		subs = append(subs, s)
		if o.Program(f.Name) != nil {
			t.Errorf("subprogram %s is found as a program", f.Name)
		}
	}
	slices.Sort(subs)
	if d := cmp.Diff([]string{"callback", "global_callback global", "global_sub global",
		"hidden_sub global hidden", "static_sub", "weak_sub global weak"}, subs); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	kinds := map[object.RelocKind]int{}
	for _, r := range o.Program("one").Relocs {
		kinds[r.Kind]++
	}
	if kinds[object.RelocSubprogAddr] != 2 || kinds[object.RelocCall] != 1 {
		t.Errorf("relocations of one: %v", kinds)
	}
	if !o.Program("three").Hidden {
		t.Error("three is not hidden")
	}

	// The linker put the overriding function last and left the weak one's code and relocation
	// without a symbol.
	o = open(t, "linked.o", nil)
	if len(o.Subprogs) != 1 || o.Subprogs[0].Name != "sub" || o.Subprogs[0].Offset == 0 {
		t.Errorf("subprograms %+v", o.Subprogs)
	}
	if !slices.ContainsFunc(o.Notes, func(n object.Note) bool { return n.Section == ".rel.text" }) {
		t.Errorf("no note of the relocations left out: %+v", o.Notes)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLicense reads license and version. The oracle is the sources.
func TestLicense(t *testing.T) {
	for _, tc := range []struct {
		file, license string
		version       uint32
	}{{"nobtf.o", "Dual BSD/GPL", 0x050a03}, {"maps.o", "GPL", 0}, {"maps-be.o", "GPL", 0},
		{"plain.o", "", 0}} {
		if o := open(t, tc.file, nil); o.License != tc.license || o.KernVersion != tc.version {
			t.Errorf("%s: license %q, version %#x", tc.file, o.License, o.KernVersion)
		}
	}
}
