package plan_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// A kernel is asked only for what the object needs. Oracle: the list beside each object, made by
// hand from its source.
func TestQuestions(t *testing.T) {
	for _, row := range []struct {
		object string
		asked  []string
		never  []string
	}{
		{"../object/testdata/nobtf.o", nil,
			[]string{"BTF", "modules", "ksyms", "kconfig", "page", "cpus", "BTF_FUNC"}},
		{"../object/testdata/subprogs.o", []string{"BTF_FUNC", "BTF_GLOBAL_FUNC"},
			[]string{"modules", "ksyms", "kconfig", "BTF_FLOAT", "BTF_ENUM64", "ARG_CTX_TAG"}},
		{"types.o", []string{"BTF_FLOAT", "BTF_ENUM64", "BTF_TYPE_TAG", "BTF_DECL_TAG",
			"BTF_DATASEC", "GLOBAL_DATA"},
			[]string{"modules", "ksyms", "BTF_QMARK_DATASEC", "BTF_LAYOUT"}},
		{"loops.o", []string{"PROG_NAME"}, []string{"modules", "PROBE_READ_KERN"}},
		{"../object/testdata/maps.o", []string{"page", "cpus"}, []string{"modules", "GLOBAL_DATA"}},
	} {
		k := &fake{version: 1}
		resolve(t, open(t, row.object), k, nil)
		for _, what := range row.asked {
			if !slices.Contains(k.asked, what) {
				t.Errorf("%s: never asked for %s, only for %v", row.object, what, k.asked)
			}
		}
		for _, what := range append(row.never, "kernel BTF") {
			if slices.Contains(k.asked, what) {
				t.Errorf("%s: asked for %s without need", row.object, what)
			}
		}
	}
}

// noBTF fails the test if kernel BTF is requested.
type noBTF struct {
	facts.Kernel
	t *testing.T
}

func (k noBTF) BTF() (*btf.Spec, error) {
	k.t.Error("kernel BTF was touched")
	return k.Kernel.BTF()
}

func (k noBTF) Modules() ([]*facts.Module, error) {
	k.t.Error("module BTF was touched")
	return k.Kernel.Modules()
}

// Objects without CO-RE, typed externs, struct_ops and BTF targets never request kernel BTF.
func TestKernelBTFUntouched(t *testing.T) {
	for _, name := range []string{"../object/testdata/plain.o", "../object/testdata/subprogs.o",
		"../object/testdata/maps.o", "types.o", "loops.o", "kconfig.o"} {
		k := &fake{version: 1, kconfig: "CONFIG_HZ=1\nCONFIG_BPF_SYSCALL=y\n"}
		resolve(t, open(t, name), noBTF{k, t}, nil)
	}
}

// Many goroutines resolve one object, which stays unchanged. Oracle: the race detector, and a clone
// made before.
func TestConcurrentAndUnchanged(t *testing.T) {
	for _, path := range append(own(t), testkit.Corpus(t, "tools")[:8]...) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, filepath.Base(path))
		if err != nil {
			continue
		}
		before := o.Clone()
		code := slices.Clone(allCode(o))
		var wg sync.WaitGroup
		texts := make([]string, 16)
		for i := range texts {
			wg.Add(1)
			go func() {
				defer wg.Done()
				p, err := plan.Resolve(o, kernel.Running(), &plan.Options{Foreign: true})
				var b strings.Builder
				switch {
				case err != nil:
					b.WriteString(err.Error())
				default:
					p.WriteTo(&b)
				}
				texts[i] = b.String()
			}()
		}
		wg.Wait()
		for _, text := range texts[1:] {
			if text != texts[0] {
				t.Errorf("%s: two plans differ:\n%s\n%s", path, texts[0], text)
				break
			}
		}
		if !slices.Equal(code, allCode(o)) {
			t.Errorf("%s: instructions of the object were changed", path)
		}
		if !reflect.DeepEqual(before, o.Clone()) {
			t.Errorf("%s: the object was changed", path)
		}
	}
}

func allCode(o *object.Object) (all []asm.Instruction) {
	for _, p := range o.Programs {
		all = append(all, p.Insns...)
	}
	for _, f := range o.Subprogs {
		all = append(all, f.Insns...)
	}
	return all
}

// A map with autocreate off is left out and its uses are poisoned. Oracle: libbpf's numbers
// (2001000000 plus the map's position) and the shape of its poison, both halves of the ld_imm64.
func TestMapNotCreated(t *testing.T) {
	o := open(t, "../object/testdata/maps.o")
	m := o.Map("weak_map")
	m.Autocreate = false
	p := resolve(t, o, &fake{version: 1}, nil)
	if pm := plannedMap(t, p, "weak_map"); !pm.Skip {
		t.Error("the map would be created")
	}
	prog := planned(t, p, "main_prog")
	var at []int
	for _, rl := range prog.Spec.Relocs {
		if rl.Map == m {
			at = append(at, rl.Insn)
		}
	}
	want := asm.Instruction{Op: 0x85, Imm: int32(2001000000 + m.Index)}
	if len(at) != 1 || prog.Insns[at[0]] != want || prog.Insns[at[0]+1] != want {
		t.Fatalf("references at %v: %v", at, prog.Insns)
	}
	if len(prog.Poisons) != 1 || prog.Poisons[0].Insn != at[0] ||
		prog.Poisons[0].Kind != plan.PoisonMap || !strings.Contains(prog.Poisons[0].Text,
		"weak_map") {
		t.Errorf("poisons %v", prog.Poisons)
	}
	for _, f := range prog.Fixups {
		if f.Insn == at[0] {
			t.Error("a poisoned instruction gets a file descriptor")
		}
	}
	if !event(p, plan.EventPoisoned, "main_prog", "weak_map") ||
		!event(p, plan.EventSkipped, "weak_map", "autocreate") {
		t.Errorf("events %v", p.Events)
	}
	// An initial value cannot be a map that does not exist.
	o.Map("first").Autocreate = false
	if _, err := plan.Resolve(o, &fake{}, nil); err == nil ||
		!strings.Contains(err.Error(), "first") || !strings.Contains(err.Error(), "outer") {
		t.Errorf("a slot with a map that is not created: %v", err)
	}
}

// Names are given only to kernels that accept them. Oracle: the rule.
func TestNoNames(t *testing.T) {
	p := resolve(t, open(t, "../object/testdata/data.o"),
		&fake{version: 1, lacks: []facts.Feature{facts.ProgName}}, nil)
	for _, m := range p.Maps {
		if m.Name != "" {
			t.Errorf("map is named %q", m.Name)
		}
	}
	for _, x := range p.Programs {
		if x.Name != "" {
			t.Errorf("program is named %q", x.Name)
		}
	}
}

// Oracle: libbpf's rule: the smallest power of two of pages that is not below the requested size,
// on machines with several page sizes.
func TestRingSizes(t *testing.T) {
	for _, row := range []struct {
		page int
		want map[string]uint32
	}{
		{4096, map[string]uint32{"ring_4096": 4096, "ring_5000": 8192, "ring_1": 4096, "ring_0": 0,
			"ring_user": 16384}},
		{65536, map[string]uint32{"ring_4096": 65536, "ring_5000": 65536, "ring_1": 65536,
			"ring_0": 0, "ring_user": 65536}},
	} {
		p := resolve(t, open(t, "../object/testdata/maps.o"), &fake{version: 1, page: row.page},
			nil)
		for name, want := range row.want {
			if got := plannedMap(t, p, name).MaxEntries; got != want {
				t.Errorf("page %d: %s has %d, want %d", row.page, name, got, want)
			}
		}
		if got := plannedMap(t, p, "events").MaxEntries; got != 3 {
			t.Errorf("perf event array has %d entries for 3 possible CPUs", got)
		}
	}
	o := open(t, "../object/testdata/maps.o")
	o.Map("ring_1").MaxEntries = 1<<32 - 5
	p := resolve(t, o, &fake{version: 1}, nil)
	if got := plannedMap(t, p, "ring_1").MaxEntries; got != 1<<32-5 {
		t.Errorf("a size that cannot be rounded up is %d", got)
	}
	if got := plannedMap(t, p, "pinned").PinPath; got != "/sys/fs/bpf/pinned" {
		t.Errorf("pin path %s", got)
	}
	p = resolve(t, o, &fake{version: 1}, &plan.Options{PinRoot: "/sys/fs/bpf/app"})
	if got := plannedMap(t, p, "pinned").PinPath; got != "/sys/fs/bpf/app/pinned" {
		t.Errorf("pin path %s", got)
	}
}

// Oracle: libbpf 1.8's placement of an arena's variables (end of the arena, or its start on kernels
// that limit the offset).
func TestArena(t *testing.T) {
	for _, row := range []struct {
		lacks []facts.Feature
		off   uint64
	}{
		{nil, 99 * 4096},
		{[]facts.Feature{facts.LdImm64FullRangeOff}, 0},
	} {
		o := open(t, "../object/testdata/arena.o")
		p := resolve(t, o, &fake{version: 1, lacks: row.lacks}, nil)
		m := plannedMap(t, p, "arena")
		if m.ImageOffset != row.off || !slices.Equal(m.Image, o.ArenaData) || !m.Mmap {
			t.Errorf("image at %d, %d bytes; want %d, %d", m.ImageOffset, len(m.Image), row.off,
				len(o.ArenaData))
		}
		prog := planned(t, p, "use")
		n := 0
		for _, rl := range prog.Spec.Relocs {
			if rl.Kind != object.RelocData {
				continue
			}
			n++
			in, next := prog.Insns[rl.Insn], prog.Insns[rl.Insn+1]
			old := prog.Spec.Insns[rl.Insn]
			if in.Src() != asm.PseudoMapValue || uint64(uint32(next.Imm)) != row.off+rl.SymValue+
				uint64(uint32(old.Imm)) {
				t.Errorf("reference to %s: %v %v", rl.Symbol, in, next)
			}
		}
		if n == 0 {
			t.Error("no reference to an arena variable")
		}
	}
	o := open(t, "../object/testdata/arena.o")
	o.Arena.MaxEntries = 0
	var e *plan.Error
	if _, err := plan.Resolve(o, &fake{}, nil); !errors.As(err, &e) || e.Code != plan.CodeTooBig {
		t.Errorf("variables larger than the arena: %v", err)
	}
}

// Oracle: the byte offsets written in object/testdata/jumptable.c, divided by 8.
func TestJumpTable(t *testing.T) {
	o := open(t, "../object/testdata/jumptable.o")
	o.Program("jump_too").Autoload = false // its table leads into the other program
	p := resolve(t, o, &fake{version: 1}, nil)
	m := p.Maps[len(p.Maps)-1]
	if m.Spec != nil || m.Type != uapi.MapInsnArray || m.KeySize != 4 || m.ValueSize != 16 ||
		m.MaxEntries != 2 || !m.Freeze || m.Name != ".jumptables" {
		t.Fatalf("jump table %+v", m)
	}
	if !slices.Equal(m.Entries, []uint32{7, 9}) {
		t.Errorf("entries %v, want 7 and 9", m.Entries)
	}
	jump := planned(t, p, "jump")
	if jump.Insns[0].Src() != asm.PseudoMapValue || len(jump.Fixups) != 1 ||
		jump.Fixups[0].Map != m {
		t.Errorf("%v %v", jump.Insns[0], jump.Fixups)
	}
	o.Program("jump_too").Autoload = true
	if _, err := plan.Resolve(o, &fake{version: 1}, nil); err == nil ||
		!strings.Contains(err.Error(), "jump_too") {
		t.Errorf("a table that leads out of the program: %v", err)
	}
}

// Oracle: libbpf's error numbers and our promise that the plan of the other programs is kept.
func TestPrograms(t *testing.T) {
	o := open(t, "../object/testdata/plain.o")
	o.Programs[0].Type = uapi.ProgUnspec
	p := resolve(t, o, &fake{version: 1}, nil)
	var e *plan.Error
	if !errors.As(p.Programs[0].Err, &e) || e.Code != plan.CodeInvalid ||
		!strings.Contains(e.Error(), o.Programs[0].Sec) {
		t.Errorf("program without type: %v", p.Programs[0].Err)
	}
	if !event(p, plan.EventWarning, o.Programs[0].Name, "will not load") {
		t.Errorf("events %v", p.Events)
	}
	for _, x := range o.Programs {
		x.Autoload = false
	}
	p = resolve(t, o, &fake{version: 1}, nil)
	if len(p.Programs) != 0 || !event(p, plan.EventSkipped, o.Programs[0].Name, "autoload") {
		t.Errorf("%d programs, events %v", len(p.Programs), p.Events)
	}
}

// The object's byte order must be the machine's, unless the plan is only for inspection. Oracle:
// libbpf's error 4003.
func TestForeignOrder(t *testing.T) {
	o := open(t, "../object/testdata/maps-be.o")
	var e *plan.Error
	if _, err := plan.Resolve(o, &fake{version: 1}, nil); !errors.As(err, &e) ||
		e.Code != plan.CodeEndian {
		t.Errorf("%v", err)
	}
	p := resolve(t, o, &fake{version: 1}, &plan.Options{Foreign: true})
	if len(p.Programs) != 2 {
		t.Errorf("%d programs", len(p.Programs))
	}
}
