package preflight

import (
	"slices"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// licenses are the licenses that the kernel accepts as compatible with the GPL.
var licenses = [...]string{"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL",
	"Dual MIT/GPL", "Dual MPL/GPL"}

// gplHelpers are the helpers that only programs with such a license may call, up to 6.18: gpl_only
// in the kernel. They are not marked in its BTF.
var gplHelpers = [...]uint32{
	4,      // probe_read
	6,      // trace_printk
	22,     // perf_event_read
	25,     // perf_event_output
	27,     // get_stackid: see exempt
	35, 36, // get_current_task, probe_write_user
	45,     // probe_read_str
	55, 56, // perf_event_read_value, perf_prog_read_value
	58,     // override_return
	67, 69, // get_stack, fib_lookup
	77, 78, // rc_repeat, rc_keydown
	92,            // rc_pointer_rel
	100, 110, 111, // tcp_check_syncookie, tcp_gen_syncookie, skb_output
	112, 113, 114, 115, // probe_read_user, probe_read_kernel and their _str
	119, 121, // read_branch_records, xdp_output
	126, 127, 150, // seq_printf, seq_write, seq_printf_btf
	158, 163, 165, // get_current_task_btf, check_mtu, snprintf
	169, 170, 171, 172, // timer_init, timer_set_callback, timer_start, timer_cancel
	// get_func_ip (see exempt), task_pt_regs, get_branch_snapshot, trace_vprintk
	173, 175, 176, 177,
	191,                // copy_from_user_task
	204, 205, 206, 207, // tcp_raw_gen_syncookie_*, tcp_raw_check_syncookie_*
}

// license adds a need for a GPL-compatible license if the object has another one and reachable code
// of a program requires it.
func (c *checker) license() {
	if slices.Contains(licenses[:], c.o.License) {
		return
	}
	c.eachProgram(func(p *plan.Program, reached []bool) {
		answer, what := restricted(p, reached)
		if answer == facts.Yes {
			return
		}
		n := c.need(NeedLicense, "compatible with the GPL", p.Spec.Name)
		if n.Reason == "" || n.Answer == facts.Unknown && answer == facts.No {
			n.Answer, n.Reason = answer, "the object's is "+strconv.Quote(c.o.License)+", and "+
				p.Spec.Name+" "+what
		}
	})
}

// restricted answers whether a program works without the GPL, and says which part of it the kernel
// allows only under the GPL.
func restricted(p *plan.Program, reached []bool) (facts.Answer, string) {
	if p.Type == uapi.ProgLSM || p.Type == uapi.ProgStructOps {
		return facts.No, "is of type " + p.Type.String()
	}
	follows := p.Type == uapi.ProgTracing
	for i, insn := range p.Insns {
		switch id := uint32(insn.Imm); {
		case i >= len(reached) || !reached[i]:
		case insn.IsKfuncCall():
			return facts.No, "calls a kfunc"
		case insn.IsHelperCall() && slices.Contains(gplHelpers[:], id) && !exempt(p, id):
			return facts.No, "calls " + helperName(id)
		case insn.IsHelperCall():
			// sock_from_file
			follows = follows || strings.HasPrefix(helperName(id), "bpf_skc_to_") || id == 162
		}
	}
	if follows {
		return facts.Unknown, "may follow pointers into the kernel, which takes one"
	}
	return facts.Yes, ""
}

// exempt reports whether a helper in gplHelpers is free for some programs: get_stackid for those of
// perf events, get_func_ip for those of multi links.
func exempt(p *plan.Program, id uint32) bool {
	return id == 27 && p.Type == uapi.ProgPerfEvent || id == 173 && p.Type == uapi.ProgKprobe &&
		p.ExpectedAttachType != 0
}
