package plan

import (
	"slices"
	"strconv"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// struct_ops
//
// A variable of .struct_ops is compiled against some definition of, say, struct tcp_congestion_ops.
// The running kernel has its own definition, wrapped in struct bpf_struct_ops_tcp_congestion_ops,
// which is the layout of the map's value. Members are therefore copied by name from the local
// layout to the kernel's. A member that the kernel lacks must be zero. Function members hold
// programs: each program gets the kernel struct (attach_btf_id) and the member
// (expected_attach_type) that it implements, and its fd is written into the value after it is
// loaded. Programs that are referred to only by maps with autocreate off are not loaded.

const valuePrefix = "bpf_struct_ops_"

// attachState is the result of struct_ops matching for a program.
type attachState struct {
	set    bool
	id     btf.ID
	member uapi.AttachType
	module *facts.Module
	target string
}

// structOpsName returns the kernel's name of a struct_ops map's type, without flavour.
func (r *resolver) structOpsName(m *object.Map) string {
	t, _ := r.o.BTF.Type(m.StructOps.Type)
	return btf.EssentialName(t.Name())
}

// wantStructOps adds the names of the types of struct_ops maps and of their values to w.
func (r *resolver) wantStructOps(w *wanted) {
	for _, m := range r.o.Maps {
		if m.Kind == object.MapStructOps && m.Autocreate && m.StructOps != nil && r.o.BTF != nil {
			name := r.structOpsName(m)
			w.add(name, btf.KindStruct)
			w.add(valuePrefix+name, btf.KindStruct)
		}
	}
}

// resolveStructOps matches every struct_ops map that is created with the kernel's types, then
// decides which of their programs are loaded.
func (r *resolver) resolveStructOps() error {
	any := false
	for i, m := range r.o.Maps {
		if m.Kind != object.MapStructOps || m.StructOps == nil {
			continue
		}
		any = true
		if r.o.BTF == nil {
			return r.fail("struct_ops map", m.Name, CodeInvalid, "the object has no BTF", nil)
		}
		if m.Autocreate {
			if err := r.matchStructOps(m, r.p.Maps[i]); err != nil {
				if err := r.tolerate(err); err != nil {
					return err
				}
				r.p.Maps[i].Skip = true
			}
		}
	}
	if any {
		r.adjustAutoload()
	}
	return nil
}

// kernelOps is the kernel's side of a struct_ops type.
type kernelOps struct {
	spec    *btf.Spec
	module  *facts.Module
	id      btf.ID // id of the struct
	typ     btf.Type
	value   btf.Type // type of the map's value
	dataOff uint32   // offset of the struct in the value
}

func (r *resolver) findStructOps(m *object.Map) (k kernelOps, err error) {
	name := r.structOpsName(m)
	vid, spec, mod, err := r.findKernel(valuePrefix+name, btf.KindStruct)
	if err != nil {
		return k, r.fail("struct_ops map", m.Name, CodeInvalid, "kernel BTF cannot be read", err)
	}
	if vid == 0 {
		return k, r.notFound("struct_ops map", m.Name, CodeNotFound,
			"this kernel has no struct_ops of type "+name+" (no struct "+valuePrefix+name+
				" in its BTF)"+
				r.near("", valuePrefix, name, btf.KindStruct))
	}
	k.spec, k.module = spec, mod
	k.value, _ = spec.Type(vid)
	id, ok := spec.FindByName(name, btf.KindStruct)
	if !ok {
		return k, r.fail("struct_ops map", m.Name, CodeNotFound, "this kernel's BTF has struct "+
			valuePrefix+name+" but no struct "+name, nil)
	}
	k.id = id
	k.typ, _ = spec.Type(id)
	for i := range k.value.Vlen() {
		if f := k.value.Member(i); f.Type == id {
			k.dataOff = f.BitOffset / 8
			return k, nil
		}
	}
	return k, r.fail("struct_ops map", m.Name, CodeInvalid, "struct "+valuePrefix+name+
		" of this kernel has no member of type struct "+name, nil)
}

// member returns the member of the kernel's struct called name.
func (k *kernelOps) member(name string) (int, btf.Member, bool) {
	for i := range k.typ.Vlen() {
		if f := k.typ.Member(i); f.Name == name {
			return i, f, true
		}
	}
	return 0, btf.Member{}, false
}

// maxStructOps limits the value of a struct_ops map: sizes come from BTF, and damaged BTF must not
// allocate gigabytes.
const maxStructOps = 1 << 20

func (r *resolver) matchStructOps(m *object.Map, pm *Map) error {
	k, err := r.findStructOps(m)
	if err != nil {
		return err
	}
	fail := func(member, text string, code Code) error {
		return r.fail("struct_ops map", m.Name, code, "member "+member+" "+text, nil)
	}
	size := k.value.Size()
	if size > maxStructOps {
		return r.fail("struct_ops map", m.Name, CodeTooBig, "this kernel's value type has "+
			strconv.FormatUint(uint64(size), 10)+" bytes", nil)
	}
	pm.ValueSize = size
	pm.KernelValueType = k.value.ID()
	pm.KernelModule = k.module
	pm.Link = m.StructOps.Link
	if k.module != nil {
		pm.Flags |= uapi.FVtypeBtfObjFD
	}
	image := make([]byte, size)
	data := image[min(k.dataOff, size):]
	local, _ := r.o.BTF.Type(m.StructOps.Type)
	initial := m.Contents
	if initial == nil {
		initial = make([]byte, m.ValueSize)
	}
	slots := slotsByMember(m, local.Vlen())
	for i, slot := range slots {
		f := local.Member(i)
		n, err := r.o.BTF.SizeOf(f.Type)
		if err != nil {
			return r.fail("struct_ops map", m.Name, CodeInvalid, "the size of member "+f.Name+
				" is unknown", err)
		}
		off := uint64(f.BitOffset / 8)
		if n > uint64(len(initial)) || off > uint64(len(initial))-n {
			return fail(f.Name, "lies outside of the map's initial value", CodeInvalid)
		}
		bytes := initial[off : off+n]
		at, kf, ok := k.member(f.Name)
		if !ok {
			if !zero(bytes) || slot != nil && slot.Program != nil {
				return fail(f.Name, "is set, and this kernel's struct "+k.typ.Name()+
					" has no such member; leave it zero or NULL on this kernel", CodeNotSupported)
			}
			if slot != nil {
				r.unload(slot.Initial)
			}
			r.event(EventSkipped, m.Name, "member "+f.Name+" is unknown to this kernel and not set")
			continue
		}
		if f.BitSize != 0 || kf.BitSize != 0 {
			return fail(f.Name, "is a bit field, which struct_ops cannot have", CodeNotSupported)
		}
		lt, kt := r.o.BTF.Skip(f.Type), k.spec.Skip(kf.Type)
		if lt.Kind() != kt.Kind() {
			return fail(f.Name, "is "+lt.Kind().String()+" in the object and "+kt.Kind().String()+
				" in this kernel", CodeNotSupported)
		}
		if lt.Kind() == btf.KindPtr {
			var prog *object.Program
			if slot != nil {
				prog = slot.Program
				if slot.Initial != prog {
					r.unload(slot.Initial)
				}
			}
			if prog == nil {
				if !zero(bytes) {
					return fail(f.Name, "is a pointer that is set to "+
						"something other than a program",
						CodeNotSupported)
				}
				continue
			}
			if err := r.matchSlot(m, &k, prog, at, f.Name, kt); err != nil {
				return err
			}
			pm.FuncSlots = append(pm.FuncSlots, FuncSlot{Offset: k.dataOff + kf.BitOffset/8})
			r.slots = append(r.slots, pendingSlot{pm, len(pm.FuncSlots) - 1, prog})
			continue
		}
		kn, err := k.spec.SizeOf(kt.ID())
		if err != nil || kn != n {
			return fail(f.Name, "has "+strconv.FormatUint(n, 10)+" bytes in the object and "+
				strconv.FormatUint(kn, 10)+" in this kernel", CodeNotSupported)
		}
		koff := uint64(kf.BitOffset / 8)
		if n > uint64(len(data)) || koff > uint64(len(data))-n {
			return fail(f.Name, "lies outside of this kernel's struct", CodeInvalid)
		}
		copy(data[koff:koff+n], bytes)
	}
	pm.Image = image
	return nil
}

// matchSlot sets the kernel struct and member that prog implements.
func (r *resolver) matchSlot(m *object.Map, k *kernelOps, prog *object.Program, member int,
	name string, kt btf.Type) error {
	fail := func(text string, code Code) error {
		return r.fail("struct_ops map", m.Name, code, "member "+name+": "+text, nil)
	}
	at := r.programIndex(prog)
	if at < 0 || prog.Type != uapi.ProgStructOps {
		return fail("its value is not a struct_ops program of this object", CodeNotSupported)
	}
	if k.spec.Skip(kt.Ref()).Kind() != btf.KindFuncProto {
		return fail("this kernel's member is not a function pointer", CodeNotSupported)
	}
	a := &r.attach[at]
	if !a.set {
		*a = attachState{set: true, id: k.id, member: uapi.AttachType(member),
			target: "struct_ops " + k.typ.Name() + "." + name}
	}
	a.module = k.module
	if a.id != k.id || a.member != uapi.AttachType(member) {
		return fail("program "+prog.Name+" already implements "+a.target+
			"; one program serves one member of one struct", CodeInvalid)
	}
	return nil
}

// pendingSlot is a function member whose program is not yet linked.
type pendingSlot struct {
	m    *Map
	slot int
	prog *object.Program
}

// slotsByMember returns the slots of a map indexed by the n members of its local type.
func slotsByMember(m *object.Map, n int) []*object.StructOpsSlot {
	list := make([]*object.StructOpsSlot, n)
	for i := range m.StructOps.Slots {
		if s := &m.StructOps.Slots[i]; s.Member >= 0 && s.Member < n {
			list[s.Member] = s
		}
	}
	return list
}

func (r *resolver) programIndex(p *object.Program) int {
	if len(r.o.Programs) <= fewSections {
		return slices.Index(r.o.Programs, p)
	}
	if r.positions == nil {
		r.positions = make(map[*object.Program]int, len(r.o.Programs))
		for i, have := range r.o.Programs {
			r.positions[have] = i
		}
	}
	if i, ok := r.positions[p]; ok {
		return i
	}
	return -1
}

func (r *resolver) unload(p *object.Program) {
	if i := r.programIndex(p); i >= 0 {
		r.progs[i].load = false
	}
}

// adjustAutoload loads a struct_ops program that maps refer to only if at least one of these maps
// is created.
func (r *resolver) adjustAutoload() {
	used := make([]bool, len(r.progs))
	for _, m := range r.o.Maps {
		if m.StructOps == nil {
			continue
		}
		for _, s := range m.StructOps.Slots {
			p := s.Initial
			if m.Autocreate {
				p = s.Program
			}
			if i := r.programIndex(p); i >= 0 {
				used[i] = true
			}
		}
	}
	for i, p := range r.o.Programs {
		if used[i] && p.Type == uapi.ProgStructOps {
			r.progs[i].load = r.attach[i].set
		}
	}
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
