package records

import (
	"math"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// The helpers that matter here, by number (enum bpf_func_id).
const (
	mapLookup            = 1
	mapUpdate            = 2
	perfEventOutput      = 25
	mapPush              = 87
	mapPop               = 88
	mapPeek              = 89
	skStorageGet         = 107
	skbOutput            = 111
	xdpOutput            = 121
	ringbufOutput        = 130
	ringbufReserve       = 131
	ringbufSubmit        = 132
	ringbufDiscard       = 133
	inodeStorageGet      = 145
	taskStorageGet       = 156
	forEachMapElem       = 164
	timerSetCallback     = 170
	findVMA              = 180
	loop                 = 181
	getLocalStorage      = 81
	mapLookupPerCPU      = 195
	dynptrFromMem        = 197
	ringbufReserveDynptr = 198
	ringbufSubmitDynptr  = 199
	ringbufDiscardDynptr = 200
	dynptrWrite          = 202
	dynptrData           = 203
	userRingbufDrain     = 209
	cgrpStorageGet       = 210
)

// outputs reports whether a helper makes a record, or reads one from user space.
func outputs(helper int32) bool {
	switch helper {
	case perfEventOutput, skbOutput, xdpOutput, ringbufOutput, ringbufReserve, ringbufSubmit,
		ringbufReserveDynptr, ringbufSubmitDynptr:
		return true
	}
	return false
}

// fill is a helper that writes memory: the arguments with the address and the size, or the size
// itself.
type fill struct {
	helper    int32
	dst, size asm.Register
	fixed     int32
	text      bool
}

// fills has the helpers that write to memory that a program may output.
var fills = [...]fill{
	{helper: 4, dst: 1, size: 2},               // probe_read
	{helper: 16, dst: 1, size: 2, text: true},  // get_current_comm
	{helper: 20, dst: 2, size: 3},              // skb_get_tunnel_key
	{helper: 26, dst: 3, size: 4},              // skb_load_bytes
	{helper: 29, dst: 2, size: 3},              // skb_get_tunnel_opt
	{helper: 45, dst: 1, size: 2, text: true},  // probe_read_str
	{helper: 55, dst: 3, size: 4},              // perf_event_read_value
	{helper: 56, dst: 2, size: 3},              // perf_prog_read_value
	{helper: 57, dst: 4, size: 5},              // getsockopt
	{helper: 67, dst: 2, size: 3},              // get_stack
	{helper: 68, dst: 3, size: 4},              // skb_load_bytes_relative
	{helper: 69, dst: 2, size: 3},              // fib_lookup
	{helper: 101, dst: 2, size: 3, text: true}, // sysctl_get_name
	{helper: 102, dst: 2, size: 3, text: true}, // sysctl_get_current_value
	{helper: 103, dst: 2, size: 3, text: true}, // sysctl_get_new_value
	{helper: 105, dst: 4, fixed: 8},            // strtol
	{helper: 106, dst: 4, fixed: 8},            // strtoul
	{helper: 112, dst: 1, size: 2},             // probe_read_user
	{helper: 113, dst: 1, size: 2},             // probe_read_kernel
	{helper: 114, dst: 1, size: 2, text: true}, // probe_read_user_str
	{helper: 115, dst: 1, size: 2, text: true}, // probe_read_kernel_str
	{helper: 119, dst: 2, size: 3},             // read_branch_records
	{helper: 120, dst: 3, size: 4},             // get_ns_current_pid_tgid
	{helper: 141, dst: 2, size: 3},             // get_task_stack
	{helper: 147, dst: 2, size: 3, text: true}, // d_path
	{helper: 148, dst: 1, size: 2},             // copy_from_user
	{helper: 149, dst: 1, size: 2, text: true}, // snprintf_btf
	{helper: 161, dst: 2, size: 3},             // ima_inode_hash
	{helper: 165, dst: 1, size: 2, text: true}, // snprintf
	{helper: 176, dst: 1, size: 2},             // get_branch_snapshot
	{helper: 183, dst: 3, fixed: 8},            // get_func_arg
	{helper: 184, dst: 2, fixed: 8},            // get_func_ret
	{helper: 189, dst: 3, size: 4},             // xdp_load_bytes
	{helper: 191, dst: 1, size: 2},             // copy_from_user_task
	{helper: 193, dst: 2, size: 3},             // ima_file_hash
	{helper: 201, dst: 1, size: 2},             // dynptr_read
}

// call runs the call of a helper, a kfunc or a subprogram.
func (x *run) call(i int, in asm.Instruction, s *state) {
	switch {
	case in.IsPseudoCall():
		if fn := x.m.callee(x.f.f, i); fn >= 0 {
			x.subprogram(i, fn, s)
			return
		}
		clobber(s)
	case in.IsHelperCall():
		result := x.helper(i, in.Imm, s)
		clobber(s)
		s.regs[0] = result
	default:
		clobber(s)
	}
}

// subprogram runs a subprogram with the arguments in the registers.
func (x *run) subprogram(i int, fn int32, s *state) {
	m := x.m
	callee := &m.funcs[fn]
	for p := range min(callee.proto.Vlen(), 5) {
		x.typed(i, s.regs[1+p], pointee(m.o.BTF, callee.proto.Param(p).Type), s)
	}
	context := m.context(x.context, site{x.fn, int32(i)})
	in := m.newState()
	in.copyFrom(s)
	for r := 6; r < len(in.regs); r++ {
		in.regs[r] = value{}
	}
	in.regs[0] = value{}
	frame := m.region(regionKey{regionStack, nil, context, 0}, site{fn, 0})
	m.forget(in, frame)
	out := m.run(fn, context, in, x.depth+1)
	m.release(in)
	clobber(s)
	if out == nil {
		return
	}
	s.regs[0] = out.regs[0]
	s.copyMemory(out)
	m.forget(s, frame)
	m.release(out)
	if s.regs[0].kind == pointer && s.regs[0].ref == frame {
		s.regs[0] = value{}
	}
	x.typed(i, s.regs[0], pointee(m.o.BTF, callee.proto.Ref()), s)
}

// pointee returns the struct or union that a pointer type points to, 0 if it is another type.
func pointee(spec *btf.Spec, id btf.ID) btf.ID {
	if spec == nil || id == 0 {
		return 0
	}
	t := spec.Skip(id)
	if t.Kind() != btf.KindPtr || !spec.Skip(t.Ref()).Kind().IsComposite() {
		return 0
	}
	return t.Ref()
}

// callback runs a subprogram that a helper calls any number of times.
func (x *run) callback(i int, f value, s *state, args ...value) {
	if f.kind != funcRef {
		return
	}
	for range 2 {
		c := x.m.newState()
		c.copyFrom(s)
		clobber(c)
		copy(c.regs[1:6], args)
		x.subprogram(i, f.ref, c)
		x.m.mergeMemory(s, c)
		x.m.release(c)
		if x.m.stopped() {
			return
		}
	}
}

// typed notes that a type lies where a pointer points to.
func (x *run) typed(i int, at value, typ btf.ID, s *state) {
	if typ == 0 || at.kind != pointer || at.flags&(fixed|inner) != fixed {
		return
	}
	x.m.write(s, cellKey{region: at.ref, off: at.off, kind: cellTyped, typ: typ,
		at: site{x.fn, int32(i)}}, value{}, 0)
}

// helper runs a helper and returns its result.
func (x *run) helper(i int, id int32, s *state) value {
	m, r := x.m, &s.regs
	for _, f := range fills {
		if f.helper == id {
			n := constant(uint64(f.fixed))
			if f.fixed == 0 {
				n = r[f.size]
			}
			x.fill(i, r[f.dst], n, f.text, s)
			return number()
		}
	}
	switch id {
	case mapLookup, mapLookupPerCPU, skStorageGet, inodeStorageGet, taskStorageGet,
		cgrpStorageGet, getLocalStorage:
		om := x.mapOf(r[1])
		if om == nil {
			return value{}
		}
		if id == mapLookup || id == mapLookupPerCPU {
			x.keyed(i, om, r[2], s)
		}
		if om.Type == uapi.MapArrayOfMaps || om.Type == uapi.MapHashOfMaps {
			v := m.mapValue(om)
			v.flags |= inner
			return v
		}
		return pointerTo(m.region(regionKey{regionValue, om, 0, 0}, site{x.fn, int32(i)}), 0)
	case mapUpdate:
		if om := x.mapOf(r[1]); om != nil {
			x.keyed(i, om, r[2], s)
			x.valued(i, om, r[3], s)
		}
	case mapPush:
		if om := x.mapOf(r[1]); om != nil {
			x.valued(i, om, r[2], s)
		}
	case mapPop, mapPeek:
		if om := x.mapOf(r[1]); om != nil {
			x.fill(i, r[2], constant(uint64(om.ValueSize)), false, s)
			x.valued(i, om, r[2], s)
		}
	case perfEventOutput, skbOutput, xdpOutput:
		x.emit(i, r[2], r[5], r[4], s, r[3])
	case ringbufOutput:
		x.emit(i, r[1], r[3], r[2], s, constant(0))
	case ringbufReserve, ringbufReserveDynptr:
		return x.reserve(i, id, s)
	case ringbufSubmit, ringbufSubmitDynptr, ringbufDiscard, ringbufDiscardDynptr:
		at := r[1]
		if id == ringbufSubmitDynptr || id == ringbufDiscardDynptr {
			at = x.dynptr(r[1], s)
		}
		x.submit(at, id == ringbufSubmit || id == ringbufSubmitDynptr, s)
	case dynptrFromMem:
		if at := r[1]; at.kind == pointer {
			x.setDynptr(i, r[4], at, s)
		}
	case dynptrWrite:
		x.dynptrWrite(i, s)
	case dynptrData:
		if at := x.dynptr(r[1], s); at.kind == pointer {
			return add(at, r[2])
		}
	case forEachMapElem:
		if om := x.mapOf(r[1]); om != nil {
			v := pointerTo(m.region(regionKey{regionValue, om, 0, 0}, site{x.fn, int32(i)}), 0)
			x.callback(i, r[2], s, value{}, value{}, v, r[3])
		}
	case loop:
		x.callback(i, r[2], s, number(), r[3])
	case findVMA:
		x.callback(i, r[3], s, value{}, value{}, r[4])
	case userRingbufDrain:
		x.callback(i, r[2], s, value{}, r[3])
	case timerSetCallback:
		x.callback(i, r[2], s)
	}
	return number()
}

// mapOf returns the map that a value refers to, for a map in a map its template; nil if that is
// not known.
func (x *run) mapOf(v value) *object.Map {
	if v.kind != mapRef {
		return nil
	}
	om := x.m.maps[v.ref]
	if v.flags&inner != 0 {
		return om.Inner
	}
	return om
}

// keyed notes that a key of a map lies where a pointer points to.
func (x *run) keyed(i int, om *object.Map, at value, s *state) { x.typedAs(i, at, om.KeyType, s) }

// valued notes that a value of a map lies where a pointer points to.
func (x *run) valued(i int, om *object.Map, at value, s *state) {
	x.typedAs(i, at, om.ValueType, s)
}

func (x *run) typedAs(i int, at value, typ btf.ID, s *state) {
	if b := x.m.o.BTF; typ != 0 && b != nil && b.Skip(typ).Kind().IsComposite() {
		x.typed(i, at, typ, s)
	}
}

// fill notes that a helper writes size bytes where a pointer points to.
func (x *run) fill(i int, at, size value, text bool, s *state) {
	if at.kind != pointer {
		return
	}
	key := cellKey{region: at.ref, off: at.off, kind: cellBytes, varies: at.flags&fixed == 0,
		at: site{x.fn, int32(i)}}
	if text {
		key.kind = cellString
	}
	n := int32(0)
	if size.isConst() && size.lo > 0 && size.lo <= math.MaxInt32 {
		n = int32(size.lo)
	}
	x.m.write(s, key, value{}, n)
}

// dynptr returns where the memory of the dynptr lies that a pointer points to.
func (x *run) dynptr(at value, s *state) value {
	if at.kind != pointer || at.flags&fixed == 0 {
		return value{}
	}
	v := x.m.read(s, at.ref, at.off, 8)
	if v.kind != dynptr {
		return value{}
	}
	return pointerTo(v.ref, v.off)
}

// setDynptr makes the dynptr that a pointer points to one of the memory at.
func (x *run) setDynptr(i int, to, at value, s *state) {
	if to.kind != pointer || to.flags&fixed == 0 {
		return
	}
	at.kind = dynptr
	for off := int32(0); off < 16; off += 8 { // struct bpf_dynptr has 16 bytes
		x.m.write(s, cellKey{region: to.ref, off: to.off + off, width: 8, kind: cellStore,
			at: site{x.fn, int32(i)}}, at, 0)
	}
}

// dynptrWrite runs bpf_dynptr_write(dst, offset, src, len, flags), which copies a piece of memory
// into a record.
func (x *run) dynptrWrite(i int, s *state) {
	m, r := x.m, &s.regs
	dst := x.dynptr(r[1], s)
	src, n := r[3], r[4]
	if dst.kind != pointer || !r[2].isConst() || !n.isConst() || n.lo > math.MaxInt32 {
		if dst.kind == pointer {
			dst.flags &^= fixed
			x.fill(i, dst, n, false, s)
		}
		return
	}
	to := add(dst, r[2])
	x.fill(i, to, n, false, s)
	if src.kind != pointer || src.flags&fixed == 0 || to.kind != pointer {
		return
	}
	for _, t := range m.typesAt(m.all(s, src.ref), src.ref, src.off, n) {
		x.typed(i, to, t.id, s)
	}
}
