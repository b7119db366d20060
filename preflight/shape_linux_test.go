package preflight

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

const mapHead = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
struct s3 { char x[3]; }; struct s8 { char x[8]; }; struct s69 { int x[69]; };
struct big { char x[40000]; }; struct huge { char x[5 << 20]; };
struct frames { long x[200]; };
struct timed { struct bpf_timer t; int x; };
#define T(t) __uint(type, BPF_MAP_TYPE_##t)
#define KV(k, v) __type(key, k); __type(value, v)
#define N(n) __uint(max_entries, n)
#define F(f) __uint(map_flags, f)
`

// shapes are maps that every kernel refuses for reasons visible in the object, with the rule that
// they break, or "" for maps that every kernel creates.
var shapes = []struct{ fields, rule string }{
	{"T(ARRAY); KV(__u64, int); N(1);", "key_size 8: an array wants 4"},
	{"T(STRUCT_OPS); KV(int, int); N(1);", "declare it as a variable in .struct_ops"},
	{"T(LPM_TRIE); KV(__u64, int); N(1);", "no BPF_F_NO_PREALLOC in map_flags"},
	{"T(LPM_TRIE); KV(int, int); N(1); F(BPF_F_NO_PREALLOC);",
		"key_size 4: an LPM trie wants 5 to 260"},
	{"T(STACK_TRACE); KV(int, struct frames); N(1);", "value_size 1600"},
	{"T(STACK_TRACE); KV(int, struct s3); N(1);", "value_size 3"},
	{"T(SK_STORAGE); KV(int, int);", "no BPF_F_NO_PREALLOC in map_flags"},
	{"T(SK_STORAGE); KV(int, int); N(1); F(BPF_F_NO_PREALLOC);",
		"max_entries 1: a socket storage wants 0"},
	{"T(TASK_STORAGE); KV(int, int);", "no BPF_F_NO_PREALLOC in map_flags"},
	{"T(TASK_STORAGE); KV(int, struct huge); F(BPF_F_NO_PREALLOC);", "value_size 5242880"},
	{"T(TASK_STORAGE); KV(struct s8, int); F(BPF_F_NO_PREALLOC);", "key_size 8"},
	{"T(TASK_STORAGE); __uint(key_size, 4); __uint(value_size, 4); F(BPF_F_NO_PREALLOC);",
		"no BTF"},
	{"T(TASK_STORAGE); KV(float, int); F(BPF_F_NO_PREALLOC);", "the key's type"},
	{"T(HASH); KV(int, struct timed); N(1);", ""},
	{"T(QUEUE); __type(value, struct timed); N(1);", ""}, // created without BTF
	{"T(HASH); KV(int, int); N(1); F(1 << 14);", "a hash does not take it"},
	{"T(HASH); KV(int, int); N(1); F(1 << 16);", "a hash does not take it"},
	{"T(ARRAY); KV(int, int); N(1); F(1U << 31);", "an array does not take it"},
	{"T(PROG_ARRAY); KV(__u64, int); N(1);", "key_size 8: a program array wants 4"},
	{"T(QUEUE); KV(int, int); N(1);", "key_size 4: a queue wants 0"},
	{"T(RINGBUF); __type(value, int); N(4096);", "value_size 4: a ring buffer wants 0"},
	{"T(PERF_EVENT_ARRAY); KV(int, struct s69); N(1);",
		"value_size 276: a perf event array wants 4"},
	{"T(PERCPU_ARRAY); KV(int, struct big); N(1);", "value_size 40000"},
	{"T(HASH); KV(int, struct huge); N(1);", "key_size and value_size are 5242884"},
	{"T(HASH); KV(int, int); N(1 << 28);", "max_entries 268435456"},
	{"T(BLOOM_FILTER); __type(value, int); N(1); __uint(map_extra, 99);",
		"map_extra 99: a Bloom filter has at most 15"},
	{"T(ARRAY); KV(int, int); N(1); __uint(map_extra, 1);", "map_extra 0x1"},
	{"T(ARRAY); KV(int, int); N(1); F(BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG);",
		"a map takes one or the other"},
	{"T(DEVMAP); KV(int, struct s3); N(1);", "value_size 3: a devmap wants 4 or 8"},
	{"T(SOCKHASH); KV(struct frames, int); N(1);", "key_size 1600: a sockhash wants 1 to 512"},
	{"T(CGROUP_STORAGE); KV(int, int);", "key_size 4: a cgroup storage wants 16 or 8"},
	{"T(ARRAY_OF_MAPS); KV(int, int); N(1); " +
		"__array(values, struct { T(PROG_ARRAY); KV(int, int); N(1); });",
		"a map of maps cannot hold a program array"},

	{"T(LPM_TRIE); KV(__u64, int); N(1); F(BPF_F_NO_PREALLOC);", ""},
	{"T(STACK_TRACE); KV(int, struct s8); N(1);", ""},
	{"T(SK_STORAGE); KV(int, int); F(BPF_F_NO_PREALLOC);", ""},
	{"T(RINGBUF); N(5000);", ""},
	{"T(PERF_EVENT_ARRAY); KV(int, int);", ""},
	{"T(BLOOM_FILTER); __type(value, int); N(1); __uint(map_extra, 15);", ""},
}

// newerShapes are the same for kernels since 6.11. What older ones make of these is a doubt.
var newerShapes = []struct{ fields, rule string }{
	{"T(TASK_STORAGE); KV(int, struct timed); F(BPF_F_NO_PREALLOC);",
		"the value has a bpf_timer: a task storage takes none"},
	{"T(SK_STORAGE); KV(int, struct timed); F(BPF_F_NO_PREALLOC);",
		"the value has a bpf_timer: a socket storage takes none"},
}

func compileMap(t *testing.T, fields string) *object.Object {
	t.Helper()
	source := mapHead + "struct { " + fields + " } m SEC(\".maps\");\n"
	return readObject(t, testkit.Compile(t, source, "-Wno-error"))
}

// TestShapes checks objects with maps that no kernel creates, and with maps that all kernels
// create, and loads them: the failed load names the same rule as the check. The oracle is the
// running kernel.
func TestShapes(t *testing.T) { testShapes(t, shapes) }

func TestNewerShapes(t *testing.T) {
	testkit.Kernel(t, "6.11")
	testShapes(t, newerShapes)
}

func testShapes(t *testing.T, shapes []struct{ fields, rule string }) {
	testkit.Root(t)
	k := kernel.Running()
	spec, err := k.BTF()
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	kernels := map[string]facts.Kernel{
		"running":  k,
		"recorded": facts.NewRecorded(facts.Recording{BTF: spec.Raw(), Version: k.Version()}),
		"BTF only": facts.NewRecorded(facts.Recording{BTF: spec.Raw()}),
	}
	for _, test := range shapes {
		o := compileMap(t, test.fields)
		loaded, loadErr := bpf.Load(o, nil)
		if loadErr == nil {
			loaded.Close()
		}
		made := test.rule == ""
		if (loadErr == nil) != made || !made && !strings.Contains(loadErr.Error(), test.rule) {
			t.Errorf("%s: load says %v, want %q", test.fields, loadErr, test.rule)
		}
		for name, k := range kernels {
			r := Check(o, k, nil)
			reasons := strings.Join(r.Reasons, "\n")
			want := facts.No
			if loadErr == nil {
				want = facts.Yes
			}
			if r.Loads != want || !strings.Contains(reasons, test.rule) {
				t.Errorf("%s: %s kernel: %s %q, want %q", test.fields, name, r.Loads, reasons,
					test.rule)
			}
			if loadErr != nil && strings.Contains(reasons, "the kernel says") {
				t.Errorf("%s: %s kernel: an errno for a rule: %q", test.fields, name, reasons)
			}
		}
	}
}

// TestByteOrder checks an object for machines of the other byte order. The oracle is C libbpf,
// which refuses it.
func TestByteOrder(t *testing.T) {
	testkit.LittleEndian(t)
	const source = mapHead + "struct { T(ARRAY); KV(int, int); N(1); } m SEC(\".maps\");\n"
	for target, want := range map[string]facts.Answer{"bpfel": facts.Yes, "bpfeb": facts.No} {
		path := testkit.Compile(t, source, "-target", target)
		if v := testkit.Oracle(t, path)[0]; v.OK != (want == facts.Yes) {
			t.Fatalf("%s: C libbpf says %+v", target, v)
		}
		o := readObject(t, path)
		kernels := []facts.Kernel{kernel.Running()}
		if spec, err := kernel.Running().BTF(); err == nil {
			kernels = append(kernels, facts.NewRecorded(facts.Recording{BTF: spec.Raw()}))
		}
		for i, k := range kernels {
			if r := Check(o, k, nil); r.Loads != want {
				t.Errorf("%s, kernel %d: %s %q", target, i, r.Loads, r.Reasons)
			}
		}
	}
}

// TestInstructions checks programs with instructions that are new or that no kernel has. The oracle
// is the running kernel's verifier.
func TestInstructions(t *testing.T) {
	testkit.Root(t)
	exit := []asm.Instruction{{Op: 0xb7}, {Op: 0x95}} // r0 = 0; exit
	for name, insns := range map[string][]asm.Instruction{
		"no new one":          nil,
		"opcode 0x8f":         {{Op: 0x8f}},
		"opcode 0xe7":         {{Op: 0xe7}},
		"opcode 0x58":         {{Op: 0x58}},
		"opcode 0x06 with x":  {{Op: 0x0e}},
		"32-bit jump":         {{Op: 0xb7}, {Op: 0x16, Off: 0}},
		"byte swap":           {{Op: 0xb7}, {Op: 0xd7, Imm: 16}},
		"byte order":          {{Op: 0xb7}, {Op: 0xdc, Imm: 16}},
		"long jump":           {{Op: 0x06, Imm: 0}},
		"signed division":     {{Op: 0xb7}, {Op: 0x37, Off: 1, Imm: 3}},
		"sign-extending move": {{Op: 0xb7}, {Op: 0xbf, Off: 8}},
		"may_goto":            {{Op: 0xb7}, {Op: 0xe5, Off: 1}, {Op: 0xb7}},
	} {
		o := readObject(t, flagsObject)
		o = alone(o, "xdp")
		p := o.Program("xdp")
		p.Relocs = nil
		p.Insns = append(append([]asm.Instruction(nil), insns...), exit...)
		o.Ext = nil // its records belong to other code
		loaded, err := bpf.Load(o, nil)
		if err == nil {
			loaded.Close()
		}
		running := kernel.Running()
		recorded := facts.NewRecorded(facts.Recording{Version: running.Version()})
		for i, k := range []facts.Kernel{running, recorded} {
			r := Check(o, k, nil)
			var n *Need
			for j := range r.Needs {
				if r.Needs[j].Kind == NeedInstruction {
					n = &r.Needs[j]
				}
			}
			if n != nil && n.Name == gotol.name && n.Answer == facts.Unknown {
				continue // before 6.6
			}
			lacks := n != nil && n.Answer != facts.Yes
			if lacks != (err != nil) || lacks && n.Answer != facts.No {
				t.Errorf("%s, kernel %d: need %+v, the kernel says %v", name, i, n, err)
			}
		}
	}
}

// TestWithoutExt checks a program that passes a callback, with .BTF.ext and without. The oracle is
// the running kernel.
func TestWithoutExt(t *testing.T) {
	testkit.Root(t)
	const source = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
static long each(__u32 i, void *c) { return 0; }
SEC("syscall") int p(void *c) { return bpf_loop(2, each, 0, 0); }
`
	path := testkit.Compile(t, source)
	stripped := filepath.Join(t.TempDir(), "stripped.bpf.o")
	if objcopy, err := exec.LookPath("llvm-objcopy-19"); err != nil {
		testkit.Skip(t, "%v", err)
	} else {
		testkit.Run(t, objcopy, "--remove-section=.BTF.ext", "--remove-section=.rel.BTF.ext",
			path, stripped)
	}
	for _, path := range []string{path, stripped} {
		o := readObject(t, path)
		loaded, err := bpf.Load(o, nil)
		if err == nil {
			loaded.Close()
		}
		if r := Check(o, kernel.Running(), nil); (r.Loads == facts.Yes) != (err == nil) {
			t.Errorf("%s: %s %q, the kernel says %v", path, r.Loads, r.Reasons, err)
		}
	}
	if _, err := os.Stat(stripped); errors.Is(err, syscall.ENOENT) {
		t.Error("nothing was stripped")
	}
}
