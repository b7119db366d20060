package bpf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// congestion reports whether the kernel knows a TCP congestion control of that name. The oracle is /proc.
func congestion(t testing.TB, name string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	if err != nil {
		testkit.Skip(t, "no TCP: %v", err)
	}
	for _, have := range strings.Fields(string(text)) {
		if have == name {
			return true
		}
	}
	return false
}

// waitCongestion waits until the kernel does or doesn't know it: unregistering waits for a grace period.
func waitCongestion(t testing.TB, name string, want bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); congestion(t, name) != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: known %v, want %v", name, !want, want)
		}
	}
}

// TestStructOps registers congestion controls by Object.Attach, uses one for a connection, and takes them away.
func TestStructOps(t *testing.T) {
	testkit.Kernel(t, "6.4") // links of struct_ops
	o := open(t, "structops")
	obj := load(t, o, nil)
	for _, m := range obj.Maps() {
		if m.Kind() == object.MapStructOps && (m.Type() != uapi.MapStructOps || !m.Autoattach()) {
			t.Error(m)
		}
	}
	if congestion(t, "purebpf_link") || congestion(t, "purebpf_plain") {
		t.Fatal("registered by loading alone")
	}
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 2 || !congestion(t, "purebpf_link") || !congestion(t, "purebpf_plain") {
		t.Fatalf("links %v; known: %v, %v", links, congestion(t, "purebpf_link"), congestion(t, "purebpf_plain"))
	}
	if info, err := links[0].Info(); err != nil || info.Type != uapi.LinkStructOps {
		t.Error(info, err)
	}
	if _, err := links[1].Info(); !errors.Is(err, ErrNotSupported) {
		t.Error(err)
	}
	calls, err := VarOf[uint64](obj.Variable("cong_avoid_calls"))
	if err != nil {
		t.Fatal(err)
	}
	transfer(t, "purebpf_link")
	if *calls == 0 {
		t.Error("a connection under the congestion control ran none of its programs")
	}
	if err := links.Close(); err != nil {
		t.Fatal(err)
	}
	waitCongestion(t, "purebpf_link", false)
	waitCongestion(t, "purebpf_plain", false)
}

// transfer sends bytes over a loopback connection under the named congestion control.
func transfer(t testing.TB, control string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	socket := func() int {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(err)
		t.Cleanup(func() { unix.Close(s) })
		return s
	}
	listener, client := socket(), socket()
	must(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(unix.Listen(listener, 1))
	address, err := unix.Getsockname(listener)
	must(err)
	must(unix.SetsockoptString(client, unix.IPPROTO_TCP, unix.TCP_CONGESTION, control))
	must(unix.Connect(client, address))
	server, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	must(err)
	defer unix.Close(server)
	for range 10 {
		_, err := unix.Write(client, make([]byte, 1000))
		must(err)
		_, err = unix.Read(server, make([]byte, 2000))
		must(err)
	}
	unix.Close(client)
}

// TestStructOpsPlain registers a map without a link, on every kernel that has struct_ops. The map with a link is declared optional, as
// SEC("?.struct_ops.link") would.
func TestStructOpsPlain(t *testing.T) {
	o := open(t, "structops")
	o.Map("linked").Autocreate = false
	obj := load(t, o, nil)
	links, err := obj.Attach()
	if err != nil {
		t.Fatal(err)
	}
	if len(links) != 1 || !congestion(t, "purebpf_plain") || congestion(t, "purebpf_link") {
		t.Fatal(links)
	}
	calls := variable[uint64](t, obj, "cong_avoid_calls")
	transfer(t, "purebpf_plain")
	if *calls == 0 {
		t.Error("a connection under the congestion control ran none of its programs")
	}
	if err := links[0].UpdateMap(obj.Map("plain")); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if _, err := obj.Map("plain").AttachStructOps(); err == nil {
		t.Error("registered twice")
	}
	if err := links.Close(); err != nil {
		t.Fatal(err)
	}
	waitCongestion(t, "purebpf_plain", false)
}

// TestStructOpsLink pins and updates a registered map.
func TestStructOpsLink(t *testing.T) {
	testkit.Kernel(t, "6.4")
	dir := testkit.BPFFS(t)
	obj := load(t, open(t, "structops"), nil)
	link, err := obj.Map("linked").AttachStructOps()
	if err != nil {
		t.Fatal(err)
	}
	other := load(t, open(t, "structops"), nil)
	before, err := link.Info()
	if err != nil {
		t.Fatal(err)
	}
	if err := link.UpdateMap(other.Map("linked")); err != nil {
		t.Fatal(err)
	}
	after, err := link.Info()
	if err != nil || after.ID != before.ID {
		t.Error(after, err)
	}
	calls, newCalls := variable[uint64](t, obj, "cong_avoid_calls"), variable[uint64](t, other, "cong_avoid_calls")
	transfer(t, "purebpf_link")
	if *calls != 0 || *newCalls == 0 {
		t.Errorf("after the update the old programs ran %d times, the new ones %d", *calls, *newCalls)
	}
	path := filepath.Join(dir, "control")
	if err := link.Pin(path); err != nil {
		t.Fatal(err)
	}
	link.Close()
	if !congestion(t, "purebpf_link") {
		t.Error("closing a pinned link unregistered it")
	}
	if link, err = OpenLink(path); err != nil {
		t.Fatal(err)
	}
	if err := link.Unpin(); err != nil {
		t.Error(err)
	}
	if err := link.Close(); err != nil {
		t.Error(err)
	}
	waitCongestion(t, "purebpf_link", false)
	if _, err := obj.Map(".bss").AttachStructOps(); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

// TestArena: variables in an arena, which user space and programs share.
func TestArena(t *testing.T) {
	testkit.Kernel(t, "6.9")
	obj := load(t, open(t, "arena"), nil)
	m := obj.Map("arena")
	if len(m.Memory()) != 16*os.Getpagesize() {
		t.Fatalf("%d bytes mapped", len(m.Memory()))
	}
	counter, err := VarOf[uint64](obj.Variable("counter"))
	if err != nil || *counter != 41 {
		t.Fatal(counter, err)
	}
	numbers, err := VarOf[[4]uint32](obj.Variable("numbers"))
	if err != nil || *numbers != [4]uint32{1, 2, 3, 4} {
		t.Fatal(numbers, err)
	}
	numbers[3] = 40
	r, err := obj.Program("add").Run(nil)
	if err != nil || r.Return != 46 || *counter != 42 {
		t.Fatal(r, *counter, err)
	}
}
