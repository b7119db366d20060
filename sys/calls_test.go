//go:build linux

package sys_test

import (
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// recorder answers bpf(2) from a list and records its arguments. The oracle of these tests is the
// rule that each comment names.
type recorder struct {
	funnel.Kernel
	answers []syscall.Errno // 0 answers with a new descriptor of /dev/null
	cmds    []uapi.Cmd
	sizes   []uintptr
	common  int
}

func (r *recorder) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	r.cmds, r.sizes = append(r.cmds, cmd), append(r.sizes, size)
	if common != nil {
		r.common++
		(*sys.CommonAttr)(common).LogTrueSize = 77
	}
	e := syscall.Errno(0)
	if len(r.answers) > 0 {
		e, r.answers = r.answers[0], r.answers[1:]
	}
	if e != 0 {
		return -1, e
	}
	fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, syscall.EIO
	}
	return fd, 0
}

func install(t *testing.T, answers ...syscall.Errno) *recorder {
	r := &recorder{answers: answers}
	t.Cleanup(funnel.Replace(r))
	return r
}

// PROG_LOAD is tried five times on EAGAIN (libbpf's default), once on anything else.
func TestProgLoadRetries(t *testing.T) {
	again := syscall.EAGAIN
	for _, c := range []struct {
		answers []syscall.Errno
		calls   int
		err     syscall.Errno
	}{
		{[]syscall.Errno{0}, 1, 0},
		{[]syscall.Errno{again, again, again, again, 0}, 5, 0},
		{[]syscall.Errno{again, again, again, again, again, 0}, 5, again},
		{[]syscall.Errno{again, syscall.EINVAL, 0}, 2, syscall.EINVAL},
		{[]syscall.Errno{syscall.EINTR, 0}, 1, syscall.EINTR},
	} {
		r := install(t, c.answers...)
		fd, err := sys.ProgLoad(&sys.ProgLoadAttr{})
		if fd != nil {
			fd.Close()
		}
		if len(r.cmds) != c.calls || (c.err == 0) != (err == nil) ||
			c.err != 0 && !errors.Is(err, c.err) {
			t.Errorf("%v: %d calls, %v", c.answers, len(r.cmds), err)
		}
	}
}

// Each command carries its number and the size up to its last known field (the offsets are checked
// against the kernel's BTF by TestLayout; the sizes are those that libbpf 1.8 passes, or shorter).
func TestCommandsAndSizes(t *testing.T) {
	r := install(t)
	closeFD := func(fd *sys.FD, err error) {
		if err != nil {
			t.Error(err)
		}
		fd.Close()
	}
	var key uint32
	k := unsafe.Pointer(&key)
	calls := []struct {
		cmd  uapi.Cmd
		size uintptr
		call func()
	}{
		{uapi.CmdMapCreate, 96, func() { closeFD(sys.MapCreate(&sys.MapCreateAttr{})) }},
		{uapi.CmdMapLookupElem, 32, func() { sys.MapLookup(9, k, k, 0) }},
		{uapi.CmdMapLookupElem, 32, func() { sys.MapLookupWait(9, k, k, 0) }},
		{uapi.CmdMapUpdateElem, 32, func() { sys.MapUpdate(9, k, k, 0) }},
		{uapi.CmdMapUpdateElem, 32, func() { sys.MapUpdateWait(9, k, k, 0) }},
		{uapi.CmdMapDeleteElem, 32, func() { sys.MapDelete(9, k, 0) }},
		{uapi.CmdMapDeleteElem, 32, func() { sys.MapDeleteWait(9, k, 0) }},
		{uapi.CmdMapGetNextKey, 32, func() { sys.MapNextKey(9, k, k) }},
		{uapi.CmdMapLookupAndDeleteElem, 32, func() { sys.MapLookupAndDelete(9, k, k, 0) }},
		{uapi.CmdMapFreeze, 4, func() { sys.MapFreeze(9) }},
		{uapi.CmdMapLookupBatch, 56, func() { sys.MapLookupBatch(&sys.MapBatchAttr{}) }},
		{uapi.CmdMapLookupAndDeleteBatch, 56,
			func() { sys.MapLookupAndDeleteBatch(&sys.MapBatchAttr{}) }},
		{uapi.CmdMapUpdateBatch, 56, func() { sys.MapUpdateBatch(&sys.MapBatchAttr{}) }},
		{uapi.CmdMapDeleteBatch, 56, func() { sys.MapDeleteBatch(&sys.MapBatchAttr{}) }},
		{uapi.CmdProgLoad, 152, func() { closeFD(sys.ProgLoad(&sys.ProgLoadAttr{})) }},
		{uapi.CmdProgLoad, 168, func() { closeFD(sys.ProgLoad(&sys.ProgLoadAttr{KeyringID: 1})) }},
		{uapi.CmdObjPin, 16, func() { sys.ObjPin(9, "/x", 0) }},
		{uapi.CmdObjPin, 20, func() { sys.ObjPinAt(9, 8, "x", 0) }},
		{uapi.CmdObjGet, 16, func() { closeFD(sys.ObjGet("/x", 0)) }},
		{uapi.CmdProgAttach, 32, func() { sys.ProgAttach(&sys.ProgAttachAttr{}) }},
		{uapi.CmdProgDetach, 32, func() { sys.ProgDetach(&sys.ProgAttachAttr{}) }},
		{uapi.CmdProgQuery, 64, func() { sys.ProgQuery(&sys.ProgQueryAttr{}) }},
		{uapi.CmdProgTestRun, 76, func() { sys.ProgTestRun(&sys.ProgTestRunAttr{}) }},
		{uapi.CmdProgGetNextID, 12, func() { sys.ProgNextID(0) }},
		{uapi.CmdMapGetNextID, 12, func() { sys.MapNextID(0) }},
		{uapi.CmdBTFGetNextID, 12, func() { sys.BTFNextID(0) }},
		{uapi.CmdLinkGetNextID, 12, func() { sys.LinkNextID(0) }},
		{uapi.CmdProgGetFDByID, 12, func() { closeFD(sys.ProgFDByID(1)) }},
		{uapi.CmdMapGetFDByID, 12, func() { closeFD(sys.MapFDByID(1)) }},
		{uapi.CmdBTFGetFDByID, 12, func() { closeFD(sys.BTFFDByID(1)) }},
		{uapi.CmdBTFGetFDByID, 16, func() { closeFD(sys.BTFFDByIDToken(1, 5)) }},
		{uapi.CmdLinkGetFDByID, 12, func() { closeFD(sys.LinkFDByID(1)) }},
		{uapi.CmdObjGetInfoByFD, 16, func() { sys.ObjInfo(9, k, 4) }},
		{uapi.CmdRawTracepointOpen, 24, func() { closeFD(sys.RawTracepointOpen("x", 9, 1)) }},
		{uapi.CmdRawTracepointOpen, 12, func() { closeFD(sys.RawTracepointOpen("x", 9, 0)) }},
		{uapi.CmdBTFLoad, 40, func() { closeFD(sys.BTFLoad(&sys.BTFLoadAttr{})) }},
		{uapi.CmdTaskFDQuery, 48, func() { sys.TaskFDQuery(&sys.TaskFDQueryAttr{}) }},
		{uapi.CmdLinkCreate, 16, func() { closeFD(sys.LinkCreate(&sys.LinkCreateAttr{})) }},
		{uapi.CmdLinkCreate, 20, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkTargetBTF{}}))
		}},
		{uapi.CmdLinkCreate, 28, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkIter{}}))
		}},
		{uapi.CmdLinkCreate, 24, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkPerfEvent{}}))
		}},
		{uapi.CmdLinkCreate, 48, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkKprobeMulti{}}))
		}},
		{uapi.CmdLinkCreate, 32, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkTracing{}}))
		}},
		{uapi.CmdLinkCreate, 32, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkNetfilter{}}))
		}},
		{uapi.CmdLinkCreate, 32, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkAnchor{}}))
		}},
		{uapi.CmdLinkCreate, 60, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkUprobeMulti{}}))
		}},
		{uapi.CmdLinkCreate, 64, func() {
			closeFD(sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkUprobeMulti{Flags: sys.UprobeMultiPathFD}}))
		}},
		{uapi.CmdLinkCreate, 36, func() {
			closeFD(
				sys.LinkCreate(&sys.LinkCreateAttr{Detail: &sys.LinkTracingMulti{}}))
		}},
		{uapi.CmdLinkUpdate, 16, func() { sys.LinkUpdate(&sys.LinkUpdateAttr{}) }},
		{uapi.CmdLinkDetach, 4, func() { sys.LinkDetach(9) }},
		{uapi.CmdIterCreate, 8, func() { closeFD(sys.IterCreate(9)) }},
		{uapi.CmdEnableStats, 4, func() { closeFD(sys.EnableStats(0)) }},
		{uapi.CmdProgBindMap, 12, func() { sys.ProgBindMap(9, 9, 0) }},
		{uapi.CmdTokenCreate, 8, func() { closeFD(sys.TokenCreate(9, 0)) }},
		{uapi.CmdProgStreamReadByFD, 20, func() { sys.ProgStreamRead(9, 1, nil) }},
		{uapi.CmdProgAssocStructOps, 12, func() { sys.ProgAssocStructOps(9, 9, 0) }},
	}
	seen := map[uapi.Cmd]bool{}
	for i, c := range calls {
		if c.cmd != uapi.CmdMapCreate && !returnsFD(c.cmd) {
			r.answers = []syscall.Errno{syscall.EPERM}
		}
		c.call()
		if len(r.cmds) != i+1 || r.cmds[i] != c.cmd || r.sizes[i] != c.size {
			t.Fatalf("call %d: %v of size %d instead of %v of size %d",
				i, r.cmds[i:], r.sizes[i], c.cmd, c.size)
		}
		seen[c.cmd] = true
	}
	for cmd := uapi.CmdMapCreate; cmd <= uapi.CmdProgAssocStructOps; cmd++ {
		if !seen[cmd] {
			t.Errorf("no function for %v", cmd)
		}
	}
}

func returnsFD(cmd uapi.Cmd) bool {
	switch cmd {
	case uapi.CmdMapCreate, uapi.CmdProgLoad, uapi.CmdObjGet, uapi.CmdProgGetFDByID,
		uapi.CmdMapGetFDByID, uapi.CmdBTFGetFDByID,
		uapi.CmdLinkGetFDByID, uapi.CmdRawTracepointOpen, uapi.CmdBTFLoad, uapi.CmdLinkCreate,
		uapi.CmdIterCreate,
		uapi.CmdEnableStats, uapi.CmdTokenCreate:
		return true
	}
	return false
}

func TestMapCreateLog(t *testing.T) {
	r := install(t, syscall.EINVAL)
	log := sys.CommonAttr{LogLevel: 1}
	if _, err := sys.MapCreateLog(&sys.MapCreateAttr{}, &log); !errors.Is(err, syscall.EINVAL) ||
		r.common != 1 || log.LogTrueSize != 77 {
		t.Errorf("%v, %d calls with common attributes, true size %d",
			err, r.common, log.LogTrueSize)
	}
}

// Kernels before 7.1 don't know BPF_COMMON_ATTRS and refuse the command number; the probe must not
// report this as success.
func TestProbeCommonAttrs(t *testing.T) {
	if err := sys.ProbeCommonAttrs(); !errors.Is(err, syscall.EINVAL) &&
		!errors.Is(err, syscall.EFAULT) && !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v", err)
	}
}

// deep makes the stack grow, and so move, before it reads its arguments. Keys and values live on
// the caller's stack, hidden from escape analysis.
type deep struct{ funnel.Kernel }

func (deep) BPF(_ uapi.Cmd, attr unsafe.Pointer, _ uintptr, _ unsafe.Pointer) (int, syscall.Errno) {
	recurse(1000)
	a := (*struct {
		fd, _      uint32
		key, value sys.Pointer
	})(attr)
	*(*uint64)(a.value.Unsafe()) = uint64(*(*uint32)(a.key.Unsafe())) + uint64(a.fd)
	return 0, 0
}

func recurse(n int) byte {
	var frame [512]byte
	frame[n%512] = byte(n)
	if n > 0 {
		frame[0] += recurse(n - 1)
	}
	return frame[0]
}

func TestFunnelMovesTheStack(t *testing.T) {
	defer funnel.Replace(deep{})()
	for i := range uint32(20) {
		done := make(chan uint64)
		go func() { // a new, small stack each time
			key, value := i, uint64(0)
			if err := sys.MapLookup(5, unsafe.Pointer(&key),
				unsafe.Pointer(&value), 0); err != nil {
				value = 0
			}
			done <- value
		}()
		if got := <-done; got != uint64(i)+5 {
			t.Errorf("%d instead of %d", got, i+5)
		}
	}
}

func TestCString(t *testing.T) {
	if _, err := sys.CString("a\x00b"); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if p, err := sys.CString(""); err != nil || p.IsNil() || *(*byte)(p.Unsafe()) != 0 {
		t.Error("the empty string isn't a NUL")
	}
	if !sys.Slice([]byte(nil)).IsNil() {
		t.Error("pointer to nothing")
	}
}
