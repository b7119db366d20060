package tc

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Options change how a program becomes a filter.
type Options struct {
	Handle   uint32 // 0: the kernel chooses
	Priority uint16 // lower runs earlier; 0: the kernel chooses
	// Replace replaces the filter with that handle and priority, whoever made it. Without Replace,
	// Attach returns bpf.ErrExist if there is such a filter.
	Replace bool
}

// Filter is an attached filter of classic TC. It is not a bpf.Link: it stays until Detach, or until
// its discipline or interface is removed.
type Filter struct {
	Hook      Hook
	Handle    uint32
	Priority  uint16
	ProgramID uint32
	Name      string // as tc(8) shows it
	index     int
}

// Attach attaches a SEC("tc") program as a filter of an interface: to Ingress, Egress or Custom,
// whose discipline must exist (Hook.Create) (libbpf bpf_tc_attach; 4.5). The filter stays when the
// process ends; Filter.Detach removes it. bpf.ErrNotSupported for Egress where the discipline is
// ingress. Needs CAP_NET_ADMIN. From 6.6 on bpf.Program.AttachTCX makes a bpf.Link.
func Attach(p *bpf.Program, hook Hook, opts *Options) (*Filter, error) {
	if opts == nil {
		opts = &Options{}
	}
	var f *Filter
	attach := func(fd int) (err error) {
		f, err = hook.attach(fd, p, opts)
		return err
	}
	if err := p.UseFD(attach); err != nil {
		return nil, refused(p, hook, err)
	}
	return f, nil
}

func (h Hook) attach(fd int, p *bpf.Program, opts *Options) (*Filter, error) {
	index, parent, err := h.filters()
	if err != nil {
		return nil, err
	}
	if err := h.checkDiscipline(index); err != nil {
		return nil, err
	}
	info, err := sys.ProgInfoByFD(fd)
	if err != nil {
		return nil, err
	}
	f := rtnl.TCFilter{
		IfIndex: index, Parent: parent, Handle: opts.Handle, Priority: opts.Priority,
		ProgFD: fd, Name: fmt.Sprintf("%s:[%d]", info.Name, info.ID),
	}
	if err := rtnl.TCAttach(&f, opts.Replace); err != nil {
		return nil, hint.Add(err, h.explain(p, info.ID, &f, err))
	}
	return h.filter(&f), nil
}

// refused returns the error of an attempt to attach p.
func refused(p *bpf.Program, h Hook, err error) error {
	var unusable *bpf.Error // from UseFD
	if errors.As(err, &unusable) {
		err = unusable.Err
	}
	advice, cause := hint.Cut(err)
	subject := strings.TrimSpace(p.Name() + " to " + h.String())
	return &bpf.Error{
		Op: "attach program", Object: p.ObjectName(), Subject: subject, Err: cause, Hint: advice,
	}
}

// explain explains the kernel's refusal to make program id the filter f; it returns "" without an
// explanation.
func (h Hook) explain(p *bpf.Program, id uint32, f *rtnl.TCFilter, err error) string {
	if advice := privilege.NetlinkHint(err); advice != "" {
		return advice
	}
	if p.Type() != uapi.ProgSchedCls {
		return fmt.Sprintf("the program is of type %v, want %v",
			p.Type(), uapi.ProgSchedCls)
	}
	if errors.Is(err, syscall.EEXIST) && f.Handle != 0 && f.Priority != 0 {
		q := rtnl.TCFilter{
			IfIndex: f.IfIndex, Parent: f.Parent, Handle: f.Handle, Priority: f.Priority,
		}
		if h.queryFilter(&q) == nil {
			if q.ProgID == id {
				return fmt.Sprintf("this program, %d, is attached there already", id)
			}
			there := &hooks.Hook{Programs: []hooks.Program{{ID: q.ProgID}}}
			return there.Occupants() + " attached there" + there.Detachment()
		}
	}
	var refusal *rtnl.Error
	if errors.As(err, &refusal) && strings.Contains(refusal.Message, "Qdisc") {
		return "tc.Hook.Create makes the discipline that the filter needs"
	}
	return ""
}

// Detach removes the filter (libbpf bpf_tc_detach) if its program still is ProgramID. It returns
// bpf.ErrNotExist if the filter is gone or somebody has replaced it; a replacement stays. The
// kernel has no call that compares and removes atomically, so a replacement at that moment would be
// removed. Call Detach on a thread of the interface's network namespace. Needs CAP_NET_ADMIN.
func (f *Filter) Detach() error {
	fail := func(err error) error {
		op := fmt.Sprintf("detach filter %#x (priority %d, program %d) from",
			f.Handle, f.Priority, f.ProgramID)
		return f.Hook.wrap(op, err)
	}
	q := rtnl.TCFilter{
		IfIndex: f.index, Parent: f.Hook.parent(), Handle: f.Handle, Priority: f.Priority,
	}
	if err := f.Hook.queryFilter(&q); err != nil {
		return fail(err)
	}
	if q.ProgID != f.ProgramID {
		return fail(fmt.Errorf("it is of program %s now: %w",
			hooks.Label(q.ProgID), bpf.ErrNotExist))
	}
	if err := rtnl.TCDetach(&q); err != nil {
		return fail(err)
	}
	return nil
}
