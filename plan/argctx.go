package plan

import (
	"encoding/binary"
	"runtime"
	"slices"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/uapi"
)

// arg:ctx
//
// A global function may take the program's context as an argument tagged __arg_ctx and declared
// void *, so that programs of several types can call it. Kernels before 6.8 do not know the tag and
// recognise a context only by the name of its type. For them the function's BTF is copied per
// program, the argument's type is replaced by a pointer to an empty struct of the expected name,
// and func_info refers to the copy. Instructions do not change.

// contextNames lists the type by which a kernel recognises the context of a program type.
var contextNames = [...]struct {
	prog uapi.ProgType
	name string
}{
	{uapi.ProgCgroupDevice, "bpf_cgroup_dev_ctx"},
	{uapi.ProgCgroupSKB, "__sk_buff"},
	{uapi.ProgCgroupSock, "bpf_sock"},
	{uapi.ProgCgroupSockAddr, "bpf_sock_addr"},
	{uapi.ProgCgroupSockOpt, "bpf_sockopt"},
	{uapi.ProgCgroupSysctl, "bpf_sysctl"},
	{uapi.ProgFlowDissector, "__sk_buff"},
	{uapi.ProgKprobe, "bpf_user_pt_regs_t"},
	{uapi.ProgLWTIn, "__sk_buff"},
	{uapi.ProgLWTOut, "__sk_buff"},
	{uapi.ProgLWTSeg6Local, "__sk_buff"},
	{uapi.ProgLWTXmit, "__sk_buff"},
	{uapi.ProgNetfilter, "bpf_nf_ctx"},
	{uapi.ProgPerfEvent, "bpf_perf_event_data"},
	{uapi.ProgRawTracepoint, "bpf_raw_tracepoint_args"},
	{uapi.ProgRawTracepointWritable, "bpf_raw_tracepoint_args"},
	{uapi.ProgSchedAct, "__sk_buff"},
	{uapi.ProgSchedCls, "__sk_buff"},
	{uapi.ProgSKLookup, "bpf_sk_lookup"},
	{uapi.ProgSKMsg, "sk_msg_md"},
	{uapi.ProgSKReuseport, "sk_reuseport_md"},
	{uapi.ProgSKSKB, "__sk_buff"},
	{uapi.ProgSockOps, "bpf_sock_ops"},
	{uapi.ProgSocketFilter, "__sk_buff"},
	{uapi.ProgXDP, "xdp_md"},
}

// contextName returns the name of t's context type, or "" if t has none.
func contextName(t uapi.ProgType) string {
	for _, c := range contextNames {
		if c.prog == t {
			return c.name
		}
	}
	return ""
}

// regsStruct returns the name of the struct behind bpf_user_pt_regs_t, or "" if it has none on this
// architecture.
func regsStruct() string {
	switch runtime.GOARCH {
	case "arm64", "s390x":
		return "user_pt_regs"
	case "riscv64":
		return "user_regs_struct"
	}
	return "pt_regs"
}

// fixArgCtx rewrites arg:ctx for kernels that do not know the tag.
func (r *resolver) fixArgCtx() error {
	if len(r.info.ctxTags) == 0 {
		return nil
	}
	any := false
	for _, p := range r.p.Programs {
		any = any || len(p.FuncInfo) > 0 && contextName(p.Spec.Type) != ""
	}
	if !any || r.has(facts.ArgCtxTag) {
		return nil
	}
	for _, p := range r.p.Programs {
		if name := contextName(p.Spec.Type); len(p.FuncInfo) > 0 && name != "" {
			x := argCtx{r: r, p: p, name: name, done: make(map[btf.ID]clone)}
			x.run()
		}
	}
	if r.edit == nil {
		return nil
	}
	if err := r.edit.Err(); err != nil {
		return r.fail("BTF", "", CodeInvalid, "cannot be changed for arg:ctx", err)
	}
	return nil
}

// argCtx rewrites the tagged functions of one program.
type argCtx struct {
	r    *resolver
	p    *Program
	name string // of the context type
	ptr  btf.ID // PTR to it, made once per program
	done map[btf.ID]clone

	records map[btf.ID][]byte // func_info records of tagged functions
}

// clone is a FUNC that was copied for this program.
type clone struct{ fn, proto btf.ID }

func (x *argCtx) run() {
	s := x.r.o.BTF
	for _, id := range x.tags() {
		tag, _ := s.Type(id)
		fn, _ := s.Type(tag.Ref())
		proto, _ := s.Type(fn.Ref())
		arg := int(tag.Component())
		if proto.Kind() != btf.KindFuncProto || arg < 0 || arg >= proto.Vlen() {
			continue
		}
		if !x.needed(fn.Name(), arg, proto.Param(arg).Type) {
			continue
		}
		c := x.clone(fn, proto)
		b := x.r.builder()
		if x.ptr == 0 {
			x.ptr = b.AddPtr(b.AddStruct(x.name, 0))
		}
		b.SetParam(c.proto, arg, btf.Param{Name: proto.Param(arg).Name, Type: x.ptr})
		if x.r.has(facts.BTFDeclTag) {
			b.AddDeclTag(tagArgCtx, c.fn, int32(arg))
		} else {
			b.AddInt(tagArgCtx, 1, 0) // as sanitising turns a tag into an INT
		}
		x.r.event(EventSanitized, x.p.Spec.Name, "arg:ctx of "+fn.Name()+" becomes struct "+x.name+
			" *")
	}
}

// tags returns the arg:ctx tags on global functions placed in the program, in ascending order, and
// records where their func_info records are.
func (x *argCtx) tags() []btf.ID {
	if x.r.ctxTags == nil {
		x.r.ctxTags = make(map[btf.ID][]btf.ID)
		for _, id := range x.r.info.ctxTags {
			tag, _ := x.r.o.BTF.Type(id)
			if fn, _ := x.r.o.BTF.Type(tag.Ref()); fn.Kind() == btf.KindFunc &&
				fn.Linkage() == btf.LinkageGlobal {
				x.r.ctxTags[fn.ID()] = append(x.r.ctxTags[fn.ID()], id)
			}
		}
	}
	var list []btf.ID
	x.records = make(map[btf.ID][]byte)
	info, size := x.p.FuncInfo, int(x.p.FuncInfoSize)
	for ; size >= 8 && len(info) >= size; info = info[size:] {
		fn := btf.ID(binary.NativeEndian.Uint32(info[4:]))
		if tags := x.r.ctxTags[fn]; len(tags) > 0 && x.records[fn] == nil {
			x.records[fn] = info[:size]
			list = append(list, tags...)
		}
	}
	slices.Sort(list)
	return list
}

// clone copies fn and its prototype once and points func_info to the copy.
func (x *argCtx) clone(fn, proto btf.Type) clone {
	if c, ok := x.done[fn.ID()]; ok {
		return c
	}
	b := x.r.builder()
	var c clone
	c.proto = b.AddFuncProto(proto.Ref())
	for i := range proto.Vlen() {
		a := proto.Param(i)
		b.AddParam(a.Name, a.Type)
	}
	link := fn.Linkage()
	if !x.r.has(facts.BTFGlobalFunc) {
		link = btf.LinkageStatic
	}
	c.fn = b.AddFunc(fn.Name(), link, c.proto)
	binary.NativeEndian.PutUint32(x.records[fn.ID()][4:], uint32(c.fn))
	x.done[fn.ID()] = c
	return c
}

// needed reports whether an argument's type must be replaced: it is not a pointer to the type that
// the kernel recognises, but is one of the types that may be declared instead.
func (x *argCtx) needed(fn string, arg int, id btf.ID) bool {
	s := x.r.o.BTF
	t := s.Skip(id)
	if t.Kind() == btf.KindPtr {
		// Keep typedefs: one of them is the name of a context type.
		to := strip(s, t.Ref())
		name := to.Name()
		if to.Kind() == btf.KindVoid {
			return true
		}
		if (to.Kind() == btf.KindStruct || to.Kind() == btf.KindTypedef) && name == x.name {
			return false
		}
		prog := x.p.Spec.Type
		if to.Kind() == btf.KindTypedef && name == "bpf_user_pt_regs_t" &&
			(prog == uapi.ProgKprobe || prog == uapi.ProgPerfEvent) {
			return false
		}
		to = s.Skip(to.ID())
		switch prog {
		case uapi.ProgKprobe:
			if to.Kind() == btf.KindStruct && to.Name() == "pt_regs" {
				return true
			}
		case uapi.ProgPerfEvent:
			if to.Kind() == btf.KindStruct && to.Name() == regsStruct() {
				return true
			}
		case uapi.ProgRawTracepoint, uapi.ProgRawTracepointWritable:
			if to.Kind() == btf.KindInt && to.Size() == 8 {
				return true
			}
		}
		if to.Kind() == btf.KindVoid {
			return true
		}
	}
	x.r.event(EventWarning, x.p.Spec.Name, "arg:ctx on an argument of "+fn+
		" whose type cannot be a context; left as it is")
	return false
}

// strip removes const, volatile, restrict and type tags, but no typedefs.
func strip(s *btf.Spec, id btf.ID) btf.Type {
	for range 64 {
		t, _ := s.Type(id)
		switch t.Kind() {
		case btf.KindConst, btf.KindVolatile, btf.KindRestrict, btf.KindTypeTag:
			id = t.Ref()
		default:
			return t
		}
	}
	return btf.Type{}
}
