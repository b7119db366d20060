package sys

import (
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/uapi"
)

// BPF calls bpf(2) (libbpf sys_bpf): attr points to size bytes. It makes the call once and notifies
// the Go scheduler, so it suits any command; prefer the typed functions of this package. Errors are
// syscall.Errno.
func BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) (int, error) {
	r, e := funnel.BPF(cmd, attr, size)
	return r, errnoErr(e)
}

// bpfFD calls bpf(2) for a command that returns a file descriptor.
func bpfFD(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr) (*FD, error) {
	r, e := funnel.BPF(cmd, attr, size)
	if e != 0 {
		return nil, e
	}
	return NewFD(r)
}

// CommonAttr is struct bpf_common_attr: a log for any command, on kernels that know
// BPF_COMMON_ATTRS.
type CommonAttr struct {
	LogBuf      Pointer
	LogSize     uint32
	LogLevel    uapi.LogLevel
	LogTrueSize uint32 // out: size of the whole log
	_           uint32
}

// bpfCommon calls bpf(2) with common attributes.
func bpfCommon(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	c *CommonAttr) (int, syscall.Errno) {
	return funnel.Current().BPF(cmd, attr, size, unsafe.Pointer(c))
}

// ProbeCommonAttrs makes the call that shows whether the kernel knows BPF_COMMON_ATTRS: PROG_LOAD
// with the bit and a NULL common attribute. EFAULT means yes, EINVAL no; it never returns nil.
func ProbeCommonAttrs() error {
	var attr [8]byte
	_, e := funnel.BPF(uapi.CmdProgLoad|funnel.CmdCommonAttrs, unsafe.Pointer(&attr),
		uintptr(len(attr)))
	return errnoErr(e)
}
