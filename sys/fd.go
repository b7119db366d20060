package sys

import (
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/purebpf/bpf/internal/fdtrack"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/gate"
)

// FD owns a file descriptor of the kernel: at least 3, close-on-exec. The caller of the function
// that returned it closes it; no finalizer does. All methods may be called on a nil *FD and
// concurrently.
//
// The number of a closed descriptor may belong to another file at once. So code that uses it while
// others may call Close holds it (Hold): Close waits until it is released.
type FD struct {
	raw  atomic.Int32 // -1 once closed or disowned
	gate gate.Gate
}

// NewFD takes ownership of raw. A descriptor below 3 is moved up, because 0 means "unset" in kernel
// attributes (libbpf ensure_good_fd); raw is closed if that fails. EBADF if raw is negative.
func NewFD(raw int) (*FD, error) {
	if raw < 0 {
		return nil, syscall.EBADF
	}
	if raw < 3 {
		moved, e := funnel.Current().Dup(raw)
		funnel.Current().Close(raw)
		if e != 0 {
			return nil, e
		}
		raw = moved
	}
	f := new(FD)
	f.raw.Store(int32(raw))
	fdtrack.Opened(raw)
	return f, nil
}

// Int returns the number, -1 if the FD is nil, closed or disowned. It stays valid only while
// somebody keeps the FD open.
func (f *FD) Int() int {
	if f == nil {
		return -1
	}
	return int(f.raw.Load())
}

// Uint32 returns the number in the form of attributes: 0 ("unset") for a nil *FD, an invalid number
// for a closed one.
func (f *FD) Uint32() uint32 {
	if f == nil {
		return 0
	}
	return uint32(f.raw.Load())
}

// Hold returns the number and keeps it open until Release; false if the FD is nil, closed or
// disowned, and then Release must not be called. It never waits. Hold it only for one system call
// or a few, and don't call Close while you hold it.
func (f *FD) Hold() (int, bool) {
	if f == nil || !f.gate.Enter() {
		return -1, false
	}
	return int(f.raw.Load()), true
}

// Release ends a Hold.
func (f *FD) Release() { f.gate.Leave() }

// Closed reports whether the FD is nil, closed or disowned, or about to be.
func (f *FD) Closed() bool { return f == nil || f.gate.IsShut() }

// Close waits until nobody holds the descriptor and closes it. A second Close does nothing.
func (f *FD) Close() error {
	n := f.Disown()
	if n < 0 {
		return nil
	}
	return errnoErr(funnel.Current().Close(n))
}

// Disown waits until nobody holds the descriptor and returns its number without closing it; the
// caller owns it now. -1 if there is none.
func (f *FD) Disown() int {
	if f == nil || !f.gate.Shut() {
		return -1
	}
	n := f.raw.Swap(-1)
	fdtrack.Closed(int(n))
	return int(n)
}

// Dup returns a second FD for the same kernel object; the caller closes both. EBADF if f is closed.
func (f *FD) Dup() (*FD, error) {
	raw, ok := f.Hold()
	if !ok {
		return nil, syscall.EBADF
	}
	defer f.Release()
	return Dup(raw)
}

// Dup returns an FD for the kernel object behind a descriptor of the caller, who closes both.
func Dup(raw int) (*FD, error) {
	n, e := funnel.Current().Dup(raw)
	if e != 0 {
		return nil, e
	}
	return NewFD(n)
}

// Replace makes f a descriptor of by's kernel object, under f's old number, and closes by. f's
// former object is closed. EBADF if one of them is closed; both stay unchanged then. Don't call it
// concurrently with Close of f.
func (f *FD) Replace(by *FD) error {
	from, to := by.Int(), f.Int()
	if from < 0 || to < 0 {
		return syscall.EBADF
	}
	if e := funnel.Current().Dup3(from, to); e != 0 {
		return e
	}
	return by.Close()
}

// String returns the number, or "closed".
func (f *FD) String() string {
	if n := f.Int(); n >= 0 {
		return strconv.Itoa(n)
	}
	return "closed"
}
