package usdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// specs are layouts of struct __bpf_usdt_spec: that of libbpf up to 1.6, that since 1.7 (in either
// byte order), and an invented one.
var specs = [...]struct {
	name, members string
	order         binary.ByteOrder
	indexed       bool
}{
	{"old", "__u64 val_off; enum kind arg_type; short reg_off; _Bool arg_signed; char arg_bitshift;", binary.LittleEndian, false},
	{"new", "__u64 val_off; enum kind arg_type: 8; __u16 idx_reg_off: 12; __u16 scale_bitshift: 4; __u8 reserved: 8; short reg_off; _Bool arg_signed; char arg_bitshift;",
		binary.LittleEndian, true},
	{"new, big", "__u64 val_off; __u8 reserved: 8; __u16 idx_reg_off: 12; __u16 scale_bitshift: 4; enum kind arg_type: 8; short reg_off; _Bool arg_signed; char arg_bitshift;",
		binary.BigEndian, true},
	{"odd", "char arg_bitshift; __u32 pad: 3; __u32 idx_reg_off: 12; __u32 scale_bitshift: 5; __u32 arg_type: 7; _Bool arg_signed; int reg_off; __u64 val_off;",
		binary.LittleEndian, true},
	{"odd, big", "char arg_bitshift; __u32 pad: 3; __u32 idx_reg_off: 12; __u32 scale_bitshift: 5; __u32 arg_type: 7; _Bool arg_signed; int reg_off; __u64 val_off;",
		binary.BigEndian, true},
}

// encoded are the arguments that TestLayout writes.
var encoded = []Arg{
	{Kind: Const, Value: -5, Size: 4, Signed: true},
	{Kind: Reg, Reg: 152, Size: 8},
	{Kind: RegDeref, Reg: 112, Value: 1 << 40, Size: 2},
	{Kind: SIB, Reg: 24, Index: 136, Scale: 3, Value: -8, Size: 1, Signed: true},
}

// TestLayout writes values by the type that clang describes, and compares them with clang's own for
// the same type with the same members set: initialised data of an object file. It does so for both
// byte orders.
func TestLayout(t *testing.T) {
	for _, s := range specs {
		var members strings.Builder
		for i, a := range encoded {
			if a.Kind == SIB && !s.indexed {
				continue
			}
			signed := 0
			if a.Signed {
				signed = 1
			}
			fmt.Fprintf(&members,
				".args[%d] = {.val_off = %dULL, .arg_type = %d, .reg_off = %d, .arg_signed = %d, .arg_bitshift = %d", i,
				uint64(a.Value), a.Kind, a.Reg, signed, 64-8*a.Size)
			if a.Kind == SIB {
				fmt.Fprintf(&members, ", .idx_reg_off = %d, .scale_bitshift = %d", a.Index, a.Scale)
			}
			members.WriteString("},\n")
		}
		args := encoded
		if !s.indexed {
			args = encoded[:3]
		}
		text := fmt.Sprintf(`
typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32; typedef unsigned long long __u64;
enum kind { CONST, REG, REG_DEREF, SIB };
struct arg { %s };
struct spec { struct arg args[12]; __u64 usdt_cookie; short arg_cnt; };
typedef const struct spec spec_t;
__attribute__((section(".wanted"))) struct spec wanted = {
%s .usdt_cookie = 0xfedcba9876543210, .arg_cnt = %d };
`, s.members, members.String(), len(args))
		target := "bpfel"
		if s.order == binary.BigEndian {
			target = "bpfeb"
		}
		raw := readFile(t, testkit.Compile(t, text, "-target", target))
		f, err := elf64.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		want, err := f.Data(f.SectionByName(".wanted"))
		if err != nil {
			t.Fatal(err)
		}
		types, err := f.Data(f.SectionByName(".BTF"))
		if err != nil {
			t.Fatal(err)
		}
		spec, err := btf.Parse(types, nil)
		if err != nil {
			t.Fatal(err)
		}
		id, ok := spec.FindByName("spec", btf.KindStruct)
		if !ok {
			t.Fatal("no struct spec in BTF")
		}
		layout, err := LayoutOf(spec, id)
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		got, err := layout.Encode(s.order, args, 0xfedcba9876543210)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n got %x\nwant %x", s.name, err, got, want)
		}
		if _, err := layout.Encode(s.order, encoded, 0); (err == nil) != s.indexed ||
			err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", s.name, err)
		}
		if _, err := layout.Encode(s.order, make([]Arg, 13), 0); !errors.Is(err,
			errors.ErrUnsupported) {
			t.Errorf("%s: 13 arguments: %v", s.name, err)
		}
		elem, _ := spec.FindByName("arg", btf.KindStruct)
		if _, err := LayoutOf(spec, elem); err == nil {
			t.Errorf("%s: struct arg passes for a spec", s.name)
		}
	}
	if _, err := LayoutOf(nil, 1); err == nil {
		t.Error("no types at all")
	}
}

// TestRegisters compares offsets in struct pt_regs with those that the C compiler finds in the
// kernel's header of this machine.
func TestRegisters(t *testing.T) {
	if machine, err := exec.Command("uname", "-m").Output(); err != nil ||
		strings.TrimSpace(string(machine)) != "x86_64" {
		testkit.Skip(t, "the header is of x86-64")
	}
	names := map[string]string{"rax": "rax", "rbx": "rbx", "rcx": "rcx", "rdx": "rdx", "rsi": "rsi",
		"rdi": "rdi", "rbp": "rbp", "rsp": "rsp", "rip": "rip",
		"r8": "r8", "r9": "r9", "r10": "r10", "r11": "r11", "r12": "r12", "r13": "r13",
		"r14": "r14", "r15": "r15"}
	var b strings.Builder
	b.WriteString("#include <asm/ptrace.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n")
	for name, field := range names {
		fmt.Fprintf(&b, "printf(\"%s %%zu\\n\", offsetof(struct pt_regs, %s));\n", name, field)
	}
	b.WriteString("return 0; }\n")
	out, err := exec.Command(testkit.Native(t, b.String(), "-static")).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var name string
		var want int
		if _, err := fmt.Sscan(line, &name, &want); err != nil {
			t.Fatal(err)
		}
		if got, ok := x86Register(name); !ok || got != want {
			t.Errorf("%s is at %d, want %d", name, got, want)
		}
		delete(names, name)
	}
	if len(names) > 0 {
		t.Errorf("not compared: %v", names)
	}
}
