package plan_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// The effect of each missing BTF feature on the types, without a kernel. Oracle: the kernel
// versions' lists of kinds: no kind of the feature remains, and every id and every size that maps
// depend on is kept. (TestOlderKernels compares bytes with C libbpf's.)
func TestSanitizeKinds(t *testing.T) {
	for _, row := range []struct {
		lacks   []facts.Feature
		refused func(btf.Type) bool
	}{
		{[]facts.Feature{facts.BTFFunc, facts.BTFGlobalFunc}, func(t btf.Type) bool {
			return t.Kind() == btf.KindFunc || t.Kind() == btf.KindFuncProto
		}},
		{[]facts.Feature{facts.BTFGlobalFunc}, func(t btf.Type) bool {
			return t.Kind() == btf.KindFunc && t.Linkage() != btf.LinkageStatic
		}},
		{[]facts.Feature{facts.BTFDatasec},
			func(t btf.Type) bool {
				return t.Kind() == btf.KindVar ||
					t.Kind() == btf.KindDatasec
			}},
		{[]facts.Feature{facts.BTFFloat},
			func(t btf.Type) bool { return t.Kind() == btf.KindFloat }},
		{[]facts.Feature{facts.BTFDeclTag},
			func(t btf.Type) bool { return t.Kind() == btf.KindDeclTag }},
		{[]facts.Feature{facts.BTFTypeTag},
			func(t btf.Type) bool { return t.Kind() == btf.KindTypeTag }},
		{[]facts.Feature{facts.BTFEnum64}, func(t btf.Type) bool {
			return t.Kind() == btf.KindEnum64 || t.Kind() == btf.KindEnum && t.KFlag()
		}},
	} {
		o := open(t, "types.o")
		before := false
		for x := range o.BTF.Types() {
			before = before || row.refused(x)
		}
		if !before {
			t.Errorf("%v: the object has nothing of it", row.lacks)
		}
		p := resolve(t, o, &fake{version: 1, lacks: row.lacks}, nil)
		s, err := btf.Parse(p.BTF, nil)
		if err != nil {
			t.Fatalf("%v: %v", row.lacks, err)
		}
		// libbpf makes enumerators without names too
		if err := s.Validate(); err != nil && row.lacks[0] != facts.BTFFunc {
			t.Errorf("%v: %v", row.lacks, err)
		}
		if s.Len() < o.BTF.Len() {
			t.Errorf("%v: %d types of %d", row.lacks, s.Len(), o.BTF.Len())
		}
		for x := range s.Types() {
			if row.refused(x) {
				t.Errorf("%v: type [%d] is still a %v", row.lacks, x.ID(), x.Kind())
			}
		}
		for _, m := range p.Maps {
			for _, id := range []btf.ID{m.KeyType, m.ValueType} {
				if id == 0 {
					continue
				}
				want, err1 := o.BTF.SizeOf(id)
				got, err2 := s.SizeOf(id)
				if want != got || err1 != nil || err2 != nil {
					t.Errorf("%v: map %s: type [%d] has %d bytes instead of %d (%v, %v)", row.lacks,
						m.Name, id, got, want, err1, err2)
				}
			}
		}
		if !event(p, plan.EventSanitized, "BTF", "") {
			t.Errorf("%v: no event", row.lacks)
		}
		noInfo := slices.Contains(row.lacks, facts.BTFFunc)
		if x := p.Programs[0]; noInfo != (len(x.FuncInfo) == 0) ||
			noInfo != (len(x.LineInfo) == 0) {
			t.Errorf("%v: %d bytes of func_info, %d of line_info", row.lacks, len(x.FuncInfo),
				len(x.LineInfo))
		}
	}
}

// Oracle: the same object without the layout section, byte for byte.
func TestLayoutLeftOut(t *testing.T) {
	o := open(t, "types.o")
	raw := o.BTF.Raw()
	h := binary.NativeEndian
	hdr, typeLen := h.Uint32(raw[4:]), h.Uint32(raw[12:])
	if hdr != 24 {
		t.Fatalf("header of %d bytes", hdr)
	}
	// One entry per kind: bytes beyond the header, bytes per element, 16 bits of flags.
	var layout []byte
	for _, k := range [][2]byte{{}, {4, 0}, {}, {12, 0}, {0, 12}, {0, 12}, {0, 8}, {}, {}, {}, {},
		{}, {}, {0, 8}, {4, 0}, {0, 12}, {}, {4, 0}, {}, {0, 12}} {
		layout = append(layout, k[0], k[1], 0, 0)
	}
	with := append([]byte(nil), raw[:24]...)
	h.PutUint32(with[4:], 32)
	h.PutUint32(with[16:], typeLen+uint32(len(layout)))
	with = h.AppendUint32(with, typeLen)
	with = h.AppendUint32(with, uint32(len(layout)))
	with = append(append(append(with, raw[24:24+typeLen]...), layout...), raw[24+typeLen:]...)
	s, err := btf.Parse(with, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.BTF = s
	if p := resolve(t, o, &fake{version: 1}, nil); !bytes.Equal(p.BTF, with) {
		t.Error("BTF was changed for a kernel that knows layouts")
	}
	p := resolve(t, o, &fake{version: 1, lacks: []facts.Feature{facts.BTFLayout}}, nil)
	if !bytes.Equal(p.BTF, raw) {
		t.Errorf("%d bytes, want the %d of the BTF without layout", len(p.BTF), len(raw))
	}
	if !event(p, plan.EventSanitized, "BTF", "layout") {
		t.Errorf("events %v", p.Events)
	}
}

// Features outside of BTF, without a kernel. Oracle: what libbpf does where the feature is missing,
// stated per case.
func TestMissingFeatures(t *testing.T) {
	calls := func(p *plan.Program) (ids []int32) {
		for _, in := range p.Insns {
			if in.Op == asm.OpCall && in.Regs == 0 {
				ids = append(ids, in.Imm)
			}
		}
		return ids
	}
	probes := func(lacks ...facts.Feature) *plan.Plan {
		o := open(t, "probes.o")
		only(o, "do_kernel")
		return resolve(t, o, &fake{version: 1, lacks: lacks}, nil)
	}
	if got := calls(planned(t, probes(), "do_kernel")); !slices.Equal(got,
		[]int32{113, 115, 112, 114}) {
		t.Errorf("helpers %v", got)
	}
	p := probes(facts.ProbeReadKernel)
	if got := calls(planned(t, p, "do_kernel")); !slices.Equal(got, []int32{4, 45, 4, 45}) {
		t.Errorf("helpers of old kernels: %v", got)
	}
	if !event(p, plan.EventSanitized, "do_kernel", "probe_read") {
		t.Errorf("events %v", p.Events)
	}

	data := func(lacks ...facts.Feature) *plan.Plan {
		return resolve(t, open(t, "types.o"), &fake{version: 1, lacks: lacks}, nil)
	}
	p = data()
	prog := p.Programs[0]
	if len(prog.BindMaps) == 0 || len(prog.Poisons) != 0 {
		t.Errorf("binds %v, poisons %v", prog.BindMaps, prog.Poisons)
	}
	for _, m := range p.Maps {
		if m.Mmap != (m.Flags&uapi.FMmapable != 0) {
			t.Errorf("%s: mapped %v, flags %#x", m.Name, m.Mmap, m.Flags)
		}
	}
	p = data(facts.ArrayMmap)
	for _, m := range p.Maps {
		if m.Mmap || m.Flags&uapi.FMmapable != 0 {
			t.Errorf("%s: mapped %v, flags %#x", m.Name, m.Mmap, m.Flags)
		}
	}
	p = data(facts.ProgBindMap)
	if got := p.Programs[0].BindMaps; len(got) != 0 {
		t.Errorf("binds %v", got)
	}
	p = data(facts.GlobalData)
	poisoned := 0
	for i, m := range p.Maps {
		data := m.Spec.Name != "map"
		if m.Skip != data {
			t.Errorf("%s: left out %v", m.Spec.Name, m.Skip)
		}
		if data {
			for _, in := range p.Programs[0].Insns {
				if in.Op == asm.OpCall && in.Imm == int32(plan.PoisonMapBase+i) {
					poisoned++
				}
			}
		}
	}
	if poisoned == 0 || poisoned != 2*len(p.Programs[0].Poisons) {
		t.Errorf("%d poisoned instructions, %d poisons", poisoned, len(p.Programs[0].Poisons))
	}
	p = data(facts.BTFLoad)
	if p.BTF != nil || p.BTFNeeded || p.Maps[0].KeyType != 0 || p.Programs[0].FuncInfo != nil {
		t.Errorf("without BTF: %d bytes, key type %d", len(p.BTF), p.Maps[0].KeyType)
	}
	if _, err := plan.Resolve(open(t, "../object/testdata/optional.o"),
		&fake{version: 1, lacks: []facts.Feature{facts.BTFLoad}}, nil); err == nil {
		t.Error("struct_ops without BTF")
	}
}
