package bpf

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// No kernel that these tests were run on has fsession or fentry.multi (they came after 6.18 and
// 7.0), so TestTracingMulti has always been skipped. The others compare the request to the kernel
// with the layout of union bpf_attr, by a kernel that only records it. TestMatchTraceable of
// internal/probe is about the functions that a pattern selects.

// writtenDown is a kernel that has multi links: it records the request for one.
type writtenDown struct {
	funnel.Kernel
	size    uintptr
	attr    [12]uint32 // prog_fd, target_fd, attach_type, flags; then the part of its own
	ids     []btf.ID
	cookies []uint64
}

func (w *writtenDown) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdLinkCreate {
		return funnel.Kernel{}.BPF(cmd, attr, size, common)
	}
	w.size = size
	copy(w.attr[:], unsafe.Slice((*uint32)(attr), size/4))
	// struct { __aligned_u64 ids, cookies; __u32 cnt; } tracing_multi at offset 16
	count := w.attr[8]
	w.ids = slices.Clone(unsafe.Slice(*(**btf.ID)(unsafe.Add(attr, 16)), count))
	if p := *(**uint64)(unsafe.Add(attr, 24)); p != nil {
		w.cookies = slices.Clone(unsafe.Slice(p, count))
	}
	return -1, syscall.EOPNOTSUPP
}

// TestTracingMultiRequest checks the request to the kernel.
func TestTracingMultiRequest(t *testing.T) {
	testkit.VmlinuxBTF(t)
	obj := loadFile(t, "trace", nil, "packet")
	// A program as if it had been loaded for many functions, which this kernel refuses.
	p := obj.Program("packet")
	typ, expected := p.typ, p.expected
	p.typ, p.expected, p.section = uapi.ProgTracing, uapi.AttachTraceFexitMulti,
		"fexit.multi/find_task_by_v*"
	defer func() { p.typ, p.expected, p.section = typ, expected, "tc" }()
	p.def = object.MatchSec(p.section)
	w := &writtenDown{}
	defer funnel.Replace(w)()
	want, err := probe.MatchTraceable(kernel.Running(), "", "find_task_by_v*")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Attach(); !errors.Is(err, ErrNotSupported) {
		t.Error(err)
	}
	if w.size != 36 || w.attr[0] != uint32(p.FD()) || w.attr[1] != 0 ||
		uapi.AttachType(w.attr[2]) != uapi.AttachTraceFexitMulti || w.attr[3] != 0 ||
		!slices.Equal(w.ids, want) || w.cookies != nil {
		t.Errorf("%d bytes: %v, ids %v, cookies %v, want ids %v",
			w.size, w.attr, w.ids, w.cookies, want)
	}
	if _, err := p.AttachTracingList([]btf.ID{5, 7}, []uint64{50, 70}); !errors.Is(
		err,
		ErrNotSupported,
	) {
		t.Error(err)
	}
	if !slices.Equal(w.ids, []btf.ID{5, 7}) || !slices.Equal(w.cookies, []uint64{50, 70}) {
		t.Errorf("ids %v, cookies %v", w.ids, w.cookies)
	}
	second := func(_ *Link, err error) error { return err }
	for name, err := range map[string]error{
		"nothing":         second(p.AttachTracingMulti("")),
		"an empty list":   second(p.AttachTracingList(nil, nil)),
		"too few cookies": second(p.AttachTracingList([]btf.ID{1, 2}, []uint64{1})),
		"as a single one": second(p.AttachTrace(nil)),
	} {
		if !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.section = "fexit.multi"
	if _, err := p.Attach(); !errors.Is(err, ErrNotSupported) ||
		!strings.Contains(err.Error(), "no target") {
		t.Error(err)
	}
}
