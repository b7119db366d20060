package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// TestVariable: variables of a loaded object; the oracles are testdata/maps.bpf.c, which sets their
// values and computes with them, and bpftool, which prints the kernel's copy by BTF.
func TestVariable(t *testing.T) {
	o := open(t, "maps")
	if err := o.Variable("greeting").Set("hi"); err != nil {
		t.Fatal(err)
	}
	obj := load(t, o, &bpf.LoadOptions{SkipPins: true})

	var threshold int32
	if err := obj.Variable("threshold").Get(&threshold); err != nil || threshold != -3 {
		t.Error(threshold, err)
	}
	var greeting [8]byte
	if err := obj.Variable("greeting").Get(&greeting); err != nil ||
		string(greeting[:]) != "hi\x00\x00\x00\x00\x00\x00" {
		t.Error(greeting, err)
	}
	var pair [2]uint16
	if err := obj.Variable("pair").Get(&pair); err != nil || pair != [2]uint16{1, 2} {
		t.Error(pair, err)
	}
	last, err := bpf.VarOf[hashValue](obj.Variable("last_value"))
	if err != nil || last.Count != 7 || string(last.Name[:6]) != "seven\x00" {
		t.Error(last, err)
	}
	for _, set := range []struct {
		name  string
		value any
	}{{"threshold", -40}, {"pair", [2]uint16{300, 400}}, {"flag", true},
		{"last_value", hashValue{Count: 9, Last: 8}}, {"calls", uint64(1) << 40}} {
		if err := obj.Variable(set.name).Set(set.value); err != nil {
			t.Error(err)
		}
	}
	var data []struct {
		Formatted struct {
			Value map[string][]map[string]any
		}
	}
	bpftool(t, &data, "map", "dump", "id", fmt.Sprint(mapID(t, obj.Map(".data"))))
	if text := fmt.Sprint(data); !strings.Contains(text, "threshold:-40") ||
		!strings.Contains(text, "pair:[300 400]") || !strings.Contains(text, "count:9") {
		t.Errorf("bpftool: %s", text)
	}
	if r, err := obj.Program("count").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil ||
		r.Return != 1000 {
		t.Error(r, err)
	}
	calls, err := bpf.VarOf[uint64](obj.Variable("calls"))
	if err != nil || atomic.LoadUint64(calls) != 1<<40+1 {
		t.Error(*calls, err)
	}
	if last.Count != 10 {
		t.Error("the program's increment isn't seen:", last)
	}
	if v := obj.Variable("calls"); v.ReadOnly() || v.Size() != 8 || v.Map() != obj.Map(".bss") ||
		v.Name() != "calls" {
		t.Error(v)
	}
}

func TestVariableRefuses(t *testing.T) {
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	check := func(what string, err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want something about %q", what, err, want)
		}
	}
	limit := obj.Variable("limit")
	if !limit.ReadOnly() {
		t.Error("a const variable is writable")
	}
	err := limit.Set(uint32(1))
	check("set const", err, "const")
	if !errors.Is(err, bpf.ErrPermission) {
		t.Error(err)
	}
	if n, err := bpf.VarOf[uint32](limit); err != nil || *n != 5 {
		t.Error(n, err)
	}
	check("too large", obj.Variable("threshold").Set(int64(1)<<40), "does not fit")
	check("too small", obj.Variable("threshold").Set(-(int64(1) << 40)), "does not fit")
	check("negative", obj.Variable("pair").Set([2]int64{}), "bytes")
	check("nothing", obj.Variable("threshold").Set(nil), "no value")
	check("number for a struct", obj.Variable("last_value").Set(1), "depends on the machine")
	check("text for a number", obj.Variable("threshold").Set("hi"), "not an array of char")
	check("get into value", obj.Variable("threshold").Get(1), "not a pointer")
	check("get into nil", obj.Variable("threshold").Get((*int32)(nil)), "not a pointer")
	check("get another size", obj.Variable("threshold").Get(new(int64)), "8 bytes")
	_, err = bpf.VarOf[uint32](obj.Variable("nothing"))
	check("no variable", err, "no variable nothing")
	_, err = bpf.VarOf[int64](obj.Variable("threshold"))
	check("another size", err, "8 bytes")
}

// TestVariableOfNoMap: a variable whose map was not created doesn't exist, which differs from
// closed. The oracle is Map.Lookup.
func TestVariableOfNoMap(t *testing.T) {
	o := open(t, "maps")
	o.Map(".data").Autocreate = false
	for _, m := range o.Maps {
		if m.Type == uapi.MapProgArray {
			m.Autocreate = false
		}
	}
	for _, p := range o.Programs {
		p.Autoload = false
	}
	obj := load(t, o, &bpf.LoadOptions{SkipPins: true})
	m := obj.Map(".data")
	if err := m.Lookup(make([]byte, 4),
		make([]byte, m.ValueLen())); !errors.Is(err, bpf.ErrNotExist) ||
		errors.Is(err, bpf.ErrClosed) {
		t.Fatal(err)
	}
	v := obj.Variable("threshold")
	if v.Map() != m {
		t.Fatal("the compiler put threshold elsewhere: the test needs another variable")
	}
	_, err := v.Bytes()
	for what, err := range map[string]error{"Bytes": err, "Set": v.Set(make([]byte, v.Size()))} {
		if !errors.Is(err, bpf.ErrNotExist) || errors.Is(err, bpf.ErrClosed) {
			t.Errorf("%s of %s: %v", what, v.Name(), err)
		}
	}
}

// TestMemoryOf: a struct over a whole section, as generated code uses it.
func TestMemoryOf(t *testing.T) {
	o := open(t, "maps")
	obj := load(t, o, &bpf.LoadOptions{SkipPins: true})
	type bss struct {
		Calls uint64
	}
	if o.Variable("calls").Offset != 0 {
		t.Fatal("the compiler put calls elsewhere: the test needs another struct")
	}
	p, err := bpf.MemoryOf[bss](obj.Map(".bss"))
	if err != nil {
		t.Fatal(err)
	}
	p.Calls = 41
	if _, err := obj.Program("count").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil ||
		p.Calls != 42 {
		t.Error(p.Calls, err)
	}
	if _, err := bpf.MemoryOf[[1 << 20]byte](obj.Map(".bss")); err == nil {
		t.Error("a type larger than the map")
	}
	if _, err := bpf.MemoryOf[bss](obj.Map("hash")); !errors.Is(err, bpf.ErrNotSupported) {
		t.Error(err)
	}
	if _, err := bpf.MemoryOf[bss](obj.Map("nothing")); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}

// noArrayMmap is a kernel before 5.5: arrays cannot be mapped.
type noArrayMmap struct{ facts.Kernel }

func (k noArrayMmap) Has(f facts.Feature) (bool, error) {
	if f == facts.ArrayMmap {
		return false, nil
	}
	return k.Kernel.Has(f)
}

// TestVariableUnmapped: without mapped memory, variables can be read by system call, but not
// changed.
func TestVariableUnmapped(t *testing.T) {
	obj := load(t, open(t, "maps"),
		&bpf.LoadOptions{SkipPins: true, Kernel: noArrayMmap{kernel.Running()}})
	if obj.Map(".bss").Memory() != nil {
		t.Fatal("mapped after all")
	}
	if _, err := obj.Program("count").Run(&bpf.RunOptions{Data: make([]byte, 64)}); err != nil {
		t.Fatal(err)
	}
	var calls uint64
	if err := obj.Variable("calls").Get(&calls); err != nil || calls != 1 {
		t.Error(calls, err)
	}
	var pair [2]uint16
	if err := obj.Variable("pair").Get(&pair); err != nil || pair != [2]uint16{1, 2} {
		t.Error(pair, err)
	}
	for what, err := range map[string]error{
		"set": obj.Variable("calls").Set(1), "bytes": second(obj.Variable("calls").Bytes()),
		"pointer": second(bpf.VarOf[uint64](obj.Variable("calls"))),
	} {
		if !errors.Is(err, bpf.ErrNotSupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !obj.Variable("calls").ReadOnly() {
		t.Error("not read-only")
	}
}
