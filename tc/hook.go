// Package tc attaches programs as filters of classic TC.
//
// Before tcx (6.6), a program is attached to packets as a filter of a queueing discipline. The
// discipline clsact exists only for that: it queues nothing and has one list of filters for each
// direction. A filter is identified by handle and priority. The kernel doesn't tie it to a
// descriptor, so it is no bpf.Link, and stays when the process ends. A program attached this way
// decides on packets by itself (direct-action): it returns TC_ACT_OK, TC_ACT_SHOT and so on.
//
// Errors are *bpf.Error, in which errors.Is finds the errno.
package tc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/hint"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/privilege"
	"github.com/purebpf/bpf/internal/rtnl"
)

// Point selects the filters of an interface.
type Point uint8

const (
	Ingress Point = 1 // packets that come in
	Egress  Point = 2 // packets that go out
	Both    Point = Ingress | Egress
	Custom  Point = 4 // a class of another queueing discipline: Hook.Parent
	Qdisc   Point = 8 // a queueing discipline itself: Hook.Qdisc, Parent, Handle
)

// String returns ingress, egress, both, custom or qdisc.
func (t Point) String() string {
	switch t {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	case Both:
		return "both"
	case Custom:
		return "custom"
	case Qdisc:
		return "qdisc"
	}
	return "Point(" + strconv.Itoa(int(t)) + ")"
}

// Hook is a place for filters of classic TC (libbpf struct bpf_tc_hook). It is a description and
// holds nothing open. The interface is one of the calling thread's network namespace.
type Hook struct {
	Interface string // its name or an alternative one, or its index as a number
	Point     Point
	// Parent is, for Custom, the class that the filters belong to; for Qdisc, the parent of the
	// discipline (0xffffffff: root).
	Parent uint32
	Handle uint32 // Qdisc: of the discipline, major number << 16
	Qdisc  string // Qdisc: kind, such as "prio"
}

// String returns interface and point.
func (h Hook) String() string {
	return printable.Text(h.Interface) + " (tc " + h.Point.String() + ")"
}

// Create adds the discipline that holds the filters to the interface (libbpf bpf_tc_hook_create;
// 4.5): clsact for Ingress, Egress and Both alike, the named discipline for Qdisc. The error is
// bpf.ErrExist if the interface has it already. That is usually fine: another program uses it too,
// and the one that created it should destroy it. The older discipline ingress serves Ingress as
// well; it has no egress, so for Egress and Both Create returns bpf.ErrNotSupported. EBUSY if
// another discipline is in the way. Needs CAP_NET_ADMIN.
func (h Hook) Create() error {
	index, err := h.index()
	if err == nil {
		switch h.Point {
		case Ingress, Egress, Both:
			if err = h.onlyPoint(); err == nil {
				err = rtnl.TCClsactAdd(index)
			}
		case Qdisc:
			err = rtnl.TCQdiscAdd(index, h.Qdisc, h.Parent, h.Handle)
		case Custom:
			err = fmt.Errorf("a class is made with its discipline (Qdisc): %w", bpf.ErrNotSupported)
		default:
			err = fmt.Errorf("%v: %w", h.Point, syscall.EINVAL)
		}
		if errors.Is(err, syscall.EEXIST) { // another discipline exists
			if other := h.checkExisting(index); other != nil {
				err = other
			}
		}
	}
	return h.wrap("create tc hook", err)
}

// checkExisting refuses a discipline that exists instead of the one that Create makes.
func (h Hook) checkExisting(index int) error {
	if h.Point != Qdisc {
		return h.checkDiscipline(index)
	}
	there, err := rtnl.TCQdiscAt(index, h.Parent, 0)
	if err == nil && there.Kind == h.Qdisc && (h.Handle == 0 || there.Handle == h.Handle) {
		return nil
	}
	if byHandle, handleErr := rtnl.TCQdiscAt(index, 0, h.Handle); h.Handle != 0 &&
		handleErr == nil {
		there, err = byHandle, nil
	}
	switch {
	case errors.Is(err, bpf.ErrNotExist):
		return nil // it is gone
	case err != nil:
		return err
	}
	return fmt.Errorf("the discipline %s, %x:, is in the way: %w",
		there.Kind, there.Handle>>16, syscall.EBUSY)
}

// checkDiscipline refuses a discipline of the interface that takes filters of the hook's direction
// for others. It accepts none at all: the kernel reports that.
func (h Hook) checkDiscipline(index int) error {
	wrong, err := h.wrongDiscipline(index)
	return cmp.Or(err, wrong)
}

// wrongDiscipline returns, as wrong, why the interface's discipline doesn't serve the hook's
// direction: ingress takes filters of both directions for incoming packets, and any discipline may
// have clsact's handle. err is set if the query fails.
func (h Hook) wrongDiscipline(index int) (wrong, err error) {
	parent := h.parent()
	if h.Point != Both && parent != rtnl.TCIngress && parent != rtnl.TCEgress {
		return nil, nil // a class of the caller's own discipline
	}
	there, err := rtnl.TCQdiscAt(index, 0, rtnl.TCMajor)
	switch {
	case errors.Is(err, bpf.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case there.Kind == "clsact",
		there.Kind == "ingress" && h.Point != Both && parent == rtnl.TCIngress:
		return nil, nil
	case there.Kind == "ingress":
		return fmt.Errorf("%s has the discipline ingress, which has no egress; "+
			"replace it by clsact, or use tcx: %w", h.Interface, bpf.ErrNotSupported), nil
	}
	return fmt.Errorf("%s has the discipline %s with the handle of clsact, ffff: %w",
		h.Interface, there.Kind, syscall.EBUSY), nil
}

// Destroy removes, for Both and Qdisc, the discipline with all its filters; for Ingress and Egress
// it removes all filters of that direction and keeps clsact. It removes filters of other processes
// too (libbpf bpf_tc_hook_destroy). Filter.Detach removes one filter. Needs CAP_NET_ADMIN.
func (h Hook) Destroy() error {
	index, err := h.index()
	if err == nil {
		switch h.Point {
		case Ingress, Egress:
			if err = h.onlyPoint(); err == nil {
				err = h.checkDiscipline(index)
			}
			if err == nil {
				err = rtnl.TCFlush(index, h.parent())
			}
		case Both:
			if err = h.onlyPoint(); err == nil {
				err = rtnl.TCClsactDel(index)
			}
		case Qdisc:
			err = rtnl.TCQdiscDel(index, h.Qdisc, h.Parent, h.Handle)
		case Custom:
			err = fmt.Errorf("a class goes with its discipline (Qdisc): %w", bpf.ErrNotSupported)
		default:
			err = fmt.Errorf("%v: %w", h.Point, syscall.EINVAL)
		}
	}
	return h.wrap("destroy tc hook", err)
}

// Filters lists the BPF filters of Ingress, Egress or Custom, whoever made them, in the order in
// which they run. The list is empty if there is no discipline, or one without that direction. No
// privileges.
func (h Hook) Filters() ([]Filter, error) {
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
	var all []Filter
	for _, f := range list {
		all = append(all, *h.filter(&f))
	}
	return all, nil
}

// Query finds the filter with that handle and priority (libbpf bpf_tc_query). bpf.ErrNotExist if
// there is none.
func (h Hook) Query(handle uint32, priority uint16) (*Filter, error) {
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
	return h.filter(&q), nil
}

// filter converts the kernel's information about a filter.
func (h Hook) filter(f *rtnl.TCFilter) *Filter {
	return &Filter{
		Hook: h, Handle: f.Handle, Priority: f.Priority, ProgramID: f.ProgID, Name: f.Name,
		index: f.IfIndex,
	}
}

// queryFilter completes a filter by its handle and priority. If there are no others, or no
// discipline, the kernel answers EINVAL.
func (h Hook) queryFilter(f *rtnl.TCFilter) error {
	wrong, err := h.wrongDiscipline(f.IfIndex)
	switch {
	case wrong != nil:
		return fmt.Errorf("there is no such filter: %w: %w", wrong, bpf.ErrNotExist)
	case errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("the interface is gone: %w: %w", err, bpf.ErrNotExist)
	case err != nil:
		return err
	}
	err = rtnl.TCQuery(f)
	if !errors.Is(err, syscall.EINVAL) {
		return err
	}
	list, listErr := rtnl.TCFilters(f.IfIndex, f.Parent)
	is := func(there rtnl.TCFilter) bool {
		return there.Handle == f.Handle && there.Priority == f.Priority
	}
	if listErr != nil || slices.ContainsFunc(list, is) {
		return err
	}
	return fmt.Errorf("there is no such filter: %w: %w", err, bpf.ErrNotExist)
}

func (h Hook) index() (int, error) { return rtnl.Interface(h.Interface) }

// parent returns the parent of the filters of a direction or class.
func (h Hook) parent() uint32 {
	switch h.Point {
	case Ingress:
		return rtnl.TCIngress
	case Egress:
		return rtnl.TCEgress
	}
	return h.Parent
}

// filters returns the interface and the parent of the filters.
func (h Hook) filters() (index int, parent uint32, err error) {
	switch h.Point {
	case Ingress, Egress:
		err = h.onlyPoint()
	case Custom:
		if h.Parent == 0 {
			err = fmt.Errorf("%v takes a parent: %w", h.Point, syscall.EINVAL)
		}
	default:
		err = fmt.Errorf("filters belong to ingress, egress or custom, not %v: %w",
			h.Point, syscall.EINVAL)
	}
	if err == nil {
		index, err = h.index()
	}
	return index, h.parent(), err
}

// onlyPoint refuses a hook with Parent, Handle or Qdisc if its Point doesn't use them.
func (h Hook) onlyPoint() error {
	switch {
	case h.Parent != 0:
		return fmt.Errorf("%v has a parent of its own: %w", h.Point, syscall.EINVAL)
	case h.Handle != 0 || h.Qdisc != "":
		return fmt.Errorf("a handle and a kind belong to %v: %w", Qdisc, syscall.EINVAL)
	}
	return nil
}

func (h Hook) wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	advice, cause := hint.Cut(err)
	advice = cmp.Or(advice, privilege.NetlinkHint(err))
	return &bpf.Error{Op: op, Subject: h.String(), Err: cause, Hint: advice}
}
