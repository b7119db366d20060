package maprules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// valueMaker makes types of values at random, of structs that nest and repeat special fields.
type valueMaker struct {
	r    *rand.Rand
	b    *btf.Builder
	word btf.ID
	task btf.ID
	mine btf.ID
	n    int
}

// special makes a special struct, now and then one that is none.
func (m *valueMaker) special() (id btf.ID, size uint32, root bool) {
	x := specials[m.r.IntN(len(specials))]
	size = x.size
	if m.r.IntN(12) == 0 {
		size += 8
	}
	return m.opaque(x.name, size), size, x.kind&roots != 0
}

func (m *valueMaker) opaque(name string, size uint32) btf.ID {
	id := m.b.AddStruct(name, size)
	for off := uint32(0); off < size; off += 4 {
		m.b.AddMember("", m.word, off*8, 0)
	}
	return id
}

// member makes the type of a member.
func (m *valueMaker) member(depth int) (id btf.ID, size uint32, root bool) {
	switch k := m.r.IntN(20); {
	case k < 6:
		return m.special()
	case k < 8:
		id, size, _ = m.special()
		return m.b.AddTypedef(fmt.Sprint("alias", m.next()), id), size, false
	case k < 9:
		id, size, _ = m.special()
		return m.b.AddVolatile(id), size, false
	case k < 11:
		tags := []string{"kptr", "uptr", "kptr_untrusted", "percpu_kptr", "other", ""}
		to := m.task
		tag := tags[m.r.IntN(len(tags))]
		if tag == "uptr" { // which is for structs that the kernel doesn't have
			to = m.mine
		}
		if tag != "" {
			to = m.b.AddTypeTag(tag, to)
		}
		return m.b.AddPtr(to), 8, false
	case k < 14 && depth < 3:
		id, size, root = m.member(depth + 1)
		n := uint32(m.r.IntN(4))
		return m.b.AddArray(m.word, id, n), n * size, root
	case k < 18 && depth < 3:
		id, size = m.structure(depth + 1)
		return id, size, false
	case k < 19:
		inner, n, _ := m.special()
		id = m.b.AddUnion(fmt.Sprint("u", m.next()), n)
		m.b.AddMember("x", inner, 0, 0)
		return id, n, false
	}
	return m.word, 4, false
}

func (m *valueMaker) next() int { m.n++; return m.n }

// structure makes a struct.
func (m *valueMaker) structure(depth int) (btf.ID, uint32) {
	type field struct {
		id   btf.ID
		off  uint32
		root bool
	}
	var fields []field
	off := uint32(0)
	for range 1 + m.r.IntN(3) {
		id, size, root := m.member(depth)
		if m.r.IntN(8) != 0 {
			off = (off + 7) &^ 7
		} else {
			off = (off + 3) &^ 3
		}
		fields = append(fields, field{id, off, root})
		off += size
	}
	size := max((off+7)&^7, 8)
	id := m.b.AddStruct(fmt.Sprint("s", m.next()), size)
	for i, f := range fields {
		m.b.AddMember(fmt.Sprint("m", i), f.id, f.off*8, 0)
	}
	for i, f := range fields {
		if f.root && m.r.IntN(4) != 0 {
			held := []string{"node:link", "leaf:branch"}[m.r.IntN(2)]
			m.b.AddDeclTag("contains:"+held, id, int32(i))
		}
	}
	return id, size
}

// TestSpecialFields compares the rules for special fields of local storages' values with the
// running kernel, which creates maps with such values or refuses them.
func TestSpecialFields(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.11") // the rules of older kernels are doubts, not answers
	k := running(t)
	random := rand.New(rand.NewPCG(5, 18))
	var asked, refused int
	for range 1500 {
		m := &valueMaker{r: random, b: btf.NewBuilder(nil)}
		m.word = m.b.AddInt("int", 4, 0)
		m.task = m.b.AddStruct("task_struct", 8)
		m.b.AddMember("x", m.word, 0, 0)
		m.b.AddMember("y", m.word, 32, 0)
		m.mine = m.b.AddStruct("purebpf_mine", 4)
		m.b.AddMember("x", m.word, 0, 0)
		link, branch := m.opaque("bpf_list_node", 24), m.opaque("bpf_rb_node", 32)
		m.b.AddStruct("node", 24)
		m.b.AddMember("link", link, 0, 0)
		m.b.AddStruct("leaf", 32)
		m.b.AddMember("branch", branch, 0, 0)
		value, size := m.structure(0)
		raw := m.b.Bytes()
		spec, err := btf.Parse(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := walk{s: spec, deep: true}
		typ, _ := spec.Type(value)
		list, _ := w.inStruct(typ, 0, mostFields)
		if twice(list) {
			continue // which the kernel is surprised by
		}
		types, err := sys.BTFLoad(&sys.BTFLoadAttr{BTF: sys.Slice(raw), Size: uint32(len(raw))})
		if err != nil {
			continue
		}
		for _, kind := range []uapi.MapType{uapi.MapTaskStorage, uapi.MapSKStorage} {
			asked++
			fd, err := sys.MapCreate(&sys.MapCreateAttr{
				Type: kind, KeySize: 4, ValueSize: size, Flags: uapi.FNoPrealloc,
				BTFFD: types.Uint32(), BTFKeyTypeID: uint32(m.word), BTFValueTypeID: uint32(value),
			})
			fd.Close()
			broken, _ := Check(&Map{
				Type: kind, KeySize: 4, ValueSize: size, Flags: uapi.FNoPrealloc, Typed: true,
				IntKey: true, Special: SpecialFields(spec, value),
			}, k)
			if err != nil {
				refused++
			}
			if slices.ContainsFunc(broken, func(b Breach) bool { return b.Unsure }) {
				continue
			}
			if (err == nil) != (len(broken) == 0) {
				t.Errorf("%s: the kernel says %v, the rules %q:\n%s", kind, err, Text(broken),
					describe(spec, value))
			}
			if err != nil && !errors.Is(err, syscall.EOPNOTSUPP) && !errors.Is(err, sys.ENOTSUPP) {
				t.Errorf("%s: %v\n%s", kind, err, describe(spec, value))
			}
		}
		types.Close()
		if t.Failed() {
			break
		}
	}
	t.Logf("%d maps asked for, %d refused", asked, refused)
	if asked < 1000 || refused < 100 {
		t.Error("too few")
	}
}

// twice reports whether a field that may be there once is there again, on another level.
func twice(list []special) bool {
	for i, f := range list {
		if f.kind&once != 0 &&
			slices.ContainsFunc(list[:i], func(g special) bool { return g.kind == f.kind }) {
			return true
		}
	}
	return false
}

func describe(spec *btf.Spec, value btf.ID) string {
	text := fmt.Sprintf("value [%d]\n", value)
	for t := range spec.Types() {
		text += string(t.AppendRaw(nil)) + "\n"
	}
	return text
}
