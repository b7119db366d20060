package btf

import "testing"

// TestAlignOfNested asks for the alignment of unions in unions, each twice in the next. The oracle
// is the C standard (6.2.8): a union is aligned as its strictest member, here an int of 8 bytes. A
// walk over every path would take 2^200 steps.
func TestAlignOfNested(t *testing.T) {
	b := NewBuilder(nil)
	id := b.AddInt("long", 8, Signed)
	for range 200 {
		u := b.AddUnion("u", 8)
		b.AddMember("a", id, 0, 0)
		b.AddMember("b", id, 0, 0)
		id = u
	}
	s, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.AlignOf(id); n != 8 || err != nil {
		t.Errorf("alignment %d, %v", n, err)
	}
}
