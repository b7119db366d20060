package core

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
)

// The oracle of this file is the description of libbpf's behaviour; libbpf_linux_test.go compares
// with libbpf itself.

func buildSpec(t testing.TB, base *btf.Spec, build func(b *btf.Builder)) *btf.Spec {
	t.Helper()
	b := btf.NewBuilder(base)
	build(b)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// addStruct adds a struct whose int members are at the given byte offsets.
func addStruct(b *btf.Builder, name string, members ...any) btf.ID {
	i := b.AddInt("int", 4, btf.Signed)
	id := b.AddStruct(name, 1024)
	for k := 0; k < len(members); k += 2 {
		b.AddMember(members[k].(string), i, uint32(members[k+1].(int))*8, 0)
	}
	return id
}

func wantErrno(t *testing.T, err error, errno int, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want *Error", err)
	}
	if e.Errno != errno || !strings.Contains(err.Error(), text) {
		t.Errorf("error is %d %q, want %d and %q", e.Errno, err, errno, text)
	}
}

// TestPruning resolves fields of a type that the target has twice. The first relocation determines
// the candidates of later ones.
func TestPruning(t *testing.T) {
	var a, x, both btf.ID
	local := buildSpec(t, nil, func(b *btf.Builder) {
		a = addStruct(b, "s", "only_in_one", 0, "moved", 4)
		x = addStruct(b, "s___mine", "only_in_one", 0, "moved", 4)
		both = addStruct(b, "same", "f", 0)
	})
	target := NewTarget(buildSpec(t, nil, func(b *btf.Builder) {
		addStruct(b, "s", "only_in_one", 16, "moved", 20)
		addStruct(b, "s___other", "moved", 40)
		addStruct(b, "same", "f", 8)
		addStruct(b, "same___x", "g", 4, "f", 8)
	}), nil)

	// libbpf keeps candidates by local type id, so the flavour, which has not been narrowed, stays
	// ambiguous.
	r := target.NewResolver(local)
	res, err := r.Resolve(Relo{FieldExists, a, "0:0"})
	if err != nil || res.Value != 1 {
		t.Fatalf("only_in_one: %+v, %v", res, err)
	}
	if res, err = r.Resolve(Relo{FieldByteOffset, a, "0:1"}); err != nil || res.Value != 20 {
		t.Errorf("moved after only_in_one: %d, %v; want 20", res.Value, err)
	}
	_, err = r.Resolve(Relo{FieldByteOffset, x, "0:1"})
	wantErrno(t, err, einval,
		"ambiguous: the target has <byte_off> [2] struct s.moved (0:1 @ offset 20) and <byte_off> [4] struct s___other.moved (0:0 @ offset 40)")

	// A relocation without a match narrows nothing.
	r = target.NewResolver(local)
	_, err = r.Resolve(Relo{FieldByteOffset, a, "0:1"})
	wantErrno(t, err, einval, "ambiguous")
	if res, err = target.Resolve(local, Relo{FieldByteOffset, both, "0:0"}); err != nil ||
		res.Value != 8 || !res.Found {
		t.Errorf("two candidates that agree: %+v, %v", res, err)
	}
	// A Target does not keep what one load narrowed.
	_, err = target.Resolve(local, Relo{FieldByteOffset, a, "0:1"})
	wantErrno(t, err, einval, "ambiguous")
}

// TestModules looks for types in vmlinux, for types only in modules, and for missing types.
func TestModules(t *testing.T) {
	var here, there, nowhere btf.ID
	local := buildSpec(t, nil, func(b *btf.Builder) {
		here = addStruct(b, "in_vmlinux", "f", 0)
		there = addStruct(b, "in_module", "f", 0)
		nowhere = addStruct(b, "in_nothing", "f", 0)
	})
	vmlinux := buildSpec(t, nil, func(b *btf.Builder) { addStruct(b, "in_vmlinux", "f", 8) })
	var inModule btf.ID
	module := buildSpec(t, vmlinux, func(b *btf.Builder) {
		i := b.AddInt("long", 8, btf.Signed)
		b.AddStruct("in_vmlinux", 8)
		b.AddMember("f", i, 32, 0)
		inModule = b.AddStruct("in_module", 64)
		b.AddMember("f", i, 16*8, 0)
	})
	asked := 0
	var fail error
	target := NewTarget(vmlinux, func() ([]*btf.Spec, error) {
		asked++
		return []*btf.Spec{module}, fail
	})
	if res, err := target.Resolve(local, Relo{FieldByteOffset, here, "0:0"}); err != nil ||
		res.Value != 8 {
		t.Errorf("in_vmlinux: %d, %v", res.Value, err)
	}
	if asked != 0 {
		t.Error("modules were searched for a type that vmlinux has")
	}
	fail = errors.New("no modules today")
	if _, err := target.Resolve(local, Relo{FieldByteOffset, there, "0:0"}); !errors.Is(err, fail) {
		t.Errorf("failure to list modules: %v", err)
	}
	fail = nil
	res, err := target.Resolve(local, Relo{FieldByteOffset, there, "0:0"})
	if err != nil || res.Value != 16 || res.TargetBTF != module {
		t.Errorf("in_module: %+v, %v", res, err)
	}
	if res, err = target.Resolve(local, Relo{TypeIDTarget, there, "0"}); err != nil ||
		res.Value != uint64(inModule) {
		t.Errorf("id of in_module: %d, %v; want %d", res.Value, err, inModule)
	}
	if res, err = target.Resolve(local, Relo{TypeExists, nowhere, "0"}); err != nil ||
		res.Value != 0 || res.Poison {
		t.Errorf("in_nothing: %+v, %v", res, err)
	}
	if asked != 2 {
		t.Errorf("modules were listed %d times, want twice: once with an error", asked)
	}
	if res, err = NewTarget(vmlinux, nil).Resolve(local,
		Relo{TypeExists, there, "0"}); err != nil || res.Value != 0 {
		t.Errorf("in_module without modules: %+v, %v", res, err)
	}
	if _, err = NewTarget(nil, nil).Resolve(local, Relo{TypeExists, there, "0"}); !errors.Is(err,
		ErrNoBTF) {
		t.Errorf("without BTF: %v", err)
	}
	if res, err = NewTarget(nil, nil).Resolve(local, Relo{TypeIDLocal, there, "0"}); err != nil ||
		res.Value != uint64(there) {
		t.Errorf("local id without BTF: %+v, %v", res, err)
	}
}

// TestMalformed resolves records that no compiler makes.
func TestMalformed(t *testing.T) {
	var s, e, anon, fwd btf.ID
	local := buildSpec(t, nil, func(b *btf.Builder) {
		s = addStruct(b, "s", "f", 0)
		e = b.AddEnum("e", 4, false)
		b.AddEnumerator("E", 1)
		anon = addStruct(b, "", "f", 0)
		fwd = b.AddFwd("later", btf.KindStruct)
	})
	target := NewTarget(local, nil)
	for _, row := range []struct {
		relo  Relo
		errno int
		text  string
	}{
		{Relo{FieldByteOffset, s, ""}, einval, "malformed"},
		{Relo{FieldByteOffset, s, "0:"}, einval, "malformed"},
		{Relo{FieldByteOffset, s, ":0"}, einval, "malformed"},
		{Relo{FieldByteOffset, s, "0:-1"}, einval, "malformed"},
		{Relo{FieldByteOffset, s, "0 0"}, einval, "malformed"},
		{Relo{FieldByteOffset, s, "0:99999999999"}, einval, "too large"},
		{Relo{FieldByteOffset, s, "0:1"}, einval, "no index 1"},
		{Relo{FieldByteOffset, s, "0:0:0"}, einval, "has no members"},
		{Relo{FieldByteOffset, s, "0" + strings.Repeat(":0", 64)}, e2big, "more than 64"},
		{Relo{FieldByteOffset, s, "2147483647:0"}, e2big, "too large"},
		{Relo{FieldByteOffset, 9999, "0"}, einval, "not in the object's BTF"},
		{Relo{FieldByteOffset, fwd, "0"}, einval, "has no size"},
		{Relo{FieldSigned, s, "0"}, einval, "array element"},
		{Relo{TypeExists, s, "0:0"}, einval, `want "0"`},
		{Relo{TypeSize, fwd, "0"}, einval, "has no size"},
		// C libbpf: "target candidate search failed for [5] struct : -22"
		{Relo{TypeExists, anon, "0"}, einval, "without a name"},
		{Relo{EnumvalValue, e, "1"}, einval, "no enumerator"},
		{Relo{EnumvalValue, e, "0:0"}, einval, "no enumerator"},
		{Relo{EnumvalValue, s, "0"}, einval, "no enumerator"},
		{Relo{kindCount, s, "0"}, einval, "unknown relocation kind 13"},
	} {
		_, err := target.Resolve(local, row.relo)
		if err == nil {
			t.Errorf("%v of %d %q: no error", row.relo.Kind, row.relo.Type, row.relo.Access)
			continue
		}
		wantErrno(t, err, row.errno, row.text)
	}
	if got, want := Describe(local, Relo{FieldByteOffset, s, "0:9"}),
		"<byte_off> [2] struct s + 0:9"; got != want {
		t.Errorf("Describe gives %q, want %q", got, want)
	}
	if got, want := Describe(local, Relo{FieldByteOffset, 9999, "0:9"}),
		"<byte_off> [9999] + 0:9"; got != want {
		t.Errorf("Describe gives %q, want %q", got, want)
	}
}

// TestPatchRefuses patches instructions that do not fit their relocation.
func TestPatchRefuses(t *testing.T) {
	var s btf.ID
	local := buildSpec(t, nil, func(b *btf.Builder) {
		u := b.AddInt("unsigned int", 4, 0)
		s = b.AddStruct("s", 16)
		b.AddMember("f", u, 8*8, 0)
	})
	kernel := func(offset uint32, size uint32) *Target {
		return NewTarget(buildSpec(t, nil, func(b *btf.Builder) {
			u := b.AddInt("unsigned int", 4, 0)
			field := u
			switch size {
			case 1, 2, 8, 16:
				field = b.AddInt("number", size, 0)
			}
			id := b.AddInt("char", 1, 0)
			pad := b.AddArray(u, id, offset)
			b.AddStruct("s", offset+size)
			b.AddMember("pad", pad, 0, 0)
			b.AddMember("f", field, offset*8, 0)
		}), nil)
	}
	relo := Relo{FieldByteOffset, s, "0:0"}
	resolve := func(target *Target) Result {
		t.Helper()
		res, err := target.Resolve(local, relo)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	moved := resolve(kernel(32, 4))
	for _, row := range []struct {
		res   Result
		insns []asm.Instruction
		at    int
		errno int
		text  string
	}{
		{moved, []asm.Instruction{asm.Mov64Imm(1, 8)}, 1, einval, "past the end"},
		{moved, []asm.Instruction{asm.Mov64Imm(1, 8)}, -1, einval, "past the end"},
		{moved, []asm.Instruction{asm.Mov64Imm(1, 9)}, 0, einval,
			"holds 9, the compiler should have put 8"},
		{moved, []asm.Instruction{asm.Mov64Reg(1, 2)}, 0, einval, "register"},
		{moved, []asm.Instruction{asm.LdxMem(asm.W, 1, 2, 4)}, 0, einval, "holds 4"},
		{moved, []asm.Instruction{asm.Goto(8)}, 0, einval, "cannot hold a CO-RE value"},
		{moved, []asm.Instruction{{Op: asm.OpLdImm64, Imm: 8}}, 0, einval, "half a ld_imm64"},
		{moved, []asm.Instruction{{Op: asm.OpLdImm64, Imm: 8, Regs: asm.Regs(1, 1)}, {}}, 0, einval,
			"not a plain ld_imm64"},
		{moved, []asm.Instruction{{Op: asm.OpLdImm64, Imm: 8, Off: 1}, {}}, 0, einval,
			"not a plain ld_imm64"},
		{moved, []asm.Instruction{{Op: asm.OpLdImm64, Imm: 8}, {Off: 1}}, 0, einval,
			"not a plain ld_imm64"},
		{moved, []asm.Instruction{{Op: asm.OpLdImm64, Imm: 8}, {Imm: 1}}, 0, einval,
			"holds 4294967304"},
		{resolve(kernel(32768, 4)), []asm.Instruction{asm.LdxMem(asm.W, 1, 2, 8)}, 0, erange,
			"offset 32768 does not fit"},
		{resolve(kernel(32, 8)), []asm.Instruction{asm.LdxMem(asm.B, 1, 2, 8)}, 0, einval,
			"moves 1 bytes, the field has 4"},
		{resolve(kernel(32, 16)), []asm.Instruction{asm.LdxMem(asm.W, 1, 2, 8)}, 0, einval,
			"cannot move the 16 bytes"},
	} {
		before := append([]asm.Instruction(nil), row.insns...)
		err := row.res.Patch(row.insns, row.at)
		if err == nil {
			t.Errorf("%s: no error", row.text)
			continue
		}
		wantErrno(t, err, row.errno, row.text)
		if !strings.Contains(err.Error(), "<byte_off> [2] struct s.f (0:0 @ offset 8)") {
			t.Errorf("error %q does not name the field", err)
		}
		if before[0] != row.insns[0] {
			t.Errorf("%s: instruction was changed all the same", row.text)
		}
	}
	// The same offset is valid in an immediate.
	insns := []asm.Instruction{asm.Mov64Imm(1, 8)}
	if err := resolve(kernel(32768, 4)).Patch(insns, 0); err != nil || insns[0].Imm != 32768 {
		t.Errorf("mov: %v, %v", insns[0], err)
	}
	for size, want := range map[uint32]asm.MemSize{1: asm.B, 2: asm.H, 4: asm.W, 8: asm.DW} {
		for _, insn := range []asm.Instruction{asm.LdxMem(asm.W, 1, 2, 8),
			asm.StxMem(asm.W, 1, 2, 8), asm.StMem(asm.W, 1, 8, 7), {Op: 0x81, Regs: 0x21, Off: 8}} {
			insns := []asm.Instruction{insn}
			if err := resolve(kernel(32, size)).Patch(insns, 0); err != nil {
				t.Errorf("%v to %d bytes: %v", insn, size, err)
			}
			insn.Op = insn.Op&^asm.Opcode(asm.DW) | asm.Opcode(want)
			insn.Off = 32
			if insns[0] != insn {
				t.Errorf("to %d bytes: %v, want %v", size, insns[0], insn)
			}
		}
	}
}

// TestHostileNesting resolves against small BTF that takes exponential time to walk. The oracle is
// the clock.
func TestHostileNesting(t *testing.T) {
	const levels = 40
	tower := func(anonymous bool) (*btf.Spec, btf.ID) {
		var top btf.ID
		s := buildSpec(t, nil, func(b *btf.Builder) {
			top = addStruct(b, "", "leaf", 0)
			for i := range levels {
				name := ""
				if !anonymous || i == levels-1 {
					name = fmt.Sprintf("s%d", i)
				}
				id := b.AddStruct(name, 1024)
				for _, m := range []string{"a", "b", "c"} {
					if anonymous {
						m = ""
					}
					b.AddMember(m, top, 0, 0)
				}
				top = id
			}
		})
		return s, top
	}
	var field, whole btf.ID
	plain := buildSpec(t, nil, func(b *btf.Builder) {
		field = addStruct(b, fmt.Sprintf("s%d", levels-1), "missing", 0)
	})
	deep, _ := tower(true)
	local, whole := tower(false)

	start := time.Now()
	if res, err := NewTarget(deep, nil).Resolve(plain,
		Relo{FieldExists, field, "0:0"}); err == nil {
		t.Errorf("a search through 3^%d members ended with %+v", levels, res)
	}
	if _, err := NewTarget(local, nil).Resolve(local, Relo{TypeMatches, whole, "0"}); err == nil {
		t.Error("a comparison of 3^40 members ended")
	}
	var proto btf.ID
	protos := buildSpec(t, nil, func(b *btf.Builder) {
		proto = b.AddFuncProto(0)
		for range 30 {
			next := b.AddFuncProto(proto)
			b.AddParam("", proto)
			b.AddParam("", proto)
			proto = next
		}
	})
	if _, err := Compatible(protos, proto, protos, proto); err == nil {
		t.Error("a comparison of 3^30 prototypes ended")
	}
	if d := time.Since(start); d > 15*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestTargetConcurrent resolves different objects against one Target at once. The oracle is the
// race detector.
func TestTargetConcurrent(t *testing.T) {
	var ids [8]btf.ID
	local := buildSpec(t, nil, func(b *btf.Builder) {
		for i := range ids {
			ids[i] = addStruct(b, fmt.Sprintf("s%d", i), "f", 0)
		}
	})
	vmlinux := buildSpec(t, nil, func(b *btf.Builder) {
		for i := range ids[:4] {
			addStruct(b, fmt.Sprintf("s%d", i), "f", 8*i)
		}
	})
	module := buildSpec(t, vmlinux, func(b *btf.Builder) {
		for i := range ids[4:] {
			addStruct(b, fmt.Sprintf("s%d", i+4), "f", 8*(i+4))
		}
	})
	target := NewTarget(vmlinux, func() ([]*btf.Spec, error) { return []*btf.Spec{module}, nil })
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			x := target.NewResolver(local)
			for i, id := range ids {
				if res, err := x.Resolve(Relo{FieldByteOffset, id, "0:0"}); err != nil ||
					res.Value != uint64(8*i) {
					t.Errorf("s%d: %d, %v", i, res.Value, err)
				}
			}
		})
	}
	wg.Wait()
}
