package e2e

import (
	"github.com/purebpf/bpf"

	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: which socket gets which packets through programs of
// testdata/net.bpf.c.

// udpSocket listens on a port of the loopback, 0 for any, with SO_REUSEPORT if shared.
func udpSocket(t *testing.T, port int, shared bool) *net.UDPConn {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if shared {
			c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			})
		}
		return err
	}}
	c, err := config.ListenPacket(context.Background(), "udp4",
		(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.UDPConn)
}

func portOf(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }

func rawConn(t *testing.T, c syscall.Conn) syscall.RawConn {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// socketFD returns c's descriptor for map values; c owns it.
func socketFD(t *testing.T, c syscall.Conn) (fd int) {
	t.Helper()
	if err := rawConn(t, c).Control(func(n uintptr) { fd = int(n) }); err != nil {
		t.Fatal(err)
	}
	return fd
}

func sendTo(t *testing.T, port int, text string) error {
	t.Helper()
	return socketOf(unix.AF_INET, unix.SOCK_DGRAM, func(s int) error {
		return unix.Sendto(s, []byte(text), 0, &unix.SockaddrInet4{Port: port, Addr: loopback})
	})
}

// received returns what arrives at c in time, "" for nothing.
func received(t *testing.T, c net.Conn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(testkit.Patience(200 * time.Millisecond)))
	b := make([]byte, 100)
	n, err := c.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	return string(b[:n])
}

// putSocket stores a socket in a map of sockets.
func putSocket(t *testing.T, m *bpf.Map, key uint32, c syscall.Conn) {
	t.Helper()
	value := binary.NativeEndian.AppendUint64(nil, uint64(socketFD(t, c)))
	if err := m.Update(binary.NativeEndian.AppendUint32(nil, key), value, 0); err != nil {
		t.Fatal(err)
	}
}

// TestSocketFilter: the program decides how much of each packet a socket keeps.
func TestSocketFilter(t *testing.T) {
	testkit.Netns(t)
	obj := load(t, only(open(t, "net"), "filter", "xdp_pass", "reuseport"), nil)
	p, keep, runs := obj.Program("filter"), array[uint32](t, obj, "keep"),
		array[[32]uint64](t, obj, "runs")
	c := udpSocket(t, 0, false)
	exchange := func(want string) {
		t.Helper()
		if err := sendTo(t, portOf(c), "abcd"); err != nil {
			t.Fatal(err)
		}
		if got := received(t, c); got != want {
			t.Errorf("received %q, not %q", got, want)
		}
	}
	exchange("abcd")
	if err := nolink.SetSocketFilter(p, rawConn(t, c)); err != nil {
		t.Fatal(err)
	}
	exchange("")  // nothing kept
	*keep = 8 + 2 // a UDP header and two bytes
	exchange("ab")
	*keep = 1 << 16
	exchange("abcd")
	if runs[netFilter] != 3 {
		t.Errorf("3 packets, %d runs", runs[netFilter])
	}
	if err := nolink.UnsetSocketFilter(rawConn(t, c)); err != nil {
		t.Error(err)
	}
	*keep = 0
	exchange("abcd")
	if err := nolink.UnsetSocketFilter(rawConn(t, c)); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	for name, text := range map[string]string{"xdp_pass": "type xdp, want socket_filter",
		"reuseport": "type sk_reuseport", "pick": "was not loaded"} {
		if err := nolink.SetSocketFilter(obj.Program(name), rawConn(t,
			c)); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), text) {
			t.Error(name, err)
		}
	}
	// A locked filter stays.
	if err := nolink.SetSocketFilter(p, rawConn(t, c)); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptInt(socketFD(t, c), unix.SOL_SOCKET,
		unix.SO_LOCK_FILTER, 1); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{nolink.SetSocketFilter(p, rawConn(t, c)),
		nolink.UnsetSocketFilter(rawConn(t, c))} {
		if !errors.Is(err, syscall.EPERM) {
			t.Error(err)
		}
	}
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer other.Close()
	if err := nolink.SetSocketFilter(p, rawConn(t, pipe)); !errors.Is(err, syscall.ENOTSOCK) {
		t.Error(err)
	}
	raw := rawConn(t, c)
	c.Close()
	if err := nolink.SetSocketFilter(p, raw); err == nil {
		t.Error("a closed socket")
	}
}

// TestReuseport: the program chooses which socket of a group gets a packet.
func TestReuseport(t *testing.T) {
	testkit.Netns(t)
	obj := load(t, only(open(t, "net"), "reuseport", "pick", "xdp_pass"), nil)
	chosen, runs := array[uint32](t, obj, "chosen"), array[[32]uint64](t, obj, "runs")
	one := udpSocket(t, 0, true)
	two := udpSocket(t, portOf(one), true)
	putSocket(t, obj.Map("group"), 0, one)
	putSocket(t, obj.Map("group"), 1, two)
	expect := func(at, other *net.UDPConn) {
		t.Helper()
		for range 4 {
			if err := sendTo(t, portOf(one), "x"); err != nil {
				t.Fatal(err)
			}
			if received(t, at) != "x" {
				t.Error("the chosen one got nothing")
			}
		}
		other.SetReadDeadline(time.Now().Add(time.Millisecond))
		if n, err := other.Read(make([]byte, 1)); err == nil {
			t.Errorf("the other one got %d bytes", n)
		}
	}
	if err := nolink.SetReuseport(obj.Program("reuseport"), rawConn(t, one)); err != nil {
		t.Fatal(err)
	}
	expect(one, two)
	*chosen = 1
	expect(two, one)
	if runs[netReuseport] != 8 {
		t.Errorf("8 packets, %d runs", runs[netReuseport])
	}
	*chosen = 0
	if err := nolink.SetReuseport(obj.Program("pick"), rawConn(t, two)); err != nil { // answers 1, always
		t.Fatal(err)
	}
	expect(two, one)
	if err := nolink.UnsetReuseport(rawConn(t, one)); err != nil {
		t.Error(err)
	}
	if err := nolink.UnsetReuseport(rawConn(t, one)); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if err := nolink.SetReuseport(obj.Program("xdp_pass"),
		rawConn(t, one)); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), ", want sk_reuseport") {
		t.Error(err)
	}
	if err := nolink.SetReuseport(obj.Program("reuseport"),
		rawConn(t, udpSocket(t, 0, false))); err == nil {
		t.Error("a socket without SO_REUSEPORT")
	}
}

// TestReuseportMigrate: a connection that waits to be accepted moves to the listener that the
// program chooses when its own closes; with a program that can't migrate (SEC("sk_reuseport")) it
// is reset.
func TestReuseportMigrate(t *testing.T) {
	for program, moves := range map[string]bool{"migrate": true, "reuseport": false} {
		t.Run(program, func(t *testing.T) {
			testkit.Netns(t)
			obj := load(t, only(open(t, "net"), program), nil)
			chosen, runs := array[uint32](t, obj, "chosen"), array[[32]uint64](t, obj, "runs")
			listen := func(port int) *os.File {
				s, err := unix.Socket(unix.AF_INET,
					unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
				if err != nil {
					t.Fatal(err)
				}
				f := os.NewFile(uintptr(s), "listener")
				t.Cleanup(func() { f.Close() })
				err = errors.Join(unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
					unix.Bind(s, &unix.SockaddrInet4{Port: port, Addr: loopback}),
					unix.Listen(s, 8))
				if err != nil {
					t.Fatal(err)
				}
				return f
			}
			one := listen(0)
			name, err := unix.Getsockname(socketFD(t, one))
			if err != nil {
				t.Fatal(err)
			}
			port := name.(*unix.SockaddrInet4).Port
			two := listen(port)
			putSocket(t, obj.Map("group"), 0, one)
			putSocket(t, obj.Map("group"), 1, two)
			if err := nolink.SetReuseport(obj.Program(program), rawConn(t, one)); err != nil {
				t.Fatal(err)
			}
			client, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: loopback[:], Port: port})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.Write([]byte("moved")); err != nil {
				t.Fatal(err)
			}
			*chosen = 1
			if err := one.Close(); err != nil {
				t.Fatal(err)
			}
			if got := runs[netMigrate]; got != map[bool]uint64{true: 1}[moves] {
				t.Errorf("%d runs to migrate; %d others", got, runs[netReuseport])
			}
			s, _, err := unix.Accept4(socketFD(t, two), unix.SOCK_CLOEXEC)
			if !moves {
				if err != unix.EAGAIN {
					t.Error("the other listener accepts:", err)
				}
				client.SetReadDeadline(time.Now().Add(testkit.Patience(5 * time.Second)))
				if _, err := client.Read(make([]byte, 8)); !errors.Is(err, syscall.ECONNRESET) {
					t.Error("the client's connection:", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(s)
			text := make([]byte, 8)
			if n, err := unix.Read(s, text); err != nil || string(text[:n]) != "moved" {
				t.Errorf("%q %v", text[:max(n, 0)], err)
			}
		})
	}
}

// TestSKLookup: connections to one port go to the socket of another.
func TestSKLookup(t *testing.T) {
	testkit.Root(t)
	first, err := os.Open(kernel.ThreadNetns)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	testkit.Netns(t)
	obj := load(t, only(open(t, "net"), "lookup", "xdp_pass"), nil)
	p, runs := obj.Program("lookup"), array[[32]uint64](t, obj, "runs")
	*array[uint16](t, obj, "lookup_port") = 7777
	c := udpSocket(t, 0, false)
	putSocket(t, obj.Map("sockets"), 0, c)
	expect := func(want string) {
		t.Helper()
		if err := sendTo(t, 7777, "hi"); err != nil {
			t.Fatal(err)
		}
		if got := received(t, c); got != want {
			t.Errorf("received %q, not %q", got, want)
		}
	}
	expect("")
	link, err := p.AttachNetns(kernel.ThreadNetns)
	if err != nil {
		t.Fatal(err)
	}
	expect("hi")
	if runs[netLookup] != 1 {
		t.Errorf("%d runs", runs[netLookup])
	}
	info, err := link.Info()
	if err != nil || info.Type != uapi.LinkNetns ||
		uint64(info.Detail.(*linkinfo.Netns).Inode) != inodeOf(t, kernel.ThreadNetns) {
		t.Errorf("%+v %v", info, err)
	}
	second, err := p.AttachNetns(kernel.ThreadNetns) // beside the first
	if err != nil {
		t.Fatal(err)
	}
	hook, err := hooks.QueryFile(kernel.ThreadNetns, uapi.AttachSKLookup, 0)
	if err != nil || len(hook.Programs) != 2 || hook.Programs[1].ID != bpftest.ProgramID(t, p) {
		t.Errorf("%+v %v", hook, err)
	}
	if hook, err := hooks.QueryFile(fmt.Sprintf("/proc/self/fd/%d", first.Fd()),
		uapi.AttachSKLookup, 0); err != nil || len(hook.Programs) != 0 {
		t.Errorf("in another namespace: %+v %v", hook, err)
	}
	second.Close()
	link.Close()
	expect("")
	netnsRefused(t, p, obj.Program("xdp_pass"))
}

// netnsRefused: paths that are no network namespace, and a program that doesn't fit.
func netnsRefused(t *testing.T, p, wrong *bpf.Program) {
	t.Helper()
	if _, err := p.AttachNetns("/proc/self/ns/absent"); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if _, err := p.AttachNetns("/proc/self/ns/uts"); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if _, err := wrong.AttachNetns(kernel.ThreadNetns); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(),
			"the program is of type xdp, want flow_dissector, sk_lookup") {
		t.Error(err)
	}
}

// TestFlowDissector: the kernel asks the program for the flow of each packet that a fanout group of
// packet sockets distributes.
func TestFlowDissector(t *testing.T) {
	testkit.Netns(t)
	obj := load(t, only(open(t, "net"), "dissector", "dissector2", "xdp_pass"), nil)
	p, other := obj.Program("dissector"), obj.Program("dissector2")
	runs := &array[[32]uint64](t, obj, "runs")[netDissector]
	all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	if err := unix.Bind(s, &unix.SockaddrLinklayer{Protocol: all, Ifindex: 1}); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptInt(s, unix.SOL_PACKET, unix.PACKET_FANOUT,
		unix.PACKET_FANOUT_HASH<<16|1); err != nil {
		t.Fatal(err)
	}
	expect := func(what string, want bool) {
		t.Helper()
		*runs = 0
		sendUDP(t, 2)
		if (*runs > 0) != want {
			t.Errorf("%s: %d runs", what, *runs)
		}
		hook, err := hooks.QueryFile(kernel.ThreadNetns, uapi.AttachFlowDissector, 0)
		if err != nil || len(hook.Programs) != 0 != want ||
			want && hook.Programs[0].ID != bpftest.ProgramID(t, p) {
			t.Errorf("%s: %+v %v", what, hook, err)
		}
	}
	expect("before", false)
	link, err := p.AttachNetns(kernel.ThreadNetns)
	if err != nil {
		t.Fatal(err)
	}
	expect("link", true)
	if _, err := other.AttachNetns(kernel.ThreadNetns); !errors.Is(err, bpf.ErrExist) &&
		!errors.Is(err, syscall.E2BIG) ||
		!strings.Contains(err.Error(), "(dissector) is attached there") {
		t.Error(err)
	}
	if err := nolink.SetFlowDissector(other); !errors.Is(err, bpf.ErrExist) ||
		!strings.Contains(err.Error(), "(dissector) is attached there") {
		t.Error(err)
	}
	if err := link.Update(other, p); err != nil {
		t.Error(err)
	}
	if err := link.Update(p, nil); err != nil {
		t.Error(err)
	}
	link.Close()
	expect("closed", false)
	if err := nolink.SetFlowDissector(other); err != nil {
		t.Fatal(err)
	}
	if err := nolink.SetFlowDissector(p); err != nil { // replaces it
		t.Fatal(err)
	}
	expect("set", true)
	if err := nolink.UnsetFlowDissector(other); !errors.Is(err, bpf.ErrNotExist) {
		t.Error("it takes away another's:", err)
	}
	if err := nolink.UnsetFlowDissector(p); err != nil {
		t.Error(err)
	}
	expect("taken away", false)
	if err := nolink.UnsetFlowDissector(p); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if err := nolink.SetFlowDissector(obj.Program("xdp_pass")); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "type xdp") {
		t.Error(err)
	}
	netnsRefused(t, p, obj.Program("xdp_pass"))
}

// TestNetfilter: the program drops outgoing packets, at a priority that no other program has.
func TestNetfilter(t *testing.T) {
	testkit.Kernel(t, "6.4")
	testkit.Netns(t)
	obj := load(t, only(open(t, "net"), "nf_drop", "nf_accept", "xdp_pass"), nil)
	drop, accept := obj.Program("nf_drop"), obj.Program("nf_accept")
	runs := &array[[32]uint64](t, obj, "runs")[netNetfilter]
	to := func(p *bpf.Program, priority int32) (*bpf.Link, error) {
		return p.AttachNetfilter(uapi.NetfilterIPv4, uapi.NetfilterLocalOut,
			&bpf.NetfilterOptions{Priority: priority})
	}
	if err := sendTo(t, 9, "x"); err != nil {
		t.Fatal(err)
	}
	link, err := to(drop, -7)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendTo(t, 9, "x"); !errors.Is(err, syscall.EPERM) || *runs != 1 {
		t.Error(err, *runs)
	}
	if info, err := link.Info(); err != nil || info.Type != uapi.LinkNetfilter ||
		info.Detail.(*linkinfo.Netfilter).Priority != -7 ||
		info.Detail.(*linkinfo.Netfilter).Hook != uapi.NetfilterLocalOut {
		t.Errorf("%+v %v", info, err)
	}
	if _, err := to(accept, -7); !errors.Is(err, syscall.EBUSY) ||
		!strings.Contains(err.Error(), "(nf_drop) is attached there") {
		t.Error(err)
	}
	beside, err := to(accept, -8)
	if err != nil {
		t.Fatal(err)
	}
	*runs = 0
	if err := sendTo(t, 9, "x"); !errors.Is(err, syscall.EPERM) || *runs != 2 {
		t.Error("both run:", err, *runs)
	}
	if err := link.Update(accept, drop); !errors.Is(err, bpf.ErrNotSupported) {
		t.Error(err)
	}
	link.Close()
	if err := sendTo(t, 9, "x"); err != nil {
		t.Error(err)
	}
	beside.Close()
	for _, wrong := range []struct {
		family   uapi.NetfilterFamily
		hook     uapi.NetfilterHook
		priority int32
	}{{0, 0, 0}, {unix.NFPROTO_ARP, 0, 1}, {uapi.NetfilterIPv4, 9, 1},
		{uapi.NetfilterIPv4, 0, -1 << 31}} {
		if _, err := accept.AttachNetfilter(wrong.family, wrong.hook,
			&bpf.NetfilterOptions{Priority: wrong.priority}); err == nil {
			t.Errorf("%+v", wrong)
		}
	}
	if _, err := to(obj.Program("xdp_pass"), -7); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "type xdp, want netfilter") {
		t.Error(err)
	}
}
