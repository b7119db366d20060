package main

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/mapview"
)

// TestCompose: on terminals of all sizes the screen has its heading and what is below the maps, and
// a histogram that is shown loses no count. Oracles: the size, and the sum of what the map has.
func TestCompose(t *testing.T) {
	b := btf.NewBuilder(nil)
	u32 := b.AddInt("unsigned int", 4, 0)
	slots := b.AddArray(u32, u32, 24)
	hist := b.AddStruct("hist", 96)
	b.AddMember("slots", slots, 0, 0)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	number := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	var counts []byte
	sum := 0
	for i := range uint32(24) {
		sum += int(i * i)
		counts = append(counts, number(i*i)...)
	}
	hists := mapview.New(mapview.Map{Name: "hists", Type: "hash", MaxEntries: 8, Spec: s, Key: u32,
		Value: hist, KeySize: 4, ValueSize: 96}, mapview.Names{})
	hists.Update(mapview.Sample{Count: 1, Time: time.Unix(1, 0),
		Elements: []mapview.Element{{Key: number(1), Values: [][]byte{counts}}}})
	start := mapview.New(mapview.Map{Name: "start", Type: "hash", MaxEntries: 64, KeySize: 4,
		ValueSize: 4}, mapview.Names{})
	var elements []mapview.Element
	for i := range uint32(40) {
		elements = append(elements, mapview.Element{Key: number(i), Values: [][]byte{number(i)}})
	}
	start.Update(mapview.Sample{Count: 40, Time: time.Unix(1, 0), Elements: elements})
	bar := regexp.MustCompile(`→ \d+ +(\d+) \|`)
	for width := 60; width <= 200; width += 20 {
		for height := 12; height < 60; height++ {
			lines := compose(status{title: "x", programs: 2}, []*mapview.View{start, hists}, width,
				height)
			if len(lines) > height-1 {
				t.Errorf("%d lines on a terminal of %d", len(lines), height)
			}
			var text []string
			for _, l := range lines {
				text = append(text, l.String())
			}
			all := strings.Join(text, "\n")
			got := 0
			for _, m := range bar.FindAllStringSubmatch(all, -1) {
				var n int
				fmt.Sscan(m[1], &n)
				got += n
			}
			last := text[len(text)-1]
			if got != sum || !strings.HasPrefix(text[0], "bpf run") ||
				!strings.HasPrefix(last, "2 programs attached") || !strings.Contains(all, "start (hash") {
				t.Fatalf("%d × %d: %d counted, want %d, in\n%s", width, height, got, sum, all)
			}
		}
	}
}

// TestNumbersOfUnknownType: the C types that a number may have. Oracle: C's conversions.
func TestNumbersOfUnknownType(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		size int
		want string
	}{
		{1<<32 - 2, 4, "-2"}, {1<<32 - 4095, 4, "-4095"}, {1<<32 - 4096, 4, "4294963200"},
		{0xfffe, 2, "65534"}, {0xff, 1, "255"}, {0, 4, "0"}, {1<<64 - 2, 8, "-2"},
		{0xffff888000000000, 8, "0xffff888000000000"}, {1 << 40, 8, "1099511627776"},
	} {
		if got := string(appendNumber(nil, c.n, c.size)); got != c.want {
			t.Errorf("%#x of %d bytes: %s, want %s", c.n, c.size, got, c.want)
		}
	}
}
