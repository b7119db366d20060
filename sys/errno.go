package sys

import "syscall"

// ENOTSUPP is errno 524, internal to the kernel, which bpf(2) returns for operations that a program
// or map type doesn't support. It isn't EOPNOTSUPP, and the C library has no text for it.
const ENOTSUPP = syscall.Errno(524)

// ErrnoText returns the text of an errno; it knows ENOTSUPP, which syscall.Errno calls "errno 524".
func ErrnoText(e syscall.Errno) string {
	if e == ENOTSUPP {
		return "operation not supported by the kernel (ENOTSUPP)"
	}
	return e.Error()
}

func errnoErr(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
