package e2e

import (
	"bytes"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

const setSource = `
#define SEC(n) __attribute__((section(n), used))
enum colour { RED, BLUE = 7 };
volatile signed char i8 = 1, want_i8 = -5;
volatile unsigned short u16 = 1, want_u16 = 65535;
volatile int i32 = 1, want_i32 = -70000;
volatile unsigned int u32 = 1, want_u32 = 4000000000u;
volatile long long i64 = 1, want_i64 = -5;
volatile double ratio = 1, want_ratio = 2.5;
volatile _Bool flag = 0, want_flag = 1;
volatile enum colour paint = RED, want_paint = BLUE;
volatile char text[8] = "x", want_text[8] = "hello";
volatile unsigned int list[2] = {9, 9}, want_list[2] = {1, 2};
SEC("socket") int reads(void *ctx) {
	return i8 + u16 + i32 + u32 + i64 + flag + paint + text[0] + list[0] +
		want_i8 + want_u16 + want_i32 + want_u32 + want_i64 + want_flag + want_paint +
		want_text[0] + want_list[0];
}
char _license[] SEC("license") = "GPL";
`

// TestVariableSetEven: Set of package object before the load and Set of a loaded object accept the
// same values, and refuse the same. The oracle are C's initial values in memory, as clang-19 wrote
// them for the variable's twin.
func TestVariableSetEven(t *testing.T) {
	testkit.Root(t)
	o, err := bpf.Open(testkit.Compile(t, setSource), nil)
	if err != nil {
		t.Fatal(err)
	}
	live, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	for _, c := range []struct {
		name   string
		values []any
	}{
		{"i8", []any{-5, int8(-5), int64(-5), []byte{0xfb}}},
		{"u16", []any{65535, uint16(65535), uint64(65535), int32(65535)}},
		{"i32", []any{-70000, int32(-70000), int64(-70000)}},
		{"u32", []any{uint(4000000000), uint32(4000000000), int64(4000000000)}},
		{"i64", []any{-5, int8(-5), int64(-5)}},
		{"ratio", []any{2.5}},
		{"flag", []any{true, 1, uint8(1)}},
		{"paint", []any{7, uint32(7), int64(7)}},
		{"text", []any{"hello", []byte("hello\x00\x00\x00")}},
		{"list", []any{[2]uint32{1, 2}}},
	} {
		twin, err := live.Variable("want_" + c.name).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		v, err := o.FindVariable(c.name)
		if err != nil {
			t.Fatal(err)
		}
		first := bytes.Clone(v.Bytes())
		for _, value := range c.values {
			copy(v.Bytes(), first)
			if err := v.Set(value); err != nil || !bytes.Equal(v.Bytes(), twin) {
				t.Errorf("object: %s = %T %v: %x, C has %x; %v", c.name, value, value, v.Bytes(),
					twin, err)
			}
			if err := live.Variable(c.name).Set(first); err != nil {
				t.Fatal(err)
			}
			got, _ := live.Variable(c.name).Bytes()
			if err := live.Variable(c.name).Set(value); err != nil || !bytes.Equal(got, twin) {
				t.Errorf("loaded: %s = %T %v: %x, C has %x; %v", c.name, value, value, got, twin,
					err)
			}
		}
		for _, wrong := range []any{nil, float32(1.5), uint64(1 << 62), "far too long for it",
			uint64(1 << 63),
			[]byte(nil), [3]byte{}, struct{}{}, &c} {
			if n, ok := wrong.(uint64); c.name == "i64" && ok && n != 0 {
				continue
			}
			before, after := v.Set(wrong), live.Variable(c.name).Set(wrong)
			if before == nil || after == nil {
				t.Errorf("%s = %T %v: object %v, loaded %v", c.name, wrong, wrong, before, after)
			}
		}
	}
}
