package bpf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/sys"
)

// # Classic TC
//
// Before tcx (6.6) programs see packets as filters of a queueing discipline. The discipline clsact exists for that alone: it queues
// nothing and has one list of filters for each direction. A filter is named by handle and priority and stays when the process ends; the
// kernel counts no references, so nothing here is a Link. A program set this way decides on packets by itself (direct-action): it
// returns TC_ACT_OK, TC_ACT_SHOT and so on.

// TCPoint says which filters of an interface a TCHook means.
type TCPoint uint8

const (
	TCIngress TCPoint = 1 // packets that come in
	TCEgress  TCPoint = 2 // packets that go out
	TCBoth    TCPoint = TCIngress | TCEgress
	TCCustom  TCPoint = 4 // a class of another queueing discipline: TCHook.Parent
	TCQdisc   TCPoint = 8 // a queueing discipline itself: TCHook.Qdisc, Parent, Handle
)

// String returns ingress, egress, both, custom or qdisc.
func (t TCPoint) String() string {
	switch t {
	case TCIngress:
		return "ingress"
	case TCEgress:
		return "egress"
	case TCBoth:
		return "both"
	case TCCustom:
		return "custom"
	case TCQdisc:
		return "qdisc"
	}
	return "TCPoint(" + strconv.Itoa(int(t)) + ")"
}

// TCHook is a place for filters of classic TC (libbpf struct bpf_tc_hook). It is a description and holds nothing open. The interface is
// one of the calling thread's network namespace.
type TCHook struct {
	Interface string // its name or an alternative one, or its index as a number
	Point     TCPoint
	Parent    uint32 // TCCustom: class that the filters belong to; TCQdisc: where the discipline goes (0xffffffff: root)
	Handle    uint32 // TCQdisc: of the discipline, major number << 16
	Qdisc     string // TCQdisc: kind, such as "prio"
}

// String names interface and point.
func (h TCHook) String() string {
	return printable.Text(h.Interface) + " (tc " + h.Point.String() + ")"
}

// Create gives the interface what holds the filters (libbpf bpf_tc_hook_create; 4.5): clsact for TCIngress, TCEgress and TCBoth alike,
// the named discipline for TCQdisc. ErrExist if it has it, which mostly is as good: then somebody else uses it too, and who made it
// should destroy it. The older discipline ingress is as good for TCIngress; for the others it is in the way, as it has no egress, and
// that is ErrNotSupported. EBUSY if another discipline is in the way. Needs CAP_NET_ADMIN.
func (h TCHook) Create() error {
	index, err := h.index()
	if err == nil {
		switch h.Point {
		case TCIngress, TCEgress, TCBoth:
			if err = h.onlyPoint(); err == nil {
				err = rtnl.TCClsactAdd(index)
			}
		case TCQdisc:
			err = rtnl.TCQdiscAdd(index, h.Qdisc, h.Parent, h.Handle)
		case TCCustom:
			err = fmt.Errorf("a class is made with its discipline (TCQdisc): %w", ErrNotSupported)
		default:
			err = fmt.Errorf("%v: %w", h.Point, syscall.EINVAL)
		}
		if errors.Is(err, syscall.EEXIST) { // something is
			if other := h.checkExisting(index); other != nil {
				err = other
			}
		}
	}
	return h.wrap("create tc hook", err)
}

// checkExisting refuses what is there instead of the discipline that Create makes.
func (h TCHook) checkExisting(index int) error {
	if h.Point != TCQdisc {
		return h.checkDiscipline(index)
	}
	there, err := rtnl.TCQdiscAt(index, h.Parent, 0)
	if err == nil && there.Kind == h.Qdisc && (h.Handle == 0 || there.Handle == h.Handle) {
		return nil
	}
	if byHandle, handleErr := rtnl.TCQdiscAt(index, 0, h.Handle); h.Handle != 0 && handleErr == nil {
		there, err = byHandle, nil
	}
	switch {
	case errors.Is(err, ErrNotExist):
		return nil // it is gone
	case err != nil:
		return err
	}
	return fmt.Errorf("the discipline %s, %x:, is in the way: %w", there.Kind, there.Handle>>16, syscall.EBUSY)
}

// checkDiscipline refuses a discipline of the interface that takes filters of the hook's direction
// for others. None at all is left to the kernel to say.
func (h TCHook) checkDiscipline(index int) error {
	wrong, err := h.wrongDiscipline(index)
	return cmp.Or(err, wrong)
}

// wrongDiscipline says, as an error, that the hook's direction isn't served by what the interface
// has: ingress takes filters of both directions for incoming packets, and any discipline may have
// clsact's handle. err is a failure to find out.
func (h TCHook) wrongDiscipline(index int) (wrong, err error) {
	parent := h.parent()
	if h.Point != TCBoth && parent != rtnl.TCIngress && parent != rtnl.TCEgress {
		return nil, nil // a class of a discipline of the caller's
	}
	there, err := rtnl.TCQdiscAt(index, 0, rtnl.TCMajor)
	switch {
	case errors.Is(err, ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case there.Kind == "clsact",
		there.Kind == "ingress" && h.Point != TCBoth && parent == rtnl.TCIngress:
		return nil, nil
	case there.Kind == "ingress":
		return fmt.Errorf("%s has the discipline ingress, which has no egress; "+
			"replace it by clsact, or use tcx: %w", h.Interface, ErrNotSupported), nil
	}
	return fmt.Errorf("%s has the discipline %s with the handle of clsact, ffff: %w",
		h.Interface, there.Kind, syscall.EBUSY), nil
}

// Destroy removes the discipline and everyone's filters with it for TCBoth and TCQdisc; for TCIngress and TCEgress it removes
// everyone's filters of that direction and leaves clsact (libbpf bpf_tc_hook_destroy). TCFilter.Detach removes one filter. Needs
// CAP_NET_ADMIN.
func (h TCHook) Destroy() error {
	index, err := h.index()
	if err == nil {
		switch h.Point {
		case TCIngress, TCEgress:
			if err = h.onlyPoint(); err == nil {
				err = h.checkDiscipline(index)
			}
			if err == nil {
				err = rtnl.TCFlush(index, h.parent())
			}
		case TCBoth:
			if err = h.onlyPoint(); err == nil {
				err = rtnl.TCClsactDel(index)
			}
		case TCQdisc:
			err = rtnl.TCQdiscDel(index, h.Qdisc, h.Parent, h.Handle)
		case TCCustom:
			err = fmt.Errorf("a class goes with its discipline (TCQdisc): %w", ErrNotSupported)
		default:
			err = fmt.Errorf("%v: %w", h.Point, syscall.EINVAL)
		}
	}
	return h.wrap("destroy tc hook", err)
}

// Filters lists the BPF filters of TCIngress, TCEgress or TCCustom, everyone's, in the order in which they run. None if there is no
// discipline, or one without that direction. No privileges.
func (h TCHook) Filters() ([]TCFilter, error) {
	index, parent, err := h.filters()
	if err != nil {
		return nil, h.wrap("list filters of", err)
	}
	wrong, err := h.wrongDiscipline(index)
	if wrong != nil {
		return nil, nil
	}
	var list []rtnl.TCFilter
	if err == nil {
		list, err = rtnl.TCFilters(index, parent)
	}
	if err != nil {
		return nil, h.wrap("list filters of", err)
	}
	var all []TCFilter
	for _, f := range list {
		all = append(all, TCFilter{Hook: h, Handle: f.Handle, Priority: f.Priority, ProgramID: f.ProgID, Name: f.Name, index: index})
	}
	return all, nil
}

// Query finds the filter with that handle and priority (libbpf bpf_tc_query). ErrNotExist if there is none.
func (h TCHook) Query(handle uint32, priority uint16) (*TCFilter, error) {
	index, parent, err := h.filters()
	if err == nil && (handle == 0 || priority == 0) {
		err = fmt.Errorf("a filter is found by its handle and its priority: %w", syscall.EINVAL)
	}
	if err != nil {
		return nil, h.wrap("query", err)
	}
	q := rtnl.TCFilter{IfIndex: index, Parent: parent, Handle: handle, Priority: priority}
	if err := h.queryFilter(&q); err != nil {
		return nil, h.wrap("query", err)
	}
	return &TCFilter{Hook: h, Handle: q.Handle, Priority: q.Priority, ProgramID: q.ProgID, Name: q.Name, index: index}, nil
}

// queryFilter fills in a filter by its handle and priority. Where there are no others, or no discipline, the kernel answers EINVAL.
func (h TCHook) queryFilter(f *rtnl.TCFilter) error {
	wrong, err := h.wrongDiscipline(f.IfIndex)
	switch {
	case wrong != nil:
		return fmt.Errorf("there is no such filter: %w: %w", wrong, ErrNotExist)
	case errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("the interface is gone: %w: %w", err, ErrNotExist)
	case err != nil:
		return err
	}
	err = rtnl.TCQuery(f)
	if !errors.Is(err, syscall.EINVAL) {
		return err
	}
	list, listErr := rtnl.TCFilters(f.IfIndex, f.Parent)
	is := func(there rtnl.TCFilter) bool { return there.Handle == f.Handle && there.Priority == f.Priority }
	if listErr != nil || slices.ContainsFunc(list, is) {
		return err
	}
	return fmt.Errorf("there is no such filter: %w: %w", err, ErrNotExist)
}

func (h TCHook) index() (int, error) { return rtnl.Interface(h.Interface) }

// parent is where the filters of a direction or class hang.
func (h TCHook) parent() uint32 {
	switch h.Point {
	case TCIngress:
		return rtnl.TCIngress
	case TCEgress:
		return rtnl.TCEgress
	}
	return h.Parent
}

// filters returns where the filters hang.
func (h TCHook) filters() (index int, parent uint32, err error) {
	switch h.Point {
	case TCIngress, TCEgress:
		err = h.onlyPoint()
	case TCCustom:
		if h.Parent == 0 {
			err = fmt.Errorf("%v takes a parent: %w", h.Point, syscall.EINVAL)
		}
	default:
		err = fmt.Errorf("filters belong to ingress, egress or custom, not %v: %w", h.Point, syscall.EINVAL)
	}
	if err == nil {
		index, err = h.index()
	}
	return index, h.parent(), err
}

// onlyPoint refuses what a hook has that is named by its Point alone.
func (h TCHook) onlyPoint() error {
	switch {
	case h.Parent != 0:
		return fmt.Errorf("%v has a parent of its own: %w", h.Point, syscall.EINVAL)
	case h.Handle != 0 || h.Qdisc != "":
		return fmt.Errorf("a handle and a kind belong to %v: %w", TCQdisc, syscall.EINVAL)
	}
	return nil
}

func (h TCHook) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return (&attempt{op: opNetlink}).fail(op, about{"", h.String()}, err)
}

// TCOptions changes how a program becomes a filter.
type TCOptions struct {
	Handle   uint32 // 0: the kernel chooses
	Priority uint16 // lower runs earlier; 0: the kernel chooses
	// Replace takes the place of the filter with that handle and priority, whoever's it is. Without it that is ErrExist.
	Replace bool
}

// TCFilter is an attached filter of classic TC. It is no Link: it stays until Detach, or until its discipline or interface goes.
type TCFilter struct {
	Hook      TCHook
	Handle    uint32
	Priority  uint16
	ProgramID uint32
	Name      string // as tc(8) shows it
	index     int
}

// SetTC attaches a SEC("tc") program as a filter of an interface: to TCIngress, TCEgress or TCCustom, whose discipline must be there
// (TCHook.Create) (libbpf bpf_tc_attach; 4.5). The filter stays when the process ends: Detach takes it away. ErrNotSupported for
// TCEgress where the discipline is ingress. Needs CAP_NET_ADMIN. On kernels since 6.6 AttachTCX gives a Link.
func (p *Program) SetTC(hook TCHook, opts *TCOptions) (*TCFilter, error) {
	if opts == nil {
		opts = &TCOptions{}
	}
	at := &place{name: hook.String(), types: schedPrograms[:], netlink: true}
	index, parent, err := hook.filters()
	if err != nil {
		return nil, p.refused(at, err)
	}
	if err := p.use(); err != nil {
		return nil, p.attachFail(at.name, err)
	}
	defer p.release()
	if err := hook.checkDiscipline(index); err != nil {
		return nil, p.refused(at, err)
	}
	info, err := sys.ProgInfoByFD(p.fd.Int())
	if err != nil {
		return nil, p.refused(at, err)
	}
	if opts.Handle != 0 && opts.Priority != 0 {
		at.query = func() (*hooks.Hook, error) {
			q := rtnl.TCFilter{IfIndex: index, Parent: parent, Handle: opts.Handle, Priority: opts.Priority}
			if err := hook.queryFilter(&q); err != nil {
				return nil, err
			}
			return &hooks.Hook{Programs: []hooks.Program{{ID: q.ProgID}}}, nil
		}
	}
	f := rtnl.TCFilter{IfIndex: index, Parent: parent, Handle: opts.Handle, Priority: opts.Priority, ProgFD: p.fd.Int(),
		Name: fmt.Sprintf("%s:[%d]", info.Name, info.ID)}
	if err := rtnl.TCAttach(&f, opts.Replace); err != nil {
		return nil, p.refused(at, err)
	}
	return &TCFilter{Hook: hook, Handle: f.Handle, Priority: f.Priority, ProgramID: f.ProgID, Name: f.Name, index: index}, nil
}

// Detach removes the filter (libbpf bpf_tc_detach), if its program still is ProgramID: what somebody has put in its place meanwhile
// stays, and that is ErrNotExist, as is a filter that is gone. The kernel has no call that compares and removes at one stroke, so a
// replacement within that moment would go. Call it on a thread of the interface's network namespace. Needs CAP_NET_ADMIN.
func (f *TCFilter) Detach() error {
	fail := func(err error) error {
		return f.Hook.wrap(fmt.Sprintf("detach filter %#x (priority %d, program %d) from", f.Handle, f.Priority, f.ProgramID), err)
	}
	q := rtnl.TCFilter{IfIndex: f.index, Parent: f.Hook.parent(), Handle: f.Handle, Priority: f.Priority}
	if err := f.Hook.queryFilter(&q); err != nil {
		return fail(err)
	}
	if q.ProgID != f.ProgramID {
		return fail(fmt.Errorf("it is of program %s now: %w", hooks.Label(q.ProgID), ErrNotExist))
	}
	if err := rtnl.TCDetach(&q); err != nil {
		return fail(err)
	}
	return nil
}
