package e2e

import (
	"github.com/purebpf/bpf"

	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/structops"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// congestion reports whether the kernel knows a TCP congestion control of that name. The oracle is
// /proc.
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

// waitCongestion waits until the kernel does or doesn't know it: unregistering waits for a grace
// period.
func waitCongestion(t testing.TB, name string, want bool) {
	t.Helper()
	if !testkit.Await(5*time.Second, func() bool { return congestion(t, name) == want }) {
		t.Fatalf("%s: known %v, want %v", name, !want, want)
	}
}

// TestStructOps registers congestion controls by Object.Attach, uses one for a connection, and
// unregisters them.
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
		t.Fatalf("links %v; known: %v, %v", links, congestion(t, "purebpf_link"),
			congestion(t, "purebpf_plain"))
	}
	if info, err := links[0].Info(); err != nil || info.Type != uapi.LinkStructOps {
		t.Error(info, err)
	}
	if _, err := links[1].Info(); !errors.Is(err, bpf.ErrNotSupported) {
		t.Error(err)
	}
	calls, err := bpf.VarOf[uint64](obj.Variable("cong_avoid_calls"))
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

// connection makes a loopback connection whose client uses the named congestion control.
func connection(t testing.TB, control string) (client, server int) {
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
		return s
	}
	listener, client := socket(), socket()
	defer unix.Close(listener)
	must(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(unix.Listen(listener, 1))
	address, err := unix.Getsockname(listener)
	must(err)
	must(unix.SetsockoptString(client, unix.IPPROTO_TCP, unix.TCP_CONGESTION, control))
	must(unix.Connect(client, address))
	server, _, err = unix.Accept4(listener, unix.SOCK_CLOEXEC)
	must(err)
	return client, server
}

// exchange sends bytes over a connection.
func exchange(t testing.TB, client, server int) {
	t.Helper()
	for range 10 {
		if _, err := unix.Write(client, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Read(server, make([]byte, 2000)); err != nil {
			t.Fatal(err)
		}
	}
}

// transfer sends bytes over a loopback connection under the named congestion control.
func transfer(t testing.TB, control string) {
	t.Helper()
	client, server := connection(t, control)
	exchange(t, client, server)
	unix.Close(client)
	unix.Close(server)
}

// TestStructOpsPlain registers a map without a link, on every kernel that has struct_ops. The map
// with a link is declared optional, as SEC("?.struct_ops.link") would.
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
	id := mapID(t, obj.Map("plain"))
	want := structops.Registered{MapID: id, Name: "plain", Type: "tcp_congestion_ops"}
	if list, err := structops.List(everyMap); err != nil || !slices.Contains(list, want) {
		t.Errorf("%+v %v, want %+v", list, err, want)
	}
	if out := oracle(t, "bpftool", "struct_ops", "list"); out != nil &&
		!strings.Contains(string(out), fmt.Sprintf("%d: plain", id)) {
		t.Errorf("bpftool: %s", out)
	}
	if _, err := obj.Map("plain").AttachStructOps(); !errors.Is(err, syscall.EBUSY) ||
		!strings.Contains(err.Error(), fmt.Sprintf("this map, %d, is registered already", id)) {
		t.Error("registered twice:", err)
	}
	if _, err := load(t, o, nil).Map("plain").AttachStructOps(); !errors.Is(err, bpf.ErrExist) ||
		!strings.Contains(err.Error(), fmt.Sprintf("map %d (plain) without a link", id)) {
		t.Error("the same name by another map:", err)
	}
	for what, err := range map[string]error{"info": second(links[0].Info()),
		"pin": links[0].Pin("/sys/fs/bpf/plain"), "detach": links[0].Detach()} {
		if !errors.Is(err, bpf.ErrNotSupported) ||
			!strings.Contains(err.Error(), "the map is registered without a link") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := links.Close(); err != nil {
		t.Fatal(err)
	}
	waitCongestion(t, "purebpf_plain", false)
}

func everyMap(*sys.MapInfo) bool { return true }

// TestStructOpsKilledChild registers a map without a link, prints its id, and waits to be killed.
// It is a child of TestStructOpsKilled.
func TestStructOpsKilledChild(t *testing.T) {
	if os.Getenv("PUREBPF_STRUCT_OPS_CHILD") == "" {
		return
	}
	o := open(t, "structops")
	o.Map("linked").Autocreate = false
	obj := load(t, o, nil)
	if _, err := obj.Attach(); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("registered %d\n", mapID(t, obj.Map("plain")))
	time.Sleep(time.Hour)
}

// TestStructOpsKilled kills a process that registered a map without a link: it stays, is found, and
// is unregistered by its id. The oracle is the kernel's list of congestion controls.
func TestStructOpsKilled(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	congestion(t, "")
	child := exec.Command(os.Args[0], "-test.run=^TestStructOpsKilledChild$", "-test.v")
	child.Env = append(os.Environ(), "PUREBPF_STRUCT_OPS_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	id := uint32(0)
	for lines := bufio.NewScanner(out); id == 0 && lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "registered %d", &id); err != nil {
			t.Log(lines.Text())
		}
	}
	child.Process.Kill()
	child.Wait()
	if id == 0 {
		t.Fatal("the child registered nothing")
	}
	if !congestion(t, "purebpf_plain") {
		t.Error("the kernel took it away by itself")
	}
	want := structops.Registered{MapID: id, Name: "plain", Type: "tcp_congestion_ops"}
	if list, err := structops.List(everyMap); err != nil || !slices.Contains(list, want) {
		t.Errorf("%+v %v, want %+v", list, err, want)
	}
	if err := structops.Unregister(id); err != nil {
		t.Fatal(err)
	}
	waitCongestion(t, "purebpf_plain", false)
	if err := structops.Unregister(id); !errors.Is(err, bpf.ErrNotExist) {
		t.Error("a second time:", err)
	}
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
	calls, newCalls := variable[uint64](t, obj, "cong_avoid_calls"),
		variable[uint64](t, other, "cong_avoid_calls")
	transfer(t, "purebpf_link")
	if *calls != 0 || *newCalls == 0 {
		t.Errorf("after the update the old programs ran %d times, the new ones %d",
			*calls, *newCalls)
	}
	path := filepath.Join(dir, "control")
	if err := link.Pin(path); err != nil {
		t.Fatal(err)
	}
	link.Close()
	if !congestion(t, "purebpf_link") {
		t.Error("closing a pinned link unregistered it")
	}
	if link, err = bpf.OpenLink(path); err != nil {
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
	counter, err := bpf.VarOf[uint64](obj.Variable("counter"))
	if err != nil || *counter != 41 {
		t.Fatal(counter, err)
	}
	numbers, err := bpf.VarOf[[4]uint32](obj.Variable("numbers"))
	if err != nil || *numbers != [4]uint32{1, 2, 3, 4} {
		t.Fatal(numbers, err)
	}
	numbers[3] = 40
	r, err := obj.Program("add").Run(nil)
	if err != nil || r.Return != 46 || *counter != 42 {
		t.Fatal(r, *counter, err)
	}
}
