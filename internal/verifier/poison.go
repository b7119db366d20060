package verifier

import (
	"strconv"
	"strings"

	"github.com/purebpf/bpf/plan"
)

// explainPoison replaces the verifier's complaint about a poisoned instruction by what is missing
// (libbpf fixup_verifier_log). The kernel prints the instruction, "N: (85) call
// unknown#195896080", and on the next line "invalid func unknown#195896080". explainPoison
// replaces both lines in the log and makes the second one the verdict.
func (r *Report) explainPoison(p *plan.Program) {
	if r.Insn < 0 || len(r.Verdicts) == 0 || !strings.HasPrefix(r.Verdicts[0], "invalid func ") {
		return
	}
	poison := poisonAt(p, r.Insn)
	if poison == nil {
		return
	}
	why := "cannot be resolved, and the program gets here: " + poison.Text
	switch poison.Kind {
	case plan.PoisonCORE:
		why = "this kernel has nothing that fits " + poison.Text
		r.Hint = "guard it with bpf_core_field_exists, bpf_core_type_exists or " +
			"bpf_core_enum_value_exists"
	case plan.PoisonMap:
		why = "the program uses " + poison.Text + ", which was not created"
		r.Hint = "switch its autocreate on, or guard the use by a constant that the loader sets"
	case plan.PoisonKfunc:
		why = "this kernel has no " + poison.Text
		r.Hint = "guard the call with bpf_ksym_exists"
	}
	if poison.Err != nil {
		why += ": " + poison.Err.Error()
		if poison.Kind == plan.PoisonMap {
			r.Hint = ""
		}
	}
	r.Cause = poison.Err
	r.rewrite("<"+poison.Text+">", why)
	r.InsnText, r.Verdicts = "", []string{why}
}

// rewrite replaces the failing instruction and the line after it in the log.
func (r *Report) rewrite(insn, verdict string) {
	number := strconv.Itoa(r.Insn) + ": "
	at := strings.LastIndex(r.Log, number+r.InsnText)
	if r.InsnText == "" || at < 0 {
		return
	}
	end := strings.Index(r.Log[at:], "invalid func ")
	if end < 0 {
		return
	}
	end += at
	if n := strings.IndexByte(r.Log[end:], '\n'); n >= 0 {
		end += n
	} else {
		end = len(r.Log)
	}
	r.Log = r.Log[:at] + number + insn + "\n" + verdict + r.Log[end:]
}

// poisonAt returns the poison at instruction insn. Both halves of an ld_imm64 are poisoned; the
// verifier names the first.
func poisonAt(p *plan.Program, insn int) *plan.Poison {
	for i := range p.Poisons {
		at := p.Poisons[i].Insn
		wide := at < len(p.Insns) && p.Insns[at].IsLdImm64()
		if at == insn || wide && at+1 == insn {
			return &p.Poisons[i]
		}
	}
	return nil
}
