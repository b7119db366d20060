package verifier

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// The oracle is the kernel: each log in testdata named after a release was written by that kernel
// as it refused a program of the root's testdata/refused.bpf.o (TestRefused there writes such logs
// with PUREBPF_GOLDEN=1). sections.log is the report of Linux 7.3 that its authors published. The
// expected values were read from the logs by eye.
func TestLog(t *testing.T) {
	for _, c := range []struct {
		file    string
		verdict string
		insn    int
		text    string
		at      string
		source  string
	}{
		{"6.18-null_pointer.log", "R0 invalid mem access 'map_value_or_null'", 7,
			"(79) r0 = *(u64 *)(r0 +0)", "refused.bpf.c:33", "return *v; // not checked"},
		{"6.18-in_subprogram.log",
			"invalid variable-offset read from stack R2 var_off=(0x0; 0xf) off=-8 size=1", 9,
			"(71) r0 = *(u8 *)(r2 +0)", "refused.bpf.c:41", "return p[at & 15];"},
		{"6.18-endless.log", "infinite loop detected at insn 2", 2, "(61) r1 = *(u32 *)(r10 -4)",
			"refused.bpf.c:79", "i++;"},
		{"6.18-large_stack.log", "combined stack size of 2 calls is 608. Too large",
			-1, "", "", ""},
		{"sections.log", "R0 !read_ok", 0, "(95) exit", "", ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			log, err := os.ReadFile(filepath.Join("testdata", c.file))
			if err != nil {
				t.Fatal(err)
			}
			r := parse(string(log))
			at := ""
			if r.File != "" {
				at = fmt.Sprintf("%s:%d", r.File, r.Line)
			}
			if r.Verdict() != c.verdict || r.Insn != c.insn || r.InsnText != c.text || at != c.at ||
				r.Source != c.source {
				t.Errorf("got  %q %d %q %q %q\nwant %q %d %q %q %q", r.Verdict(), r.Insn,
					r.InsnText, at, r.Source, c.verdict, c.insn, c.text, c.at, c.source)
			}
		})
	}
}

func TestSections(t *testing.T) {
	log, err := os.ReadFile("testdata/sections.log")
	if err != nil {
		t.Fatal(err)
	}
	r := parse(string(log))
	if r.Headline != "Register Type Safety: Unreadable register" ||
		r.Reason != "R0 has never been initialized on this path, so the verifier cannot use it as an input." ||
		r.Suggestion != "Initialize R0 on every path before this instruction." {
		t.Errorf("%+v", r)
	}
	// Without the classic lines the report's headline is the verdict.
	_, report, _ := strings.Cut(string(log), "\n\n")
	if r := parse(report); r.Verdict() != r.Headline || r.Headline == "" || r.Insn != 0 {
		t.Errorf("%+v", r)
	}
}

// TestShapes tries short logs, quoted from kernel sources and from reports in public trackers.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		log     string
		verdict string
		insn    int
	}{
		{"", "", -1},
		{"\x00\x00", "", -1},
		{"unreachable insn 2\nprocessed 0 insns (limit 1000000)\n", "unreachable insn 2", 2},
		{"func#0 @0\nback-edge from insn 7 to 2\nprocessed 8 insns\n", "back-edge from insn 7 to 2",
			7},
		{"last insn is not an exit or jmp\nprocessed 0 insns\n", "last insn is not an exit or jmp",
			-1},
		{"0: (b7) r0 = 0\nBPF program is too large. Processed 1000001 insn\nprocessed 1000001 insns (limit 1000000)\n", "BPF program is too large. Processed 1000001 insn", -1},
		// A packet access gets two lines.
		{"5: (61) r1 = *(u32 *)(r1 +0)\n 6: R1=inv(id=0)\n6: (71) r0 = *(u8 *)(r1 +0)\ninvalid access to packet, off=0 size=1, R1(id=0,off=0,r=0)\nR1 offset is outside of the packet\nprocessed 7 insns\n",
			"invalid access to packet, off=0 size=1, R1(id=0,off=0,r=0); R1 offset is outside of the packet", 6},
		// A log that the buffer cut off.
		{"0: (b7) r0 = 0\n1: (95) ex", "", 1},
		{"0: (b7) r0 = 0\n1: (95) exit\n", "", 1},
		// Backtracking between instruction and verdict (5.x to 6.x).
		{"9: (0f) r2 += r1\nlast_idx 9 first_idx 0\nregs=2 stack=0 before 8: (07) r2 += -8\nmark_precise: frame0: last_idx 9 first_idx 0 subseq_idx -1\nR1 unbounded memory access\nprocessed 10 insns\n", "R1 unbounded memory access", 9},
		// BTF: the last line carries what is wrong.
		{"magic: 0xeb9f\nversion: 1\n[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n[2] FUNC helper type_id=1 vlen != 0\n", "[2] FUNC helper type_id=1 vlen != 0", -1},
		{"[1] STRUCT s size=4 vlen=1\n\tx type_id=9 bits_offset=0 Invalid member\n",
			"x type_id=9 bits_offset=0 Invalid member", -1},
	} {
		r := parse(c.log)
		if r.Verdict() != c.verdict || r.Insn != c.insn {
			t.Errorf("%q:\ngot  %q %d\nwant %q %d", c.log, r.Verdict(), r.Insn, c.verdict, c.insn)
		}
	}
}

// TestPoison checks that the lines about a poisoned instruction are replaced, in either format.
func TestPoison(t *testing.T) {
	classic := "0: R1=ctx() R10=fp0\n; x = f(); @ p.c:3\n0: (85) call unknown#195896080\ninvalid func unknown#195896080\n"
	tail := "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"
	sections := "\nVerification failed: Program Structure: Invalid call\n\nReason:\n  No such function.\n\nAt:\n  insn 0\n  Instruction context:\n  >>> 0 | (85) call unknown#195896080\n\n"
	for name, log := range map[string]string{"classic": classic + tail,
		"sections": classic + sections + tail} {
		p := &plan.Program{
			Spec: &object.Program{Function: object.Function{Name: "p"}},
			Poisons: []plan.Poison{{Insn: 0, Kind: plan.PoisonCORE,
				Text: "CO-RE relocation <byte_off> [3] struct s.x (0:1 @ offset 4)"}},
		}
		e := Read(log, p, nil)
		if !strings.Contains(e.Verdict(), "struct s.x") || e.InsnText != "" || e.Hint == "" {
			t.Errorf("%s: %+v", name, e)
		}
		if want := "; x = f(); @ p.c:3\n0: <CO-RE relocation <byte_off> [3] struct s.x (0:1 @ offset 4)>\nthis kernel has nothing that fits"; !strings.Contains(e.Log, want) || strings.Contains(e.Log, "invalid func unknown") {
			t.Errorf("%s: log:\n%s", name, e.Log)
		}
		if !strings.HasSuffix(e.Log, tail) {
			t.Errorf("%s: the log's end is missing:\n%s", name, e.Log)
		}
		// Another program's failure at an instruction that isn't poisoned stays as it is.
		p.Poisons[0].Insn = 5
		if e := Read(log, p, nil); e.Log != log {
			t.Errorf("%s: changed without cause:\n%s", name, e.Log)
		}
	}
}

// FuzzLog checks that no log makes the parser panic or return positions outside of it.
func FuzzLog(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.log")
	for _, file := range files {
		log, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(log))
	}
	f.Fuzz(func(t *testing.T, log string) {
		p := &plan.Program{Spec: &object.Program{}, Poisons: []plan.Poison{{Insn: 1, Text: "x"}}}
		e := Read(log, p, nil)
		if e.Insn < -1 || len(e.Verdicts) > verdictLines {
			t.Fatalf("%+v", e)
		}
		if e.InsnText != "" && !strings.Contains(log, e.InsnText) {
			t.Fatalf("%q is not in the log", e.InsnText)
		}
	})
}
