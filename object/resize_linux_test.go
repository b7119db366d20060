package object_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// TestSetValueSize resizes data maps of testdata/data.c. The oracle is C libbpf's result of the
// same change, BTF byte for byte.
func TestSetValueSize(t *testing.T) {
	for _, tc := range []struct {
		section, order string
		size           uint32
		btf            bool // whether BTF describes it
	}{
		{".bss", "data.bss=8036", 8036, true},
		{".bss", "data.bss=20", 20, true},
		{".bss", "data.bss=8037", 8037, false},
		{".bss", "data.bss=2", 2, false},
		{".rodata", "data.rodata=100", 100, false},
		{".data.custom", ".data.custom=8", 8, false},
		{".data.statics", ".data.statics=8", 8, false},
	} {
		o := open(t, "data.o", nil)
		clone := o.Clone()
		m := o.Map(tc.section)
		hadBTF := m.ValueType != 0
		m.Bytes()[0] = 0
		if err := m.SetValueSize(tc.size); err != nil {
			t.Errorf("%s: %v", tc.order, err)
			continue
		}
		want := libbpfOpen(t, tc.order, "testdata/data.o")[0]
		adjust(&want, o)
		got := describe(o)
		got.Skipped = want.Skipped
		for i := range want.Maps {
			if want.Maps[i].Name == m.Name {
				// C libbpf rounds the image up to pages, and the first byte was changed above.
				want.Maps[i].Hash, got.Maps[i].Hash = "", ""
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -libbpf +ours\n%s", tc.order, d)
		}
		if len(m.Bytes()) != int(tc.size) || hadBTF && (m.ValueType != 0) != tc.btf {
			t.Errorf("%s: %d bytes, BTF type %d", tc.order, len(m.Bytes()), m.ValueType)
		}
		if d := cmp.Diff(describe(open(t, "data.o", nil)), describe(clone)); d != "" {
			t.Errorf("%s: changed an earlier clone\n%s", tc.order, d)
		}
	}
	o := open(t, "data.o", nil)
	m := o.Map(".bss")
	if err := m.SetValueSize(m.ValueSize + 400); err != nil {
		t.Fatal(err)
	}
	if v := o.Variable("big"); v.Size != 800 || len(v.Bytes()) != 800 {
		t.Errorf("big has %d bytes", v.Size)
	}
	m.Type = uapi.MapHash
	if err := m.SetValueSize(8); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("resizing a data map that is a hash: %v", err)
	}
	plain := open(t, "maps.o", &object.Options{}).Map("sized")
	if err := plain.SetValueSize(99); err != nil || plain.ValueSize != 99 {
		t.Errorf("%v, %d bytes", err, plain.ValueSize)
	}
}
