package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: a sockmap with programs of testdata/net.bpf.c sends back
// what a socket in it receives, or refuses what it sends.

// tcpPair returns both ends of a connection.
func tcpPair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// on this thread, which is in the network namespace
	client, err = net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// TestSockMap: links (6.10) and programs without links.
func TestSockMap(t *testing.T) {
	for _, feature := range []struct {
		name     string
		programs []string
		index    int
		sends    bool // the program refuses what is sent; else it sends back what is received
	}{
		{"sk_skb stream_verdict", []string{"stream_verdict"}, netVerdict, false},
		{"sk_skb stream_parser and stream_verdict", []string{"parser", "stream_verdict"}, netParser,
			false},
		{"sk_skb verdict", []string{"verdict"}, netVerdict, false},
		{"sk_msg", []string{"msg"}, netMsg, true},
	} {
		t.Run(feature.name, func(t *testing.T) {
			for _, how := range []string{"set", "link"} {
				t.Run(how, func(t *testing.T) {
					if how == "link" {
						testkit.Kernel(t, "6.10")
					}
					testkit.Netns(t)
					obj := load(t, only(open(t, "net"), feature.programs...), nil)
					m := obj.Map("sockets")
					var links bpf.Links
					for _, name := range feature.programs {
						p := obj.Program(name)
						if how == "set" {
							if err := nolink.SetSockMap(p, m, nil); err != nil {
								t.Fatal(err)
							}
							continue
						}
						l, err := p.AttachSockMap(m, nil)
						if err != nil {
							t.Fatal(err)
						}
						defer l.Close()
						links = append(links, l)
						if info, err := l.Info(); err != nil || info.Type != uapi.LinkSockMap ||
							info.Detail.(*linkinfo.SockMap).MapID != mapID(t, m) {
							t.Errorf("%+v %v", info, err)
						}
					}
					last := obj.Program(feature.programs[len(feature.programs)-1])
					if hook, err := hooks.Query(uint32(m.FD()),
						last.ExpectedAttachType(), 0); err != nil || len(hook.Programs) != 1 ||
						hook.Programs[0].ID != bpftest.ProgramID(t, last) {
						t.Errorf("%+v %v", hook, err)
					}
					client, server := tcpPair(t)
					runs := &array[[32]uint64](t, obj, "runs")[feature.index]
					if feature.sends {
						putSocket(t, m, 0, client)
						if _, err := client.Write([]byte("ping")); !errors.Is(err, syscall.EACCES) {
							t.Error(err)
						}
					} else {
						putSocket(t, m, 0, server)
						if _, err := client.Write([]byte("ping")); err != nil {
							t.Fatal(err)
						}
						if got := received(t, client); got != "ping" {
							t.Errorf("%q comes back", got)
						}
					}
					if *runs == 0 {
						t.Error("the program didn't run")
					}
					if how == "link" {
						if err := nolink.UnsetSockMap(last, m, nil); err == nil {
							t.Error("it takes away a link")
						}
						if err := links.Close(); err != nil {
							t.Error(err)
						}
					} else {
						for _, name := range feature.programs {
							if err := nolink.UnsetSockMap(obj.Program(name), m, nil); err != nil {
								t.Error(name, err)
							}
						}
						if err := nolink.UnsetSockMap(last, m, nil); !errors.Is(err, bpf.ErrNotExist) {
							t.Error(err)
						}
					}
					if hook, err := hooks.Query(uint32(m.FD()),
						last.ExpectedAttachType(), 0); err != nil || len(hook.Programs) != 0 {
						t.Errorf("%+v %v", hook, err)
					}
				})
			}
		})
	}
}

// TestSockMapRefused: a map that holds no sockets, a hook that is occupied, programs that don't
// fit.
func TestSockMapRefused(t *testing.T) {
	obj := load(t, only(open(t, "net"), "stream_verdict", "stream_verdict2", "xdp_pass"), nil)
	p, other, m := obj.Program("stream_verdict"), obj.Program("stream_verdict2"), obj.Map("sockets")
	set := func(p *bpf.Program, m *bpf.Map) error { return nolink.SetSockMap(p, m, nil) }
	attach := func(p *bpf.Program, m *bpf.Map) error { return outcome(p.AttachSockMap(m, nil)) }
	for _, how := range []func(*bpf.Program, *bpf.Map) error{set, attach} {
		if err := how(p, obj.Map("devices")); err == nil ||
			!strings.Contains(err.Error(), "map devices") {
			t.Error(err)
		}
		if err := how(obj.Program("xdp_pass"), m); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "type xdp, want sk_skb, sk_msg") {
			t.Error(err)
		}
		if err := how(obj.Program("msg"), m); !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "was not loaded") {
			t.Error(err)
		}
	}
	closed := load(t, only(open(t, "net"), "xdp_pass"), nil)
	closed.Close()
	if err := set(p, closed.Map("sockets")); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	if err := nolink.SetSockMap(p, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := nolink.UnsetSockMap(other, m, nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Error("it takes away another's:", err)
	}
	if err := nolink.SetSockMap(other, m, nil); err != nil { // replaces it
		t.Error(err)
	}
	if err := nolink.UnsetSockMap(p, m, nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	t.Run("link", func(t *testing.T) {
		testkit.Kernel(t, "6.10")
		l, err := p.AttachSockMap(m, nil) // replaces the one without a link
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for _, err := range []error{attach(other, m), set(other, m)} {
			if !errors.Is(err, syscall.EBUSY) ||
				!strings.Contains(err.Error(), "(stream_verdict) is attached there") {
				t.Error(err)
			}
		}
		if err := l.Update(other, p); err != nil {
			t.Error(err)
		}
	})
}

// TestReopened: programs that were opened by id attach to the hook of their type; for a type with
// several hooks the error says so. The oracle is the kernel, which lists the attached programs.
func TestReopened(t *testing.T) {
	testkit.Netns(t)
	dir := testkit.Cgroup(t)
	obj := load(t, only(open(t, "net"), "lookup", "dissector", "msg", "verdict"), nil)
	groups := load(t, only(open(t, "cgroup"), "device", "sysctl", "sockops"), nil)
	m := obj.Map("sockets")
	reopen := func(p *bpf.Program) *bpf.Program {
		q, err := bpf.ProgramFromID(bpftest.ProgramID(t, p))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { q.Close() })
		return q
	}
	netns := func(p *bpf.Program) (*bpf.Link, error) { return p.AttachNetns(kernel.ThreadNetns) }
	cgroup := func(p *bpf.Program) (*bpf.Link, error) { return p.AttachCgroup(dir, nil) }
	inNetns := func(where uapi.AttachType) (*hooks.Hook, error) {
		return hooks.QueryFile(kernel.ThreadNetns, where, 0)
	}
	inCgroup := func(where uapi.AttachType) (*hooks.Hook, error) {
		return hooks.QueryFile(dir, where, 0)
	}
	for _, c := range []struct {
		p      *bpf.Program
		attach func(*bpf.Program) (*bpf.Link, error)
		query  func(uapi.AttachType) (*hooks.Hook, error)
	}{
		{obj.Program("lookup"), netns, inNetns}, {obj.Program("dissector"), netns, inNetns},
		{groups.Program("device"), cgroup, inCgroup}, {groups.Program("sysctl"), cgroup, inCgroup},
		{groups.Program("sockops"), cgroup, inCgroup},
	} {
		l, err := c.attach(reopen(c.p))
		if err != nil {
			t.Error(err)
			continue
		}
		if there, err := c.query(c.p.ExpectedAttachType()); err != nil ||
			!there.Has(bpftest.ProgramID(t, c.p)) {
			t.Errorf("%v: %+v, %v", c.p, there, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := nolink.SetSockMap(reopen(obj.Program("msg")), m, nil); err != nil {
		t.Error(err)
	}
	if err := nolink.UnsetSockMap(reopen(obj.Program("msg")), m, nil); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		p    *bpf.Program
		opts *bpf.SockMapOptions
		says string
	}{
		{obj.Program("verdict"), nil, "parser or a verdict"},
		{obj.Program("verdict"), &bpf.SockMapOptions{Type: uapi.AttachSKMsgVerdict},
			"programs of type sk_skb have no attach type sk_msg_verdict"},
		{obj.Program("verdict"), &bpf.SockMapOptions{Type: uapi.AttachXDP},
			"programs of type sk_skb have no attach type xdp"},
		{obj.Program("msg"), &bpf.SockMapOptions{Type: uapi.AttachSKSKBVerdict},
			"programs of type sk_msg have no attach type sk_skb_verdict"},
	} {
		p := reopen(c.p)
		for _, err := range []error{nolink.SetSockMap(p, m, c.opts), outcome(p.AttachSockMap(m, c.opts)),
			nolink.UnsetSockMap(p, m, c.opts)} {
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v doesn't say %s", err, c.says)
			}
		}
	}
	for _, where := range []uapi.AttachType{uapi.AttachSKSKBStreamParser,
		uapi.AttachSKSKBStreamVerdict, uapi.AttachSKSKBVerdict} {
		p, opts := reopen(obj.Program("verdict")), &bpf.SockMapOptions{Type: where}
		wantThere := func(want bool) {
			t.Helper()
			if there, err := hooks.Query(uint32(m.FD()), where, 0); err != nil ||
				there.Has(bpftest.ProgramID(t, p)) != want {
				t.Errorf("%v: %+v, %v", where, there, err)
			}
		}
		if err := nolink.SetSockMap(p, m, opts); err != nil {
			t.Error(err)
		}
		wantThere(true)
		if err := nolink.UnsetSockMap(p, m, opts); err != nil {
			t.Error(err)
		}
		wantThere(false)
		if !kernelAtLeast(t, "6.10") {
			continue
		}
		l, err := p.AttachSockMap(m, opts)
		if err != nil {
			t.Error(err)
			continue
		}
		wantThere(true)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wantThere(false)
	}
}
