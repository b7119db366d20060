package facts

import "github.com/purebpf/bpf/btf"

// Limits of the arguments that a trampoline passes (MAX_BPF_FUNC_ARGS; two registers for a struct).
const (
	maxFunctionArgs = 12
	maxArgumentSize = 16
)

// Traceable reports whether a kernel can pass the arguments and the result of a function in its BTF
// to a program (fentry, fexit).
func Traceable(spec *btf.Spec, function btf.Type) bool {
	proto := spec.Skip(function.Ref())
	if proto.Kind() != btf.KindFuncProto || proto.Vlen() > maxFunctionArgs {
		return false
	}
	if k := spec.Skip(proto.Ref()).Kind(); k == btf.KindStruct || k == btf.KindUnion {
		return false
	}
	for i := range proto.Vlen() {
		param := proto.Param(i)
		t := spec.Skip(param.Type)
		switch t.Kind() {
		case btf.KindInt, btf.KindEnum, btf.KindEnum64, btf.KindPtr, btf.KindStruct, btf.KindUnion:
		default: // includes void, which stands for a variable number of arguments
			return false
		}
		if size, err := spec.SizeOf(param.Type); err != nil || size == 0 || size > maxArgumentSize {
			return false
		}
	}
	return true
}
