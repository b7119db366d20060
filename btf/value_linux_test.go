package btf

import (
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/internal/testkit"
)

const valueSource = `
#define SEC(n) __attribute__((section(n), used))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
enum state { IDLE = 0, RUNNING = 1, STUCK = 0xfffffff0u };
enum verdict { DROP = -1, PASS = 1 };
enum wide { HUGE = 1ull << 40 };
struct point { int x, y; };
struct bits {
	u32 a : 3;
	int b : 5;
	enum state state : 2;
	_Bool on : 1;
	enum verdict v : 4;
	u64 far : 45;
	long long neg : 40;
};
struct event {
	char comm[16];
	u32 pid;
	enum state state;
	enum verdict verdict;
	enum wide wide;
	enum state unknown;
	struct point at, path[2];
	u8 mac[6];
	signed char sc;
	char ch;
	_Bool yes, no;
	short neg;
	u64 big;
	long long least;
	void *ptr;
	struct bits bits;
	union { int i; u8 raw[4]; };
	struct { int inner; };
	int matrix[2][2];
	const volatile short *const cptr;
	__int128 wide128;
	unsigned __int128 small128;
	u32 empty[0];
};
struct flex { u32 n; struct point tail[]; };
struct text { u32 n; char tail[]; };
SEC(".data.event") struct event event = {
	.comm = "cat \"x\"\n", .pid = 4242, .state = RUNNING, .verdict = DROP, .wide = HUGE, .unknown = 77,
	.at = {1, -2}, .path = {{3, 4}, {5, 6}}, .mac = {0xde, 0xad, 0xbe, 0xef, 0, 1}, .sc = -3, .ch = 'z', .yes = 1, .neg = -300,
	.big = 18446744073709551615ull, .least = -9223372036854775807ll - 1, .ptr = (void *)0xffff888012345678ull,
	.bits = {5, -7, RUNNING, 1, DROP, 0x123456789abull, -5}, .i = 0x01010101, {.inner = 9}, .matrix = {{1, 2}, {3, 4}},
	.wide128 = (__int128)0x1122334455667788ull << 64 | 0x99aabbccddeeff00ull, .small128 = 255,
};
SEC(".data.flex") struct flex flex = {2, {{1, 2}, {3, 4}}};
SEC(".data.text") struct text text = {3, {"abc"}};
SEC(".data.reals") struct { double d; float f; double inf; float zero; } reals = {1.5, -0.25f, 1e308 * 10, 0};
SEC(".data.real") double real = 2.5;
`

const eventText = `{.comm = "cat \"x\"\n", .pid = 4242, .state = RUNNING, .verdict = DROP, .wide = HUGE, .unknown = 77, ` +
	`.at = {.x = 1, .y = -2}, .path = [{.x = 3, .y = 4}, {.x = 5, .y = 6}], .mac = [222, 173, 190, 239, 0, 1], .sc = -3, .ch = 'z', ` +
	`.yes = true, .no = false, .neg = -300, .big = 18446744073709551615, .least = -9223372036854775808, .ptr = 0xffff888012345678, ` +
	`.bits = {.a = 5, .b = -7, .state = RUNNING, .on = true, .v = DROP, .far = 1250999896491, .neg = -5}, ` +
	`{.i = 16843009, .raw = [1, 1, 1, 1]}, {.inner = 9}, .matrix = [[1, 2], [3, 4]], .cptr = 0x0, ` +
	`.wide128 = 0x112233445566778899aabbccddeeff00, .small128 = 0xff, .empty = []}`

const eventJSON = `{"comm":"cat \"x\"\n","pid":4242,"state":"RUNNING","verdict":"DROP","wide":"HUGE","unknown":77,` +
	`"at":{"x":1,"y":-2},"path":[{"x":3,"y":4},{"x":5,"y":6}],"mac":[222,173,190,239,0,1],"sc":-3,"ch":122,` +
	`"yes":true,"no":false,"neg":-300,"big":18446744073709551615,"least":-9223372036854775808,"ptr":18446612682375452280,` +
	`"bits":{"a":5,"b":-7,"state":"RUNNING","on":true,"v":"DROP","far":1250999896491,"neg":-5},` +
	`"i":16843009,"raw":[1,1,1,1],"inner":9,"matrix":[[1,2],[3,4]],"cptr":0,` +
	`"wide128":"0x112233445566778899aabbccddeeff00","small128":"0xff","empty":[]}`

// sectionType returns a data section's only variable and its bytes.
func sectionType(t testing.TB, path string, s *Spec, name string) (ID, []byte) {
	t.Helper()
	id, ok := s.FindByName(name, KindDatasec)
	if !ok {
		t.Fatalf("no section %s", name)
	}
	sec, _ := s.Type(id)
	return sec.SecVar(0).Type, section(t, path, name)
}

// The oracle is the initializers in C, laid out by clang, for both byte orders.
func TestValue(t *testing.T) {
	for _, target := range []string{"bpfel", "bpfeb"} {
		path := testkit.Compile(t, valueSource, "-target", target)
		s := objectSpec(t, path)
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		order := f.ByteOrder
		f.Close()
		for _, c := range []struct{ section, text, json string }{
			{".data.event", eventText, eventJSON},
			{".data.flex", `{.n = 2, .tail = [{.x = 1, .y = 2}, {.x = 3, .y = 4}]}`,
				`{"n":2,"tail":[{"x":1,"y":2},{"x":3,"y":4}]}`},
			{".data.text", `{.n = 3, .tail = "abc"}`, `{"n":3,"tail":"abc"}`},
			{".data.reals", `{.d = 1.5, .f = -0.25, .inf = +Inf, .zero = 0}`,
				`{"d":1.5,"f":-0.25,"inf":"+Inf","zero":0}`},
			{".data.real", `2.5`, `2.5`},
		} {
			id, data := sectionType(t, path, s, c.section)
			opts := &ValueOptions{Order: order}
			got, err := AppendValue(nil, s, id, data, opts)
			if err != nil || string(got) != c.text {
				t.Errorf("%s %s: %v\n%s", target, c.section, err, cmp.Diff(c.text, string(got)))
			}
			got, err = AppendJSON(nil, s, id, data, opts)
			if err != nil || string(got) != c.json || !json.Valid(got) {
				t.Errorf("%s %s: %v\n%s", target, c.section, err, cmp.Diff(c.json, string(got)))
			}
			indented, err := AppendJSON(nil, s, id, data, &ValueOptions{Order: order, Indent: "  "})
			if err != nil || !sameJSON(t, indented, got) {
				t.Errorf("%s %s: indented: %v\n%s", target, c.section, err, indented)
			}
			// For data of any length, the result is well-formed and the error reports what is
			// missing.
			for n := range len(data) {
				short, err := AppendJSON(nil, s, id, data[:n], opts)
				if !json.Valid(short) {
					t.Fatalf("%s %s: %d of %d bytes give %q",
						target, c.section, n, len(data), short)
				}
				if size, _ := s.SizeOf(id); uint64(n) < size && !errors.Is(err, ErrTruncated) {
					t.Fatalf("%s %s: %d of %d bytes: %v", target, c.section, n, len(data), err)
				}
			}
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return cmp.Equal(x, y)
}

// TestValueOptions covers options and short data; the expected texts are written by hand.
func TestValueOptions(t *testing.T) {
	path := testkit.Compile(t, valueSource, "-target", "bpfel")
	s := objectSpec(t, path)
	id, data := sectionType(t, path, s, ".data.event")
	flex, flexData := sectionType(t, path, s, ".data.flex")
	point, _ := s.FindByName("point", KindStruct)
	zero := make([]byte, len(data))
	for _, c := range []struct {
		id   ID
		data []byte
		opts ValueOptions
		want string
	}{
		{id, zero, ValueOptions{OmitZero: true}, `{}`},
		{flex, flexData, ValueOptions{MaxElems: 1}, `{.n = 2, .tail = [{.x = 1, .y = 2}, ...]}`},
		{flex, flexData, ValueOptions{Types: true},
			`(struct flex){.n = (u32)2, .tail = (struct point[0])[(struct point){.x = (int)1, .y = (int)2}, (struct point){.x = (int)3, .y = (int)4}]}`},
		{flex, flexData, ValueOptions{Indent: "\t"},
			"{\n\t.n = 2,\n\t.tail = [\n\t\t{\n\t\t\t.x = 1,\n\t\t\t.y = 2\n\t\t},\n\t\t{\n\t\t\t.x = 3,\n\t\t\t.y = 4\n\t\t}\n\t]\n}"},
		{flex, flexData[:12], ValueOptions{}, `{.n = 2, .tail = [{.x = 1, .y = 2}]}`},
		{flex, flexData[:4], ValueOptions{}, `{.n = 2, .tail = []}`},
		{point, append([]byte{0, 0, 0, 0, 1}, zero[:20]...), ValueOptions{OmitZero: true},
			`{.y = 1}`},
	} {
		c.opts.Order = binary.LittleEndian
		got, err := AppendValue(nil, s, c.id, c.data, &c.opts)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v: %v\n%s", c.opts, err, cmp.Diff(c.want, string(got)))
		}
	}
	got, err := AppendValue(nil, s, point, []byte{1, 0, 0, 0, 2},
		&ValueOptions{Order: binary.LittleEndian})
	if string(got) != `{.x = 1}` || !errors.Is(err, ErrTruncated) ||
		!strings.Contains(err.Error(), "struct point") {
		t.Errorf("short: %s, %v", got, err)
	}
	got, err = AppendJSON(nil, s, 0, nil, nil)
	if string(got) != `null` || err == nil {
		t.Errorf("void: %s, %v", got, err)
	}
}

// The oracle is bpftool map dump of a map with the same bytes, by the same BTF. It writes bit
// fields as "0x5", drops everything after a floating-point number, and has no members of anonymous
// types in the outer object.
func TestValueBpftool(t *testing.T) {
	testkit.Root(t)
	source := strings.ReplaceAll(valueSource[:strings.Index(valueSource, `SEC(".data.flex")`)],
		".data.event", ".data") + `
SEC("socket") int prog(void *ctx) { return event.pid; }
`
	// bpftool shows text with control characters as an array of numbers
	source = strings.ReplaceAll(source, `\n"`, `"`)
	path := testkit.Compile(t, source)
	s := objectSpec(t, path)
	dir := filepath.Join(testkit.BPFFS(t), "value")
	testkit.Run(t, "bpftool", "prog", "loadall", path, dir, "pinmaps", dir)
	t.Cleanup(func() { testkit.Run(t, "rm", "-r", dir) })
	var dump []struct {
		Formatted struct {
			Value map[string][]map[string]map[string]any
		}
	}
	// Names are cut to 15 characters: <object>.data
	name := ""
	for _, pin := range strings.Fields(string(testkit.Run(t, "ls", dir))) {
		if strings.HasSuffix(pin, "data") {
			name = filepath.Join(dir, pin)
		}
	}
	if err := json.Unmarshal(testkit.Run(t, "bpftool", "-j", "map", "dump", "pinned", name),
		&dump); err != nil {
		t.Fatal(err)
	}
	want := dump[0].Formatted.Value[".data"][0]["event"]
	id, data := sectionType(t, path, s, ".data")
	text, err := AppendJSON(nil, s, id, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for member, value := range want {
		if member == "" || member == "bits" {
			continue
		}
		compared++
		if !cmp.Equal(value, got[member]) {
			t.Errorf("%s: %v, bpftool has %v", member, got[member], value)
		}
	}
	bits, bitsWant := got["bits"].(map[string]any), want["bits"].(map[string]any)
	for member, value := range bitsWant {
		compared++
		if !sameBits(bits[member], value) {
			t.Errorf("bits.%s: %v, bpftool has %v", member, bits[member], value)
		}
	}
	if compared < 25 {
		t.Errorf("only %d members compared", compared)
	}
}

// sameBits compares a bit field with bpftool's hexadecimal text, which shows the bits as an
// unsigned number.
func sameBits(got, want any) bool {
	text := fmt.Sprint(want)
	var n uint64
	if _, err := fmt.Sscanf(text, "0x%x", &n); err != nil {
		return false
	}
	widths := map[any]uint{float64(-7): 5, float64(-5): 40, "RUNNING": 2, "DROP": 4, true: 1}
	values := map[any]float64{"RUNNING": 1, "DROP": -1, true: 1}
	v, ok := got.(float64)
	if !ok {
		v = values[got]
	}
	if v < 0 {
		return n == uint64(int64(v))&(1<<widths[got]-1)
	}
	return n == uint64(v)
}

// TestNativeOrder: binary.NativeEndian, which is neither of the two orders by its name, is the
// host's.
func TestNativeOrder(t *testing.T) {
	b := NewBuilder(nil)
	id := b.AddInt("int", 4, Signed)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	data := binary.NativeEndian.AppendUint32(nil, 258)
	text, err := AppendValue(nil, s, id, data, &ValueOptions{Order: binary.NativeEndian})
	if err != nil || !strings.Contains(string(text), "258") {
		t.Errorf("%s %v", text, err)
	}
}
