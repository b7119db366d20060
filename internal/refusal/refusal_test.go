package refusal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/verifier"
)

func explained(t *testing.T, text string) *Explanation {
	t.Helper()
	logs := Logs(text)
	if len(logs) != 1 {
		t.Fatalf("%d logs", len(logs))
	}
	r := verifier.Read(logs[0].Text, nil, nil)
	e := Explain(&r, nil, nil)
	e.Program = logs[0].Program
	return e
}

// TestKernelLogs explains logs that kernels wrote about the root's testdata/refused.bpf.c. Oracle:
// its source, read by eye.
func TestKernelLogs(t *testing.T) {
	for file, want := range map[string]string{
		"6.18-null_pointer.log": "33: v (r0) may be NULL: it comes from bpf_map_lookup_elem at line " +
			"31 and isn't checked on the path 31 → 33; if (!v) return 0;  before line 33; " +
			"R0=map_value_or_null(id=1,map=array,ks=4,vs=8); 30 31 33",
		"6.18-in_subprogram.log": "41: an array on the stack is accessed with an index that isn't " +
			"constant and not limited to the part that was written; limit the index to the array and clear " +
			"the array before (= {}), or keep the array in a per-CPU array map; ; 47 36 38 41",
	} {
		log, err := os.ReadFile(filepath.Join("../verifier/testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		e := explained(t, string(log))
		var way []string
		for _, l := range e.Path {
			way = append(way, fmt.Sprint(l.Number))
		}
		got := fmt.Sprintf("%d: %s; %s; %s; %s", e.At.Number, e.Reason, e.Write, e.Known,
			strings.Join(way, " "))
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", file, got, want)
		}
	}
}

// TestOldLogs explains logs in the formats of older kernels: without lines and names of helpers
// (4.9), with the text of lines (5.x), in libbpf's messages, and indented. Oracle: the
// instructions.
func TestOldLogs(t *testing.T) {
	const plain = "0: (7a) *(u64 *)(r10 -8) = 0\n1: (bf) r2 = r10\n2: (07) r2 += -8\n" +
		"3: (18) r1 = 0xffff888100000000\n5: (85) call 1\n6: (bf) r6 = r0\n" +
		"7: (7a) *(u64 *)(r6 +0) = 0\nR6 invalid mem access 'map_value_or_null'\n"
	const lines = "0: R1=ctx(id=0,off=0,imm=0) R10=fp0\n; value = bpf_map_lookup_elem(&map, &key);\n" +
		"0: (85) call bpf_map_lookup_elem#1\n; if (n == 3)\n1: (15) if r7 == 0x3 goto pc+3\n" +
		" R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R7=inv(id=0) R10=fp0\n; return 1;\n" +
		"2: (b7) r0 = 1\n3: (95) exit\n\nfrom 1 to 5: R0=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) " +
		"R7=inv3 R10=fp0\n; return *value;\n5: (79) r0 = *(u64 *)(r0 +0)\n" +
		"R0 invalid mem access 'map_value_or_null'\nprocessed 6 insns (limit 1000000)\n"
	for _, c := range []struct{ name, text, program, reason, write, path, known string }{
		{"no lines", plain, "",
			"r6 may be NULL: it comes from bpf_map_lookup_elem at instruction 5 and isn't checked",
			"keep the pointer in a variable p, and check that: if (!p) return 0;  before that line",
			"", ""},
		{"lines", lines, "", "value (r0) may be NULL: it comes from bpf_map_lookup_elem at " +
			"\"value = bpf_map_lookup_elem(&map, &key);\" and isn't checked",
			"if (!value) return 0;  before that line",
			"value = bpf_map_lookup_elem(&map, &key);|if (n == 3)|return *value;",
			"R0=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)"},
		{"libbpf", "libbpf: prog 'p': BPF program load failed: Permission denied\n" +
			"libbpf: prog 'p': -- BEGIN PROG LOAD LOG --\n" + plain + "-- END PROG LOAD LOG --\n" +
			"libbpf: prog 'p': failed to load: -13\n", "p",
			"r6 may be NULL: it comes from bpf_map_lookup_elem at instruction 5 and isn't checked",
			"keep the pointer in a variable p, and check that: if (!p) return 0;  before that line",
			"", ""},
		{"indented", "load program: permission denied:\n\t" +
			strings.ReplaceAll(strings.TrimSuffix(plain, "\n"), "\n", "\n\t"), "",
			"r6 may be NULL: it comes from bpf_map_lookup_elem at instruction 5 and isn't checked",
			"keep the pointer in a variable p, and check that: if (!p) return 0;  before that line",
			"", ""},
		{"more behind", lines + "\n(the kernel's log went on)\n", "",
			"value (r0) may be NULL: it comes from bpf_map_lookup_elem at " +
				"\"value = bpf_map_lookup_elem(&map, &key);\" and isn't checked",
			"if (!value) return 0;  before that line",
			"value = bpf_map_lookup_elem(&map, &key);|if (n == 3)|return *value;",
			"R0=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)"},
		{"a call over a register", "0: (b7) r1 = 0\n1: (85) call bpf_ktime_get_ns#5\n" +
			"2: (bf) r2 = r1\nR1 !read_ok\n", "",
			"r1 has no value: the call of bpf_ktime_get_ns at " +
				"instruction 1 overwrote r0 to r5",
			"set the variable on every path before that line, also after calls", "", ""},
		{"through the stack", "0: (85) call bpf_get_current_task#35\n1: (7b) *(u64 *)(r10 -8) = r0\n" +
			"2: (85) call pc+3\ncaller:\n R10=fp0\ncallee:\n R10=fp0\n6: (b7) r0 = 0\n7: (95) exit\n" +
			"3: (79) r3 = *(u64 *)(r10 -8)\n4: (79) r4 = *(u64 *)(r3 +0)\nR3 invalid mem access 'inv'\n", "",
			"to the verifier r3 is a number, not a pointer that programs may follow; it comes from " +
				"bpf_get_current_task at instruction 0",
			"bpf_probe_read_kernel(&copy, sizeof(copy), pointer) " +
				"if it is an address of the kernel (BPF_CORE_READ for fields), bpf_probe_read_user if it is " +
				"one of user space", "", ""},
		{"libbpf's words", "0: (b7) r1 = 0\n; x = task->none; @ a.c:7\n1: <invalid CO-RE relocation>\n" +
			"failed to resolve CO-RE relocation <byte_off> [3] struct t.none (0:0 @ offset 0)\n" +
			"processed 2 insns (limit 1000000)\n", "", "the kernel has nothing that fits CO-RE " +
			"relocation <byte_off> [3] struct t.none (0:0 @ offset 0)", "guard it with " +
			"bpf_core_field_exists, bpf_core_type_exists or bpf_core_enum_value_exists", "", ""},
		{"not released", "0: (85) call bpf_sk_lookup_tcp#84\n1: (b7) r0 = 0\n2: (95) exit\n" +
			"Unreleased reference id=2 alloc_insn=0\n", "",
			"what bpf_sk_lookup_tcp returned at instruction 0 is not released on this path",
			"bpf_sk_release before every return", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := explained(t, c.text)
			var way []string
			for _, l := range e.Path {
				way = append(way, l.Source)
			}
			if path := strings.Join(way, "|"); e.Program != c.program || e.Reason != c.reason ||
				e.Write != c.write || path != c.path || e.Known != c.known {
				t.Errorf("program %q\n%s\n%s\npath %s\nknown %s", e.Program, e.Reason, e.Write,
					path,
					e.Known)
			}
		})
	}
	for _, text := range []string{"", "hello\n", "1: 2\n", begin, "\x7fELF\x00\x01"} {
		if logs := Logs(text); len(logs) != 0 && text != begin {
			t.Errorf("%q: %q", text, logs)
		}
	}
}

// FuzzExplain: no log panics, and what is said of it is bounded.
func FuzzExplain(f *testing.F) {
	files, _ := filepath.Glob("../verifier/testdata/*.log")
	for _, file := range files {
		log, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(log))
	}
	f.Add("0: (85) call pc+1\n2: (85) call x#1\n2: (95) exit\nfrom 0 to 2: R0=1\nR9 !read_ok\n")
	f.Add(begin + "\n0: (95) exit\narg#9 expects pointer to ctx\n" + end + begin)
	f.Fuzz(func(t *testing.T, text string) {
		for _, log := range Logs(text) {
			r := verifier.Read(log.Text, nil, nil)
			e := Explain(&r, nil, nil)
			if len(e.Path) > pathLines || len(e.Reason)+len(e.Write) > 8*len(text)+2000 {
				t.Errorf("%+v", e)
			}
			Explain(&r, []Line{{Insn: 1, Source: "a = b"}}, &Line{})
		}
	})
}
