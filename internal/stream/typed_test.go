package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/btf"
)

type event struct {
	Number uint64
	Comm   [6]byte
	CPU    uint16
}

// TestView views records that lie at any address and have any length. The oracle is
// encoding/binary, which reads the same bytes.
func TestView(t *testing.T) {
	var typed Typed[event]
	if err := typed.Prove(nil, ""); err != nil {
		t.Fatal(err)
	}
	words := make([]uint64, 8)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 64)
	for i := range memory {
		memory[i] = byte(i * 7)
	}
	size, short := binary.Size(event{}), uint64(0)
	for at := range 9 {
		for n := range 32 {
			record := memory[at : at+n]
			got := typed.View(record)
			var bad *SizeError
			if n < size {
				short++
				if err := typed.Short("events", record); got != nil || !errors.As(err, &bad) ||
					*bad != (SizeError{"events", n, size}) {
					t.Fatalf("%d bytes at %d: %v, %v", n, at, got, err)
				}
				continue
			}
			var want event
			binary.Decode(record, binary.NativeEndian, &want)
			if *got != want {
				t.Fatalf("%d bytes at %d: %+v, want %+v", n, at, got, want)
			}
			if view := unsafe.Pointer(got) == unsafe.Pointer(&record[0]); view != (at%8 == 0) {
				t.Errorf("at %d: a view: %v", at, view)
			}
		}
	}
	if typed.Malformed() != short {
		t.Errorf("%d records were too short, not %d", typed.Malformed(), short)
	}
	if !bytes.Equal(memory[7:10], []byte{49, 56, 63}) {
		t.Error("a view changed the record")
	}
}

// TestProve: the C types are written down here by hand.
func TestProve(t *testing.T) {
	b := btf.NewBuilder(nil)
	u8, u16, u64 := b.AddInt("unsigned char", 1, 0), b.AddInt("unsigned short", 2, 0),
		b.AddInt("unsigned long long", 8, 0)
	comm := b.AddArray(u8, u8, 6)
	c := b.AddStruct("event", 16)
	b.AddMember("number", u64, 0, 0)
	b.AddMember("comm", comm, 64, 0)
	b.AddMember("cpu", u16, 112, 0)
	b.AddTypedef("event_t", c)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	type shifted struct {
		Number uint64
		CPU    uint16
		Comm   [6]byte
	}
	prove := map[string]func(*btf.Spec, string) error{
		"event":   new(Typed[event]).Prove,
		"shifted": new(Typed[shifted]).Prove,
		"uint64":  new(Typed[uint64]).Prove,
		"none":    new(Typed[struct{}]).Prove,
		"slice":   new(Typed[[]byte]).Prove,
	}
	for _, x := range []struct {
		typ, name string
		spec      *btf.Spec
		says      string // "": accepted
	}{
		{"event", "event", spec, ""},
		{"event", "struct event", spec, ""},
		{"event", "event_t", spec, ""},
		{"uint64", "unsigned long long", spec, ""},
		{"shifted", "", spec, ""},
		{"event", "", nil, ""},
		{"shifted", "event", spec, "CPU lies across the C member comm (bytes 8 to 14) of STRUCT event"},
		{"uint64", "event", spec, "uint64 has 8 bytes, STRUCT event has 16"},
		{"none", "event", spec, "has no bytes; read the bytes of records instead"},
		{"slice", "", spec, "which the kernel cannot take"},
		{"event", "evnt", spec, `the BTF has no type "evnt"; clang leaves out`},
		{"event", "evnt", spec, "near: event"},
		{"event", "union event", spec, `no type "union event"`},
		{"event", "event", nil, "there is no BTF to say what event is"},
	} {
		err := prove[x.typ](x.spec, x.name)
		if (err == nil) != (x.says == "") || err != nil && !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s as %q: %v, not %q", x.typ, x.name, err, x.says)
		}
	}
}
