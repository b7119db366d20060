package value

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// The same variables twice: as they are set, and zero.
const source = `
typedef unsigned char u8; typedef unsigned long long u64;
enum state { IDLE, RUNNING = 3, LOST = -2 };
enum wide { FAR = 0x1234567890ULL };
struct conf {
	int a;
	struct { short b; union { u8 c; int d; }; };
	unsigned low : 3, high : 13;
	long long neg : 40;
	struct { int x, y; } points[3];
	char name[8];
	enum state state;
};
#define V(type, name, ...) \
	type want_##name __attribute__((section(".data.want"))) = __VA_ARGS__; \
	type name __attribute__((section(".data.zero"))) = {0};
#define A(type, name, n, ...) \
	type want_##name n __attribute__((section(".data.want"))) = __VA_ARGS__; \
	type name n __attribute__((section(".data.zero"))) = {0};
V(int, decimal, -2147483648)
V(unsigned, hex, 0xffffffff)
V(u64, binary, 0x8000000000000001ULL)
V(u8, octal, 0377)
V(__int128, huge, -((__int128)1 << 100))
V(_Bool, yes, 1)
V(char, letter, 'x')
V(char, newline, '\n')
V(char, null, '\0')
V(char, bell, '\x07')
V(char, quote, '\'')
V(int, octalchar, '\101')
V(unsigned, suffix, 10u)
V(u64, suffixes, 0xffUL)
V(long long, longer, -3LL)
V(float, floating, 1.5f)
V(enum state, numbered, 3u)
A(char, escapes, [12], "a\1b\x63\"\?\u00e9\1012")
V(short, quoted, 'A')
V(enum state, named, RUNNING)
V(enum state, minus, LOST)
V(enum wide, far, FAR)
V(float, single, -0.1f)
V(double, real, 1e300)
A(char, text, [8], "abc")
A(char, full, [4], "wxyz")
A(u8, bytes, [4], {'h', 'i'})
A(int, list, [4], {0, 0, 7})
A(int, deep, [2][3], {{0}, {0, -5}})
A(short, many, [3], {1, 2, 3})
V(struct conf, conf, {.a = 1, .b = -2, .d = 77, .low = 5, .high = 8191, .neg = -549755813888LL,
	.points = {{0}, {0, 9}}, .name = "eth0", .state = LOST})
`

// sets are what makes the variables of source equal to their twins.
var sets = []string{
	"decimal=-2147483648", "hex=0xffffffff", "octal=0377", "huge=-0x10000000000000000000000000",
	"binary=0b1000000000000000000000000000000000000000000000000000000000000001",
	"yes=true", "letter=x", `newline='\n'`, "quoted='A'", "named=RUNNING", "minus=LOST", "far=FAR",
	`null='\0'`, `bell='\x07'`, `quote='\''`, `octalchar='\101'`, "suffix=10u", "suffixes=0xffUL",
	"longer=-3LL", "floating=1.5f", "numbered=3u", `escapes="a\1b\x63\"\?\u00e9\1012"`,
	"single=-0.1", "real=1e300", "text=abc", `full="wxyz"`, `bytes="hi"`, "list[2]=7",
	"deep[1][1]=-5", "many=[1, 2, 3]",
	"conf.a=1", "conf.b=-2", "conf.d=77", "conf.low=5", "conf.high=8191",
	"conf.neg=-549755813888", "conf.points[1].y=9", "conf.name=eth0", "conf.state=LOST",
}

const confJSON = `conf={"a":1,"b":-2,"d":77,"low":5,"high":8191,"neg":-549755813888,` +
	`"points":[null,{"y":9}],"name":"eth0","state":"LOST"}`

func parse(t testing.TB, path string) *object.Object {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, "setting")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func set(o *object.Object, text string) error {
	path, value, _ := strings.Cut(text, "=")
	end := len(path)
	if i := strings.IndexAny(path, ".["); i >= 0 {
		end = i
	}
	v := o.Variable(path[:end])
	if v == nil {
		return fmt.Errorf("no variable %s", path[:end])
	}
	whole, err := Of(v.Name, o.BTF, v.Type, v.Bytes(), o.Order)
	if err != nil {
		return err
	}
	part, err := whole.Part(path[end:])
	if err != nil {
		return err
	}
	return part.Set(value)
}

// TestSet sets variables of all kinds in both byte orders. The oracle is clang, which initialises
// their twins with the same values.
func TestSet(t *testing.T) {
	for _, target := range []string{"bpfel", "bpfeb"} {
		path := testkit.Compile(t, source, "-target", target)
		for _, last := range [][]string{sets[len(sets)-9:], {confJSON}} {
			o := parse(t, path)
			for _, text := range append(append([]string{}, sets[:len(sets)-9]...), last...) {
				if err := set(o, text); err != nil {
					t.Errorf("%s %s: %v", target, text, err)
				}
			}
			got, want := o.Map(".data.zero").Bytes(), o.Map(".data.want").Bytes()
			if !bytes.Equal(got, want) {
				t.Errorf("%s:\n%x, clang writes\n%x", target, got, want)
			}
		}
	}
}

// TestRefuse: what doesn't fit is refused, with the reason and what would fit, and nothing changes.
// The ranges are C's.
func TestRefuse(t *testing.T) {
	o := parse(t, testkit.Compile(t, source, "-target", "bpfel"))
	before := bytes.Clone(o.Map(".data.zero").Bytes())
	for _, x := range []struct{ set, says string }{
		{"decimal=2147483648", "decimal: 2147483648 doesn't fit into int: -2147483648 to 2147483647"},
		{"hex=-1", "hex: -1 doesn't fit into unsigned int: 0 to 4294967295"},
		{"octal=256", "0 to 255"},
		{"letter=-129", "-128 to 255"},
		{"decimal=", `decimal is int: "" is not a number`},
		{"decimal=12x", `"12x" is not a number`},
		{"decimal=" + strings.Repeat("9", 200), "at most 160 characters"},
		{"quoted='ab'", "not one character in quotes"},
		{"yes=2", `"2" is neither true nor false`},
		{"named=RUNING", "no constant \"RUNING\"; near: RUNNING"},
		{"named=x", "it has IDLE, RUNNING, LOST"},
		{"far=0x10000000000000000", "doesn't fit into enum wide"},
		{"single=1e39", "1e39 doesn't fit into float"},
		{"real=one", `"one" is not a number`},
		{"text=123456789", "has 9 bytes, char[8] has room for 8"},
		{`text="abc`, "not a quoted text"},
		{"list=7", "set an element, list[INDEX]=VALUE (the array has 4 elements, 0 to 3)"},
		{"list[4]=7", "list[4]: the array has 4 elements, 0 to 3"},
		{"list[-1]=7", "the index is not a number"},
		{"list[1=7", "the bracket isn't closed"},
		{"list[1]x=7", "neither .FIELD nor [INDEX]"},
		{"list=[1,2,3,4,5]", "list[4]: the array has 4 elements"},
		{"list=[1,2", "not JSON: unexpected EOF"},
		{"list=[1] 2", "there is more after the JSON value"},
		{`list=["a"]`, `list[0] is int: "a" is not a number`},
		{`list={"a":1}`, "set an element"},
		{"decimal[0]=1", "decimal is int, not an array"},
		{"decimal.x=1", "decimal is int and has no fields"},
		{"conf=1", `conf is struct conf: set a field, conf.FIELD=VALUE`},
		{"conf.nam=1", `conf has no field "nam"; near: name`},
		{"conf.points[1].zzz=1", `conf.points[1] has no field "zzz"; struct {...} has x, y`},
		{"conf.low=8", "conf.low: 8 doesn't fit into unsigned int of 3 bits: 0 to 7"},
		{"conf.neg=549755813888", "to 549755813887"},
		{`conf={"a":1,"b":99999}`, "conf.b: 99999 doesn't fit into short: -32768 to 32767"},
		{`conf={"a":[1]}`, "conf.a is int, not an array"},
		{`list=[{}]`, "list[0] is int and has no fields"},
		{`conf={"a":[]}`, "conf.a is int, not an array"},
		{`conf={"name":7}`, "conf.name is char[8] and can't hold 7"},
		{`conf=` + strings.Repeat(`{"a":`, 100), "conf.a is int and has no fields"},
	} {
		err := set(o, x.set)
		if err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, not %q", x.set, err, x.says)
		}
	}
	if !bytes.Equal(o.Map(".data.zero").Bytes(), before) {
		t.Error("a refused value changed something")
	}
}

// part returns a part of a variable.
func part(t testing.TB, o *object.Object, name, path string) Value {
	t.Helper()
	v := o.Variable(name)
	whole, err := Of(name, o.BTF, v.Type, v.Bytes(), o.Order)
	if err != nil {
		t.Fatal(err)
	}
	p, err := whole.Part(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestGet reads what clang stored, in both byte orders.
func TestGet(t *testing.T) {
	for _, target := range []string{"bpfel", "bpfeb"} {
		o := parse(t, testkit.Compile(t, source, "-target", target))
		for _, x := range []struct {
			name, path, text, json string
			number                 any // int64 or uint64: by either getter; float64, string, error
		}{
			{"want_decimal", "", "-2147483648", "-2147483648", int64(-2147483648)},
			{"want_hex", "", "4294967295", "4294967295", uint64(0xffffffff)},
			{"want_binary", "", "9223372036854775809", "9223372036854775809",
				uint64(0x8000000000000001)},
			{"want_yes", "", "true", "true", int64(1)},
			{"want_quoted", "", "65", "65", int64('A')},
			{"want_minus", "", "LOST", `"LOST"`, int64(-2)},
			{"want_far", "", "FAR", `"FAR"`, uint64(0x1234567890)},
			{"want_single", "", "-0.1", "-0.1", float64(float32(-0.1))},
			{"want_real", "", "1e+300", "1e+300", 1e300},
			{"want_text", "", `"abc"`, `"abc"`, "abc"},
			{"want_full", "", `"wxyz"`, `"wxyz"`, "wxyz"},
			{"want_list", "[2]", "7", "7", int64(7)},
			{"want_deep", "[1]", "[0, -5, 0]", "[0,-5,0]", nil},
			{"want_conf", ".b", "-2", "-2", int64(-2)},
			{"want_conf", ".low", "5", "5", int64(5)},
			{"want_conf", ".high", "8191", "8191", uint64(8191)},
			{"want_conf", ".neg", "-549755813888", "-549755813888", int64(-549755813888)},
			{"want_conf", ".points[1]", "{.x = 0, .y = 9}", `{"x":0,"y":9}`, nil},
			{"want_conf", ".state", "LOST", `"LOST"`, int64(-2)},
		} {
			v := part(t, o, x.name, x.path)
			json, err := v.MarshalJSON()
			if err != nil || v.String() != x.text || string(json) != x.json {
				t.Errorf("%s %s is %s and %s (%v), not %s", target, v.Name(), v, json, err, x.text)
			}
			i, ierr := v.Int()
			u, uerr := v.Uint()
			f, ferr := v.Float()
			s, serr := v.Text()
			ok := false
			switch want := x.number.(type) {
			case nil:
				ok = ierr != nil && uerr != nil && ferr != nil && serr != nil
			case int64:
				ok = i == want && ierr == nil && (u == uint64(want) && uerr == nil || want < 0 &&
					uerr != nil)
			case uint64:
				ok = u == want && uerr == nil &&
					(i == int64(want)) == (ierr == nil || want>>63 != 0)
			case float64:
				ok = f == want && ferr == nil && ierr != nil
			case string:
				ok = s == want && serr == nil && ierr != nil
			}
			if !ok {
				t.Errorf("%s %s: %v %v, %v %v, %v %v, %q %v, not %v",
					target, v.Name(), i, ierr, u, uerr, f, ferr, s, serr, x.number)
			}
		}
		if _, err := part(t, o, "want_huge", "").Int(); err == nil ||
			!strings.Contains(err.Error(), "want_huge doesn't fit into 64 bits") {
			t.Error(err)
		}
	}
}

// TestJSON: the JSON of what clang stored makes the twins equal to it.
func TestJSON(t *testing.T) {
	for _, target := range []string{"bpfel", "bpfeb"} {
		o := parse(t, testkit.Compile(t, source, "-target", target))
		for _, v := range o.Map(".data.want").Vars {
			twin, ok := strings.CutPrefix(v.Name, "want_")
			if !ok {
				continue
			}
			text, err := part(t, o, v.Name, "").AppendJSON(nil, nil)
			if err != nil {
				t.Error(err)
			}
			if err := part(t, o, twin, "").SetJSON(text); err != nil {
				t.Error(err)
			}
		}
		got, want := o.Map(".data.zero").Bytes(), o.Map(".data.want").Bytes()
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%x, clang writes\n%x", target, got, want)
		}
	}
}

// TestJSONBytes: what AppendJSON can write only with a loss is refused, not stored wrong, and a
// bool that is neither true nor false keeps its byte.
func TestJSONBytes(t *testing.T) {
	o := parse(t, testkit.Compile(t, source, "-target", "bpfel"))
	name := part(t, o, "conf", ".name")
	copy(name.Bytes(), "a\xffb")
	text, err := name.AppendJSON(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := name.SetJSON(text); err == nil ||
		!strings.Contains(err.Error(), "array of numbers") ||
		string(name.Bytes()[:3]) != "a\xffb" {
		t.Errorf("%s: %v, %q", text, err, name.Bytes())
	}
	if err := name.SetJSON([]byte("[98, 254, -1, 0]")); err != nil ||
		string(name.Bytes()[:4]) != "b\xfe\xff\x00" {
		t.Errorf("%v, %q", err, name.Bytes())
	}
	yes := part(t, o, "yes", "")
	for stored, want := range map[byte]string{0: "false", 1: "true", 2: "2", 255: "255"} {
		yes.Bytes()[0] = stored
		text, err := yes.AppendJSON(nil, nil)
		if string(text) != want || err != nil {
			t.Errorf("%s, %v", text, err)
		}
		yes.Bytes()[0] = 7
		if err := yes.SetJSON(text); err != nil || yes.Bytes()[0] != stored {
			t.Errorf("%s: %v, %d", text, err, yes.Bytes()[0])
		}
	}
	for _, text := range []string{`256`, `-1`, `1.5`, `"yes"`, `[]`} {
		if err := yes.SetJSON([]byte(text)); err == nil || yes.Bytes()[0] == 7 {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestFlexible: arrays without length take the rest also inside of the last member, and have no
// elements anywhere else. The oracle is clang, whose sizeof says where each begins.
func TestFlexible(t *testing.T) {
	o := parse(t, testkit.Compile(t, `
		struct in { int m; unsigned short items[]; };
		struct deep { long n; struct { char c; struct in in; }; };
		union either { struct in in; long l; };
		struct middle { int none[0]; int x; };
		struct deep deep = {}; union either either = {}; struct middle middle = {};
		long deep_at = sizeof(struct deep), in_at = sizeof(struct in);
		`, "-target", "bpfel", "-Wno-everything"))
	at := func(name string) int {
		n, err := part(t, o, name, "").Int()
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	of := func(name string, more int) Value {
		v := o.Variable(name)
		whole, err := Of(name, o.BTF, v.Type, make([]byte, len(v.Bytes())+more), o.Order)
		if err != nil {
			t.Fatal(err)
		}
		return whole
	}
	for _, c := range []struct {
		whole Value
		path  string
		byte  int
	}{
		{of("deep", 6), ".in.items[2]", at("deep_at") + 4},
		{of("either", 6), ".in.items[2]", at("in_at") + 4},
		{of("middle", 0), ".x", 0},
	} {
		p, err := c.whole.Part(c.path)
		if err == nil {
			err = p.Set("7")
		}
		if err != nil || c.whole.Bytes()[c.byte] != 7 {
			t.Errorf("%s: %v, %x", c.path, err, c.whole.Bytes())
		}
	}
	deep := of("deep", 4)
	if err := deep.Set(`{"in": {"m": 1, "items": [2, 3]}}`); err != nil ||
		!strings.Contains(deep.String(), ".items = [2, 3]") {
		t.Errorf("%v: %v", deep, err)
	}
	if err := deep.Set(`{"in": {"items": [2, 3, 4]}}`); err == nil ||
		!strings.Contains(err.Error(), "2 elements") {
		t.Error(err)
	}
	if _, err := of("middle", 0).Part(".none[0]"); err == nil {
		t.Error("an element of an array without any")
	}
}

// TestLiterals: what isn't C.
func TestLiterals(t *testing.T) {
	o := parse(t, testkit.Compile(t, source, "-target", "bpfel"))
	for name, texts := range map[string][]string{
		"decimal": {"10uu", "10lll", "10lul", "u", "'", "''", `'\'`, `'\400'`, `'\x'`, `'\x100'`,
			`'\u12'`, `'\ud800'`, "'ab'", "1.5f", "0x"},
		"single": {"1.5ff", "f", "0x10lf"},
		"text":   {`"a`, `"a"b"`, `"\`, `"\9"`, `"\xg"`},
	} {
		for _, text := range texts {
			if err := part(t, o, name, "").Set(text); err == nil {
				t.Errorf("%s=%s", name, text)
			}
		}
	}
}

// TestSetNumbers: the ranges are C's.
func TestSetNumbers(t *testing.T) {
	o := parse(t, testkit.Compile(t, source, "-target", "bpfel"))
	decimal := part(t, o, "decimal", "")
	if err := decimal.SetInt(-5); err != nil || decimal.String() != "-5" {
		t.Error(decimal, err)
	}
	if err := part(t, o, "binary", "").SetUint(1 << 63); err != nil {
		t.Error(err)
	}
	if err := part(t, o, "octal", "").SetInt(-1); err == nil {
		t.Error("-1 fits into u8")
	}
	if err := part(t, o, "letter", "").SetInt(5); err != nil ||
		o.Variable("letter").Bytes()[0] != 5 {
		t.Error(err)
	}
}

// TestOf: sizes that don't match are refused, and a Value of nothing is of no use.
func TestOf(t *testing.T) {
	o := parse(t, testkit.Compile(t, source, "-target", "bpfel"))
	v := o.Variable("conf")
	for _, n := range []int{0, len(v.Bytes()) - 1, len(v.Bytes()) + 1} {
		says := fmt.Sprintf("conf has %d bytes, its type struct conf has %d", n, len(v.Bytes()))
		if _, err := Of("conf", o.BTF, v.Type, make([]byte, n), nil); err == nil ||
			err.Error() != says {
			t.Error(err)
		}
	}
	if _, err := Of("conf", nil, v.Type, v.Bytes(), o.Order); err == nil {
		t.Error("no BTF: no error")
	}
	native, err := Of("conf", o.BTF, v.Type, bytes.Clone(v.Bytes()), binary.NativeEndian)
	if err != nil {
		t.Fatal(err)
	}
	if named, err := Of("conf", o.BTF, v.Type, native.Bytes(), nil); err != nil ||
		native.String() != named.String() {
		t.Errorf("native %s, nil %s, %v", native, named, err)
	}
	var none Value
	_, err = none.Part(".x")
	_, err2 := none.Part("[1]")
	_, err3 := none.Int()
	_, err4 := none.Float()
	_, err5 := none.Text()
	_, err6 := none.MarshalJSON()
	for i, err := range []error{err, err2, err3, err4, err5, err6,
		none.Set("1"), none.SetJSON([]byte("1")), none.SetInt(1), none.SetJSON([]byte("{}")),
		none.SetJSON([]byte(`["x"]`))} {
		if err == nil {
			t.Error(i, "no error")
		}
	}
	if none.String() != "" {
		t.Error(none)
	}
}

// FuzzSet sets parts of a struct by texts of any kind: no panic, and after an error no change. The
// oracle is that the printer prints what was set without an error.
func FuzzSet(f *testing.F) {
	o := parse(f, testkit.Compile(f, source, "-target", "bpfel"))
	s, id := o.BTF, o.Variable("conf").Type
	size, err := s.SizeOf(id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(".points[1].y", "9")
	f.Add("", `{"a":1,"points":[{"x":2}],"state":"LOST"}`)
	f.Add(".name", `"\x00"`)
	f.Add(".neg", "-1")
	f.Fuzz(func(t *testing.T, path, value string) {
		data := make([]byte, size)
		conf, err := Of("conf", s, id, data, o.Order)
		if err != nil {
			t.Fatal(err)
		}
		part, err := conf.Part(path)
		if err == nil {
			err = part.Set(value)
		}
		if err != nil && !bytes.Equal(data, make([]byte, size)) {
			t.Errorf("%s=%s: %v, but it changed %x", path, value, err, data)
		}
		// What is printed of the whole makes another one equal to it. JSON has no bytes that are
		// not UTF-8.
		text, err := conf.AppendJSON(nil, nil)
		if err != nil {
			t.Error(err)
		}
		if bytes.ContainsRune(text, utf8.RuneError) {
			return
		}
		again := make([]byte, size)
		other, err := Of("conf", s, id, again, o.Order)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.SetJSON(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if other.String() != conf.String() {
			t.Errorf("%v became %v", conf, other)
		}
		part.Int()
		part.Uint()
		part.Float()
		part.Text()
		_ = part.String()
	})
}
