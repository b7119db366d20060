package facts

import (
	"strings"

	"github.com/purebpf/bpf/btf"
)

// A kernel's BTF shows much of what the kernel can do: types, enumerators and members that came
// with a feature.

// evidence is a part of a kernel's BTF that shows that the kernel has a feature. If it is absent,
// the kernel lacks the feature.
type evidence struct {
	feature Feature
	kind    btf.Kind // of the type: KindStruct, KindUnion, KindEnum, KindFunc
	name    string
	part    string // member or enumerator that the type must have; "" for none
	// unless names a function that must be in the BTF for the absence of a function to count: not
	// every kernel's BTF has functions or static functions.
	unless string
}

var evidences = [...]evidence{
	{ProgName, btf.KindUnion, "bpf_attr", "prog_name", ""},
	{GlobalData, btf.KindStruct, "bpf_map_ops", "map_direct_value_addr", ""},
	{BTFLoad, btf.KindEnum, "bpf_cmd", "BPF_BTF_LOAD", ""},
	{BTFFunc, btf.KindUnion, "bpf_attr", "func_info", ""},
	{BTFGlobalFunc, btf.KindEnum, "btf_func_linkage", "BTF_FUNC_GLOBAL", ""},
	{BTFDatasec, btf.KindStruct, "btf_var_secinfo", "", ""},
	{BTFFloat, btf.KindFunc, "btf_float_check_meta", "", "btf_int_check_meta"},
	{BTFDeclTag, btf.KindStruct, "btf_decl_tag", "", ""},
	{BTFEnum64, btf.KindStruct, "btf_enum64", "", ""},
	{BTFLayout, btf.KindStruct, "btf_header", "layout_off", ""},
	{ArrayMmap, btf.KindStruct, "bpf_map_ops", "map_mmap", ""},
	{ExpAttachType, btf.KindUnion, "bpf_attr", "expected_attach_type", ""},
	{ProbeReadKernel, btf.KindEnum, "bpf_func_id", "BPF_FUNC_probe_read_kernel", ""},
	{ProgBindMap, btf.KindEnum, "bpf_cmd", "BPF_PROG_BIND_MAP", ""},
	{ModuleBTF, btf.KindStruct, "bpf_btf_info", "name", ""},
	{PerfLink, btf.KindEnum, "bpf_link_type", "BPF_LINK_TYPE_PERF_EVENT", ""},
	{MemcgAccount, btf.KindEnum, "bpf_func_id", "BPF_FUNC_ktime_get_coarse_ns", ""},
	{BPFCookie, btf.KindEnum, "bpf_func_id", "BPF_FUNC_get_attach_cookie", ""},
	{UprobeMultiLink, btf.KindEnum, "bpf_link_type", "BPF_LINK_TYPE_UPROBE_MULTI", ""},
	{ArgCtxTag, btf.KindStruct, "bpf_subprog_arg_info", "", ""},
	{UprobeSyscall, btf.KindFunc, "__x64_sys_uprobe", "", "__x64_sys_bpf"},
	{CommonAttrs, btf.KindStruct, "bpf_common_attr", "", ""},
}

// halves are features whose evidence came before the complete feature: absent evidence counts,
// present evidence does not. Links to many uprobes came with 6.6, but filtered by thread instead of
// process until 6.10.
var halves = [...]Feature{UprobeMultiLink}

// inferKinds are features that BTF shows by using them.
var inferKinds = [...]struct {
	feature Feature
	kind    btf.Kind
}{
	{BTFTypeTag, btf.KindTypeTag},
	{BTFFloat, btf.KindFloat},
	{BTFDeclTag, btf.KindDeclTag},
	{BTFEnum64, btf.KindEnum64},
}

// Infer returns the features that a kernel's BTF shows. The answer is unknown for features without
// a type of their own and for those that depend on the configuration.
func Infer(vmlinux *btf.Spec) (answers [NumFeatures]Answer) {
	var types, funcs []string
	for i := range evidences {
		e := &evidences[i]
		list := &types
		if e.kind == btf.KindFunc {
			list = &funcs
		}
		*list = append(*list, e.name)
		if e.unless != "" {
			*list = append(*list, e.unless)
		}
	}
	vmlinux.Prefetch(types...)
	vmlinux.PrefetchFuncs(funcs...)
	for i := range evidences {
		e := &evidences[i]
		id, ok := vmlinux.FindByName(e.name, e.kind)
		if !ok && (e.part != "" || e.unless != "") {
			// Without the type that would have the part, or the function's neighbour, nothing is
			// known.
			if _, known := vmlinux.FindByName(e.unless, e.kind); e.unless == "" || !known {
				continue
			}
		}
		answers[e.feature] = No
		t, _ := vmlinux.Type(id)
		if ok && (e.part == "" || hasPart(vmlinux, t, e.part, 4)) {
			answers[e.feature] = Yes
		}
	}
	for _, f := range halves {
		if answers[f] == Yes {
			answers[f] = Unknown
		}
	}
	for t := range vmlinux.Types() {
		// The BTF kinds are an enum without a name (5.16).
		if t.Kind() == btf.KindEnum && t.NameOff() == 0 && t.Enumerator(1).Name == "BTF_KIND_INT" &&
			answers[BTFTypeTag] == Unknown {
			answers[BTFTypeTag] = No
			if hasPart(vmlinux, t, "BTF_KIND_TYPE_TAG", 0) {
				answers[BTFTypeTag] = Yes
			}
		}
		for _, k := range &inferKinds {
			if t.Kind() == k.kind {
				answers[k.feature] = Yes
			}
		}
	}
	return answers
}

// HasPart reports whether a struct or union has a member of that name, also within unnamed members,
// or whether an enum has such an enumerator.
func HasPart(s *btf.Spec, t btf.Type, name string) bool { return hasPart(s, t, name, 4) }

// hasPart looks for a member, also in unnamed members up to depth, or an enumerator.
func hasPart(s *btf.Spec, t btf.Type, name string, depth int) bool {
	for i := range t.Vlen() {
		if t.Kind().IsEnum() {
			if t.Enumerator(i).Name == name {
				return true
			}
			continue
		}
		m := t.Member(i)
		if m.Name == name || m.Name == "" && depth > 0 &&
			hasPart(s, s.Skip(m.Type), name, depth-1) {
			return true
		}
	}
	return false
}

// HasEnumerator reports whether an enum in a kernel's BTF has an enumerator of that value and, if
// name is not "", of that name; known is false if there is no such enum. It answers for program,
// map and attach types and helpers (enum bpf_func_id): every kernel that supports one has its
// enumerator, whatever its configuration.
func HasEnumerator(vmlinux *btf.Spec, enum, name string, value int64) (has, known bool) {
	id, ok := vmlinux.FindByName(enum, btf.KindEnum)
	if !ok {
		return false, false
	}
	t, _ := vmlinux.Type(id)
	for i := range t.Vlen() {
		// The last enumerator gives the count: __MAX_BPF_PROG_TYPE.
		if e := t.Enumerator(i); e.Value == value && !strings.HasPrefix(e.Name, "__") &&
			(name == "" || e.Name == name) {
			return true, true
		}
	}
	return false, true
}
