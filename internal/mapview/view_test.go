package mapview

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/screen"
)

var update = flag.Bool("update", false, "write the recordings anew")

// fixture has the types that the tests show.
type fixture struct {
	b                     *btf.Builder
	u32, u64, s32, char   btf.ID
	comm, be32            btf.ID
	protocol, traffic     btf.ID
	flow, hist, call, bss btf.ID
	wide, linear, high    btf.ID
	lists, calls          btf.ID
}

func newFixture(t *testing.T) (*fixture, *btf.Spec) {
	t.Helper()
	b := btf.NewBuilder(nil)
	f := &fixture{b: b}
	f.u32 = b.AddInt("unsigned int", 4, 0)
	f.u64 = b.AddInt("unsigned long long", 8, 0)
	f.s32 = b.AddInt("int", 4, btf.Signed)
	f.char = b.AddInt("char", 1, btf.Char)
	f.comm = b.AddArray(f.u32, f.char, 16)
	f.be32 = b.AddTypedef("__be32", f.u32)
	f.protocol = b.AddEnum("protocol", 4, false)
	b.AddEnumerator("icmp", 1)
	b.AddEnumerator("tcp", 6)
	b.AddEnumerator("udp", 17)
	f.traffic = b.AddStruct("traffic", 16)
	b.AddMember("packets", f.u64, 0, 0)
	b.AddMember("bytes", f.u64, 64, 0)
	f.flow = b.AddStruct("flow", 8)
	b.AddMember("src", f.be32, 0, 0)
	b.AddMember("daddr", f.u32, 32, 0)
	slots := b.AddArray(f.u32, f.u32, 8)
	f.hist = b.AddStruct("hist", 48)
	b.AddMember("slots", slots, 0, 0)
	b.AddMember("comm", f.comm, 256, 0)
	f.call = b.AddStruct("call", 32)
	b.AddMember("start", f.u64, 0, 0)
	b.AddMember("caller", f.u64, 64, 0)
	b.AddMember("pid", f.u32, 128, 0)
	b.AddMember("kern_stack_id", f.s32, 160, 0)
	b.AddMember("delta", f.s32, 192, 0)
	vars := []btf.ID{b.AddVar("hits", btf.LinkageGlobal, f.u64),
		b.AddVar("name", btf.LinkageGlobal, f.comm), b.AddVar("unused", btf.LinkageGlobal, f.u32),
		b.AddVar("sizes", btf.LinkageStatic, f.hist)}
	f.bss = b.AddDatasec(".bss", 76)
	b.AddSecVar(vars[0], 0, 8)
	b.AddSecVar(vars[1], 8, 16)
	b.AddSecVar(vars[2], 24, 4)
	b.AddSecVar(vars[3], 28, 48)
	path := b.AddArray(f.u32, f.char, 120)
	wide := []btf.ID{b.AddVar("path", btf.LinkageGlobal, path),
		b.AddVar("count", btf.LinkageGlobal, f.u64), b.AddVar("pid", btf.LinkageGlobal, f.u32)}
	f.wide = b.AddDatasec(".bss", 140)
	b.AddSecVar(wide[0], 0, 120)
	b.AddSecVar(wide[1], 120, 8)
	b.AddSecVar(wide[2], 128, 4)
	many := b.AddArray(f.u32, f.u32, 70)
	f.linear = b.AddStruct("linear", 280)
	b.AddMember("slots", many, 0, 0)
	some := b.AddArray(f.u32, f.u32, 26)
	f.high = b.AddStruct("high", 104)
	b.AddMember("slots", some, 0, 0)
	hists := b.AddVar("hists", btf.LinkageGlobal, b.AddArray(f.u32, f.hist, 3))
	f.lists = b.AddDatasec(".bss", 144)
	b.AddSecVar(hists, 0, 144)
	ips := b.AddArray(f.u32, f.u64, 3)
	f.calls = b.AddStruct("calls", 40)
	b.AddMember("ips", ips, 0, 0)
	b.AddMember("depth", f.u64, 192, 0)
	b.AddMember("unused", f.u64, 256, 0)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

// value lays out fields as C does: uint32, uint64, and text in 16 bytes.
func value(fields ...any) []byte {
	var b []byte
	for _, f := range fields {
		switch f := f.(type) {
		case string:
			b = append(b, append([]byte(f), make([]byte, 16-len(f))...)...)
		default:
			var w bytes.Buffer
			binary.Write(&w, binary.NativeEndian, f)
			b = append(b, w.Bytes()...)
		}
	}
	return b
}

var names = Names{
	Function: func(addr uint64) (string, bool) {
		return "vfs_read+0x10", addr == 0xffffffff81000010
	},
	Stack: func(id uint32, process int) ([]string, bool) {
		return []string{"schedule", "do_nanosleep", "entry_SYSCALL_64"}, id == 3 && process == 70000
	},
	Moment: func(n uint64) (time.Duration, bool) {
		return time.Duration(1e12 - n), n > 9e11 && n <= 1e12
	},
}

// TestRecordings: what is shown of maps, at 80 and at 200 columns and in plain lines, is what a
// person read and found right: testdata has it. -update writes it anew.
func TestRecordings(t *testing.T) {
	f, s := newFixture(t)
	start := time.Unix(1000, 0)
	one := func(key []byte, values ...[]byte) Element { return Element{key, values} }
	for _, c := range []struct {
		name    string
		m       Map
		rows    int
		samples []Sample
	}{
		{"counter", Map{Name: "packets", Type: "percpu_hash", MaxEntries: 64, Key: f.protocol,
			Value: f.traffic, KeySize: 4, ValueSize: 16}, 0, []Sample{
			{Count: 2, Elements: []Element{
				one(value(uint32(1)), value(uint64(100), uint64(9800)),
					value(uint64(20), uint64(1960))),
				one(value(uint32(6)), value(uint64(1), uint64(52)), value(uint64(0), uint64(0)))}},
			{Count: 3, Elements: []Element{
				one(value(uint32(1)), value(uint64(100), uint64(9800)),
					value(uint64(24), uint64(2352))),
				one(value(uint32(6)), value(uint64(5001), uint64(7000052)),
					value(uint64(60000), uint64(84000000))),
				one(value(uint32(17)), value(uint64(0), uint64(0)),
					value(uint64(1), uint64(100)))}},
		}},
		{"many", Map{Name: "flows", Type: "hash", MaxEntries: 10240, Key: f.flow, Value: f.u64,
			KeySize: 8, ValueSize: 8}, 8, []Sample{
			{Count: 30, Elements: flows(30, 0)}, {Count: 30, Elements: flows(30, 7)}}},
		{"large", Map{Name: "flows", Type: "lru_hash", MaxEntries: 1 << 20, Key: f.flow,
			Value: f.u64, KeySize: 8, ValueSize: 8}, 8, []Sample{
			{Count: 1048576, Partial: true, Elements: flows(30, 0)},
			{Count: 1048576, Partial: true, Elements: flows(30, 7)}}},
		{"histogram", Map{Name: "hists", Type: "hash", MaxEntries: 10240, Key: f.u32, Value: f.hist,
			KeySize: 4, ValueSize: 48}, 0, []Sample{{Count: 2, Elements: []Element{
			one(value(uint32(8)), value([]uint32{0, 12, 160, 71, 0, 0, 0, 0}, "fio")),
			one(value(uint32(9)), value([]uint32{1, 0, 0, 0, 0, 0, 0, 4000000}, ""))}}}},
		{"moments", Map{Name: "start", Type: "hash", MaxEntries: 10240, Key: f.u32, Value: f.call,
			KeySize: 4, ValueSize: 32}, 0, []Sample{{Count: 2, Elements: []Element{
			one(value(uint32(11)), value(uint64(999e9), uint64(0xffffffff81000010), uint32(70000),
				int32(3), int32(-40000), uint32(0))),
			one(value(uint32(12)), value(uint64(0), uint64(0xffffffff82000000), uint32(1),
				int32(-14), int32(5), uint32(0)))}}}},
		{"variables", Map{Name: "x.bss", Type: "array", MaxEntries: 1, Key: f.u32, Value: f.bss,
			KeySize: 4, ValueSize: 76, Array: true, Variables: true}, 0, []Sample{
			{Count: 1, Elements: []Element{one(value(uint32(0)),
				value(uint64(5), "purebpf", uint32(0),
					[]uint32{3, 1, 0, 0, 0, 0, 0, 0}, ""))}},
			{Count: 1, Elements: []Element{one(value(uint32(0)),
				value(uint64(25), "purebpf", uint32(0),
					[]uint32{3, 1, 0, 0, 0, 0, 0, 0}, ""))}}}},
		{"wide-variables", Map{Name: "y.bss", Type: "array", MaxEntries: 1, Key: f.u32,
			Value: f.wide, KeySize: 4, ValueSize: 140, Array: true, Variables: true}, 0, []Sample{
			{Count: 1, Elements: []Element{one(value(uint32(0)),
				append([]byte(strings.Repeat("/path", 24)),
					value(uint64(1), uint32(7), uint64(0))...))}},
			{Count: 1, Elements: []Element{one(value(uint32(0)),
				append([]byte(strings.Repeat("/path", 24)),
					value(uint64(5), uint32(7), uint64(0))...))}}}},
		// As softirqs has them.
		{"list-of-histograms", Map{Name: "z.bss", Type: "array", MaxEntries: 1, Key: f.u32,
			Value: f.lists, KeySize: 4, ValueSize: 144, Array: true, Variables: true}, 0,
			[]Sample{{Count: 1, Elements: []Element{one(value(uint32(0)), value(
				[]uint32{0, 1, 2, 0, 0, 0, 0, 0}, "", make([]uint32, 12),
				[]uint32{9, 1, 0, 1, 0, 0, 0, 0}, ""))}}}},
		// More slots than rows.
		{"high-histograms", Map{Name: "hists", Type: "hash", MaxEntries: 4, Key: f.u32,
			Value: f.high, KeySize: 4, ValueSize: 104}, 9, []Sample{{Count: 3, Elements: []Element{
			one(value(uint32(1)), value([]uint32{0, 0, 0, 0, 0, 7, 5, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0,
				0, 0, 0, 0, 0, 0, 0, 0, 1})),
			one(value(uint32(2)), value(append(make([]uint32, 20), 1, 2, 3, 0, 0, 0))),
			one(value(uint32(3)), value(make([]uint32, 26)))}}}},
		{"moments-of-cpus", Map{Name: "start", Type: "percpu_array", MaxEntries: 1, Key: f.u32,
			Value: f.u64, KeySize: 4, ValueSize: 8, Array: true}, 0, []Sample{{Count: 1,
			Elements: []Element{one(value(uint32(0)), value(uint64(999e9)), value(uint64(0)),
				value(uint64(998e9)))}}}},
		{"linear-slots", Map{Name: "hists", Type: "hash", MaxEntries: 4, Key: f.u32,
			Value:   f.linear,
			KeySize: 4, ValueSize: 280}, 0, []Sample{{Count: 1, Elements: []Element{
			one(value(uint32(1)), value(append(make([]uint32, 69), 3)))}}}},
		{"cut", Map{Name: "flows", Type: "hash", MaxEntries: 100000, Key: f.flow, Value: f.u64,
			KeySize: 8, ValueSize: 8}, 5, []Sample{{Count: 20, Cut: true, Elements: flows(20, 0)}}},
		{"array", Map{Name: "counts", Type: "array", MaxEntries: 256, KeySize: 4, ValueSize: 8,
			Value: f.u64, Array: true}, 0, []Sample{{Count: 1, Elements: []Element{
			one(value(uint32(7)), value(uint64(1)))}}}},
		// As ksnoop has them: the key is the address of a task.
		{"addresses", Map{Name: "stacks", Type: "hash", MaxEntries: 4, KeySize: 8, ValueSize: 40,
			Key: f.u64, Value: f.calls}, 0, []Sample{{Count: 2, Elements: []Element{
			one(value(uint64(0xffff888000000000)), value([]uint64{0xffffffff81000010,
				0xffffffff81000010, 0, 2, 0})),
			one(value(uint64(0xffff888000001000)), value([]uint64{0xffffffff81000010,
				0xffffffff82000000, 0, 1, 0}))}}}},
		{"untyped", Map{Name: "raw", Type: "hash", MaxEntries: 4, KeySize: 2, ValueSize: 3}, 0,
			[]Sample{{Count: 1, Elements: []Element{one([]byte{1, 2}, []byte{0xfe, 0, 1})}}}},
		{"hostile", Map{Name: "a\x1b[31mb\n", Type: "hash", MaxEntries: 4, Key: f.u32,
			Value:   f.hist,
			KeySize: 4, ValueSize: 48}, 0, []Sample{{Count: 2, Elements: []Element{
			one(value(uint32(8)), value([]uint32{1, 0, 0, 0, 0, 0, 0, 0}, "\x1b]0;x\a\n")),
			one([]byte{1}, []byte{2}), one(nil)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.m.Spec = s
			var got strings.Builder
			for _, format := range []Format{{Width: 80}, {Width: 200}, {Width: 30}, {Exact: true}} {
				v := New(c.m, names)
				for i, sample := range c.samples {
					sample.Time = start.Add(time.Duration(i) * time.Second)
					v.Update(sample)
				}
				format.Rows = c.rows
				fmt.Fprintf(&got, "-- %d columns, exact %v: %s\n", format.Width, format.Exact,
					screen.Text(0, v.Summary()))
				for _, line := range v.Lines(format) {
					fmt.Fprintln(&got, line)
					if format.Width >= 80 && line.Width() > format.Width {
						t.Errorf("%d columns: %s", line.Width(), line)
					}
				}
				if n := len(v.Lines(format)); c.rows > 0 && n > c.rows {
					t.Errorf("%d lines, the limit is %d", n, c.rows)
				}
			}
			path := filepath.Join("testdata", c.name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// flows returns n flows whose counts grow in different steps.
func flows(n int, round uint64) (list []Element) {
	for i := range uint64(n) {
		list = append(list, Element{
			append([]byte{10, 0, 0, byte(i)}, 192, 168, 1, byte(i)),
			[][]byte{value(1000*i + round*(i*37%31))}})
	}
	return list
}

// TestOverlap: a type whose members lie on each other has few columns. Oracle: the limit.
func TestOverlap(t *testing.T) {
	b := btf.NewBuilder(nil)
	inner := b.AddInt("int", 4, btf.Signed)
	for level := range 8 {
		id := b.AddStruct(fmt.Sprint("level", level), 4)
		for i := range 100 {
			b.AddMember(fmt.Sprint("m", i), inner, 0, 0)
		}
		inner = id
	}
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	v := New(Map{Name: "m", Spec: s, Key: inner, Value: inner, KeySize: 4, ValueSize: 4}, Names{})
	if n := len(v.values); n == 0 || n > maxColumns {
		t.Errorf("%d columns, at most %d are allowed", n, maxColumns)
	}
}

// TestNumbers: oracle: the numbers themselves, read back, differ by at most half a digit.
func TestNumbers(t *testing.T) {
	for n := uint64(1); n < 1<<63; n += n/2 + 1 {
		text := screen.Count(n)
		if len(text) > 6 {
			t.Errorf("%d: %q is longer than six characters", n, text)
		}
		if back, ok := read(text); !ok || back < float64(n)*0.994 || back > float64(n)*1.006 {
			t.Errorf("%d: %q is %g", n, text, back)
		}
		rate := screen.Rate(float64(n) / 7)
		if back, ok := read(rate); !ok || back < float64(n)/7*0.994-0.05 ||
			back > float64(n)/7*1.006+0.05 {
			t.Errorf("%g/s: %q is %g", float64(n)/7, rate, back)
		}
	}
}

func read(text string) (n float64, ok bool) {
	var power string
	if count, _ := fmt.Sscanf(text, "%g %s", &n, &power); count == 2 {
		i := strings.Index("kMGTPE", power)
		for ; i >= 0; i-- {
			n *= 1000
		}
	} else if count != 1 {
		return 0, false
	}
	return n, true
}

// TestCountsWrap: counts of a histogram that don't fit one line's number don't end the screen.
func TestCountsWrap(t *testing.T) {
	counts := make([]uint64, 30)
	for i := range counts {
		counts[i] = 1 << 63
	}
	h := newHistogram(screen.Line{}, counts)
	bars := h.bars(17, Format{Width: 80})
	if lines := h.lines(bars,
		sizes{low: 1, high: 1, count: 1, bar: 20}); len(lines) != len(bars)+1 {
		t.Errorf("%d lines for %d bars", len(lines), len(bars))
	}
}

// TestBarsFit: a histogram has at most so many bars as there are rows, and counts everything.
// Oracle: the counts.
func TestBarsFit(t *testing.T) {
	for n := 1; n <= 64; n++ {
		for zeros := range n {
			counts := make([]uint64, n)
			for i := range counts[zeros:] {
				counts[zeros+i] = 1
			}
			for rows := 1; rows <= 40; rows++ {
				h := newHistogram(screen.Line{}, counts)
				var all uint64
				bars := h.bars(rows, Format{})
				for _, b := range bars {
					all += b.n
				}
				if len(bars) > rows || all != uint64(n-zeros) {
					t.Fatalf("%d slots, %d zeros, %d rows: %d bars count %d", n, zeros, rows,
						len(bars), all)
				}
			}
		}
	}
}
