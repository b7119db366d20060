package btf

import "testing"

// The oracle of these tests are the comments of libbpf's btf.h and of linux/btf.h.

// TestFindOwn: types of the base are not a split BTF's own.
func TestFindOwn(t *testing.T) {
	b := NewBuilder(nil)
	b.AddInt("int", 4, Signed)
	base, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	split := NewBuilder(base)
	own := split.AddInt("long", 8, Signed)
	s, err := split.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := s.FindOwn("long", KindInt); !ok || id != own {
		t.Error(id, ok)
	}
	if _, ok := s.FindByName("int", KindInt); !ok {
		t.Error("the base's type is not found")
	}
	for _, c := range []struct {
		name string
		kind Kind
	}{{"int", KindInt}, {"long", KindStruct}, {"short", KindInt}} {
		if id, ok := s.FindOwn(c.name, c.kind); ok {
			t.Errorf("%v %s: [%d]", c.kind, c.name, id)
		}
	}
}

// TestSetPointerSize: pointers, and structs aligned to them, have the size that was set.
func TestSetPointerSize(t *testing.T) {
	b := NewBuilder(nil)
	ptr := b.AddPtr(0)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []uint32{4, 8} {
		if err := s.SetPointerSize(n); err != nil {
			t.Fatal(err)
		}
		size, err := s.SizeOf(ptr)
		align, err2 := s.AlignOf(ptr)
		if size != uint64(n) || err != nil || err2 != nil || align != n ||
			s.PointerSize() != n {
			t.Errorf("%d: %d, aligned to %d, %v, %v", n, size, align, err, err2)
		}
	}
	if s.SetPointerSize(5) == nil || s.PointerSize() != 8 {
		t.Error("5 bytes")
	}
}

// TestAddDeclAttr: an attribute is a tag with the kind flag.
func TestAddDeclAttr(t *testing.T) {
	b := NewBuilder(nil)
	number := b.AddInt("int", 4, Signed)
	record := b.AddStruct("s", 4)
	b.AddMember("x", number, 0, 0)
	tag, attr := b.AddDeclTag("t", record, 0), b.AddDeclAttr("packed", record, -1)
	typeAttr := b.AddTypeAttr("noderef", number)
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id    ID
		name  string
		kind  Kind
		kflag bool
	}{{tag, "t", KindDeclTag, false}, {attr, "packed", KindDeclTag, true},
		{typeAttr, "noderef", KindTypeTag, true}} {
		typ, ok := s.Type(c.id)
		if !ok || typ.Name() != c.name || typ.Kind() != c.kind || typ.KFlag() != c.kflag {
			t.Errorf("%+v: %v %q %v", c, typ.Kind(), typ.Name(), typ.KFlag())
		}
	}
}
