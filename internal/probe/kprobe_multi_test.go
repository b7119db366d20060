package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// multiCalls records a request for a kprobe.multi link and refuses it with an errno.
type multiCalls struct {
	funnel.Kernel
	errno  syscall.Errno
	attach uapi.AttachType
	flags  sys.KprobeMultiFlags
	syms   []string
	addrs  []uint64
	cookie []uint64
}

func (c *multiCalls) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdLinkCreate {
		return -1, syscall.EINVAL
	}
	c.attach = *(*uapi.AttachType)(unsafe.Add(attr, 8))
	d := (*sys.LinkKprobeMulti)(unsafe.Add(attr, 16))
	c.flags = d.Flags
	for i := range uintptr(d.Count) {
		if !d.Syms.IsNil() {
			c.syms = append(c.syms, cText(*(*unsafe.Pointer)(unsafe.Add(d.Syms.Unsafe(), 8*i))))
		}
		if !d.Addrs.IsNil() {
			c.addrs = append(c.addrs, *(*uint64)(unsafe.Add(d.Addrs.Unsafe(), 8*i)))
		}
		if !d.Cookies.IsNil() {
			c.cookie = append(c.cookie, *(*uint64)(unsafe.Add(d.Cookies.Unsafe(), 8*i)))
		}
	}
	return -1, c.errno
}

func (c *multiCalls) Close(fd int) syscall.Errno { return 0 }

// attachedMulti attaches a program to a set of functions.
func attachedMulti(m Tracefs, k *KprobeMulti, program *sys.FD) error {
	if err := k.Check(); err != nil {
		return err
	}
	if !k.Exact() {
		if err := errors.Join(k.Match(m), k.CheckMatch()); err != nil {
			return err
		}
	}
	_, err := k.Attach(program)
	return err
}

// TestKprobeMultiRequest compares the request to the kernel with libbpf's rules.
func TestKprobeMultiRequest(t *testing.T) {
	m := pretend{tracefs: t.TempDir()}
	writeFile(t, m.tracefs+"/available_filter_functions_addrs",
		"ffffffff81000014 tcp_a\nffffffff81000024 tcp_b [tcp]\nffffffff81000034 udp_a\nffffffff81000044 tcp_a\n")
	writeFile(t, m.tracefs+"/available_filter_functions", "tcp_a\ntcp_b [tcp]\nudp_a\ntcp_a\n")
	for _, c := range []struct {
		pattern string
		opts    KprobeMulti
		want    string // "" if there is no request
		errno   syscall.Errno
		is      error
	}{
		{"tcp_a", KprobeMulti{}, "trace_kprobe_multi 0 [tcp_a] [] []",
			syscall.ESRCH, syscall.ENOENT},
		{"tcp_*", KprobeMulti{Moment: AtReturn},
			"trace_kprobe_multi 1 [] [18446744071578845204 18446744071578845220 18446744071578845252] []", syscall.EPERM, fs.ErrPermission},
		{"?dp_?", KprobeMulti{Moment: InSession},
			"trace_kprobe_session 0 [] [18446744071578845236] []",
			syscall.EOPNOTSUPP, errors.ErrUnsupported},
		{"udp_a", KprobeMulti{Unique: true},
			"trace_kprobe_multi 0 [] [18446744071578845236] []", syscall.EBUSY, syscall.EBUSY},
		{"tcp_a", KprobeMulti{Unique: true}, "", 0, syscall.EINVAL},
		{"x*", KprobeMulti{}, "", 0, fs.ErrNotExist},
		{"", KprobeMulti{Symbols: []string{"b", "a"}, Cookies: []uint64{1, 2}},
			"trace_kprobe_multi 0 [b a] [] [1 2]", syscall.ESRCH, fs.ErrNotExist},
		{"", KprobeMulti{Addresses: []uint64{9, 8, 9}}, "trace_kprobe_multi 0 [] [9 8 9] []",
			syscall.EINVAL, syscall.EINVAL},
		{"", KprobeMulti{}, "", 0, syscall.EINVAL},
		{"", KprobeMulti{Symbols: []string{"a"}, Addresses: []uint64{1}}, "", 0,
			syscall.EINVAL},
		{"a", KprobeMulti{Symbols: []string{"a"}}, "", 0, syscall.EINVAL},
		{"a", KprobeMulti{Addresses: []uint64{1}}, "", 0, syscall.EINVAL},
		{"a", KprobeMulti{Cookies: []uint64{1}}, "", 0, syscall.EINVAL},
		{"", KprobeMulti{Symbols: []string{"a"}, Cookies: []uint64{1, 2}}, "",
			0, syscall.EINVAL},
		{"", KprobeMulti{Symbols: []string{"a"}, Unique: true}, "", 0, syscall.EINVAL},
		{"", KprobeMulti{Symbols: []string{"a\x00b"}}, "", 0, syscall.EINVAL},
		{"a", KprobeMulti{Moment: InSession + 1}, "", 0, syscall.EINVAL},
	} {
		f := &multiCalls{errno: c.errno}
		restore := funnel.Replace(f)
		fd, err := sys.NewFD(1000)
		if err != nil {
			t.Fatal(err)
		}
		c.opts.Pattern = c.pattern
		err = attachedMulti(m, &c.opts, fd)
		restore()
		fd.Disown()
		got := ""
		if f.attach != 0 {
			got = fmt.Sprintf("%v %d %v %v %v", f.attach, f.flags, f.syms, f.addrs, f.cookie)
		}
		if got != c.want || !errors.Is(err, c.is) {
			t.Errorf("%q %+v: asked %q, want %q; %v", c.pattern, c.opts, got, c.want, err)
		}
	}
}
