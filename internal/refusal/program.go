package refusal

import "strings"

// programRules are about the program as a whole, calls and loops.
func programRules() []rule {
	return []rule{
		{`^this kernel has nothing that fits (.*)`, func(x *explainer, m []string) {
			x.say("%s", x.r.Verdicts[0])
			x.write("%s", or(x.r.Hint, "guard it with bpf_core_field_exists"))
		}},
		{`^(?:this kernel has no|the program uses|cannot be resolved)`,
			func(x *explainer, m []string) {
				x.say("%s", x.r.Verdicts[0])
				x.write("%s", x.r.Hint)
			}},
		{`failed to resolve CO-RE relocation (.*)`, func(x *explainer, m []string) { // libbpf's words
			x.say("the kernel has nothing that fits CO-RE relocation %s", m[1])
			x.write("guard it with bpf_core_field_exists, bpf_core_type_exists or " +
				"bpf_core_enum_value_exists")
		}},
		{`BPF map '([^']+)' is referenced but wasn't created`, func(x *explainer, m []string) {
			x.say("the program uses map %s, which was not created", m[1])
			x.write("switch its autocreate on, or guard the use by a constant that the loader sets")
		}},
		{`kfunc '([^']+)' is referenced but wasn't resolved`, func(x *explainer, m []string) {
			x.say("the kernel has no kfunc %s", m[1])
			x.write("if (bpf_ksym_exists(%s)) around the call", m[1])
		}},
		{`back-edge from insn (\d+) to (\d+)`, func(x *explainer, m []string) {
			x.say("the program has a loop, which this kernel doesn't allow here")
			x.write("#pragma unroll before the loop; kernels from 5.3 on allow loops with a limit")
		}},
		{`infinite loop detected`, func(x *explainer, m []string) {
			x.say("the loop comes back to where nothing has changed that the verifier sees")
			x.write("a counter with a constant limit: for (i = 0; i < 100; i++), or bpf_loop (5.17)")
		}},
		{`BPF program is too large. Processed (\d+) insn`, func(x *explainer, m []string) {
			x.say("the verifier gave up after %s instructions, in the loop or the branches that the path "+
				"ends in: it follows every iteration and every combination of branches", m[1])
			x.write("fewer iterations, bpf_loop (5.17) or bpf_for (6.4) instead of the loop, or its body " +
				"as a global function, which is verified once")
		}},
		{`The sequence of (\d+) jumps is too complex`, func(x *explainer, m []string) {
			x.say("the verifier gave up: %s branches are open at once, in the loop that the path ends in",
				m[1])
			x.write("fewer branches in the loop, bpf_loop (5.17) instead of it, or its body as a global " +
				"function, which is verified once")
		}},
		{`BPF_MAXINSNS|too many instructions|program is too large`, func(x *explainer, m []string) {
			x.say("the program has too many instructions")
			x.write("divide it by tail calls, or into global functions")
		}},
		{`program of this type cannot use helper (\w+)#`, func(x *explainer, m []string) {
			x.say("programs of this type may not call %s", m[1])
			x.write("another kind of program (SEC), or another helper for the same; " +
				"bpf check lists what the object needs")
		}},
		{`(?:unknown|invalid) func (\w+)#`, func(x *explainer, m []string) {
			x.say("this kernel has no %s, or not for programs of this type", m[1])
			x.write("if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_%s)) around the call",
				strings.TrimPrefix(m[1], "bpf_"))
		}},
		{`calling kernel function (\w+) is not allowed`, func(x *explainer, m []string) {
			x.say("programs of this type may not call the kfunc %s", m[1])
			x.write("another kind of program (SEC), or if (bpf_ksym_exists(%s)) around the call",
				m[1])
		}},
		{`(?i)GPL`, func(x *explainer, m []string) {
			x.say("the program's license isn't compatible with the GPL, which this needs")
			x.write(`char LICENSE[] SEC("license") = "GPL";`)
		}},
		{`Unreleased reference id=\d+ alloc_insn=(\d+)`, func(x *explainer, m []string) {
			name, where := "a function", "instruction "+m[1]
			for i, s := range x.path {
				insn, _, _ := number(m[1])
				if s.insn != insn {
					continue
				}
				where = x.where(i)
				x.out.Origin = x.line(i)
				if call, ok := strings.CutPrefix(x.instruction(i), "call "); ok {
					name = called(call)
				}
			}
			x.say("what %s returned at %s is not released on this path", name, where)
			x.write("%s before every return", release(name))
		}},
		{`reference leak|reference has not been acquired|release .* reference`,
			func(x *explainer, m []string) {
				x.say("something is acquired and not released on this path, or released without being " +
					"acquired")
				x.write("release exactly once on every path what a function acquired")
			}},
		{`combined stack size of (\d+) calls? is (\d+)`, func(x *explainer, m []string) {
			x.say("the variables of the functions that call each other take %s bytes of stack; 512 are "+
				"allowed", m[2])
			x.write("smaller arrays, or keep large ones in an element of a per-CPU array map")
		}},
		{`call stack of (\d+) frames is too deep`, func(x *explainer, m []string) {
			x.say("functions call each other more than %s deep", m[1])
			x.write("__always_inline for some of them")
		}},
		{`[Aa]t (?:program|callback|subprogram) (?:exit|return) the register R0 has ` +
			`(.*?) ?should have been in (.*)`,
			func(x *explainer, m []string) {
				_, from, _ := x.value("r0")
				x.say("%s", and("the program may return other values than it may here: it has "+
					strings.TrimSpace(m[1])+", allowed is "+m[2], from))
				x.write("return a constant of %s on every path", m[2])
			}},
		{`R0 (?:is not a known value|has|leaks|invalid)`, func(x *explainer, m []string) {
			_, from, _ := x.value("r0")
			x.say("%s", and("the return value isn't one that the kernel takes here", from))
			x.write("return a constant on every path")
		}},
		{`bpf_spin_(?:un)?lock|holding a lock|spin_lock`, func(x *explainer, m []string) {
			x.say("between bpf_spin_lock and bpf_spin_unlock a program may not call functions, end, or " +
				"take another lock")
			x.write("copy what is needed, unlock on every path, and call functions after that")
		}},
		{`arg#(\d+) expects pointer to ctx|arg#(\d+) expected pointer to (.*)`,
			func(x *explainer, m []string) {
				n := or(m[1], m[2])
				x.value("r" + string(n[0]+1))
				x.say("argument %s of the function must be a pointer to %s", string(n[0]+1),
					or(m[3], "the program's context"))
				x.write("pass that, or mark the function static: static functions take anything")
			}},
		{`Caller passes invalid args into (func#\d+)(?: \('(\w+)'\))?`,
			func(x *explainer, m []string) {
				name := or(m[2], m[1])
				x.say("an argument isn't what the global function %s declares: it is verified by its "+
					"declaration alone", name)
				x.write("pass what it declares, or mark %s static", name)
			}},
		{`(?:Global function|Func#\d+|function) .*(?:doesn't return scalar|only void and scalar)|` +
			`R\d+ is not a scalar|[Gg]lobal function`, func(x *explainer, m []string) {
			x.say("a global function is verified by its declaration: it must return a number and take " +
				"numbers, the context or pointers to memory of known size")
			x.write("mark the function static, or change its declaration")
		}},
		{`failed to find the address for kernel symbol '(\w+)'`, func(x *explainer, m []string) {
			x.say("this kernel's BTF declares %s, but programs can't have its address", m[1])
			x.write("declare it extern ... __ksym __weak, and test &%s before using it", m[1])
		}},
		{`attach to unsupported member (\w+) of struct (\w+)`, func(x *explainer, m []string) {
			x.say("the kernel doesn't let programs implement %s of struct %s", m[1], m[2])
			x.write("leave .%s out of the struct_ops map", m[1])
		}},
		{`(?i)dynptr`, func(x *explainer, m []string) {
			x.say("the dynptr isn't initialised here, already is, or is used after what it came from is " +
				"gone")
			x.write("one bpf_dynptr_from_* before, one release after, on every path; check its result")
		}},
		{`(?:last insn is not an exit|unreachable insn|jump out of range)`,
			func(x *explainer, m []string) {
				x.say("the code isn't one that ends on every path in a return; a function without return, " +
					"or an endless loop, compiles to this")
				x.write("return on every path")
			}},
		{`tail_?call`, func(x *explainer, m []string) {
			x.say("a tail call isn't allowed at this place or in this kind of program")
			x.write("tail calls from the program itself, with nothing acquired")
		}},
		{`sleepable|RCU|rcu`, func(x *explainer, m []string) {
			x.say("the call or access needs a program that may, or may not, sleep")
			x.write("SEC(\"...s\") for programs that may sleep, or bpf_rcu_read_lock around the access")
		}},
	}
}
