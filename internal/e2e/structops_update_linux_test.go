package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle of these tests is the kernel: its list of congestion controls, which of two controls
// of one name serves a connection, and that it survives. An update of a map to itself corrupts that
// list in kernels up to 6.18 and ends with a BUG at the next update, so these tests need machines
// of their own.

// runs checks that a connection under the congestion control runs the programs of one object only.
func runs(t *testing.T, control string, which *bpf.Object, others ...*bpf.Object) {
	t.Helper()
	count := func(obj *bpf.Object) uint64 { return *variable[uint64](t, obj, "cong_avoid_calls") }
	before := count(which)
	var otherBefore uint64
	for _, obj := range others {
		otherBefore += count(obj)
	}
	transfer(t, control)
	var otherAfter uint64
	for _, obj := range others {
		otherAfter += count(obj)
	}
	if count(which) == before || otherAfter != otherBefore {
		t.Errorf("its programs ran %d times, those of others %d times",
			count(which)-before, otherAfter-otherBefore)
	}
}

func TestStructOpsUpdateSelf(t *testing.T) {
	testkit.Disposable(t)
	testkit.Kernel(t, "6.4")
	dir := testkit.BPFFS(t)
	a, b := load(t, open(t, "structops"), nil), load(t, open(t, "structops"), nil)
	link, err := a.Map("linked").AttachStructOps()
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	path := filepath.Join(dir, "control")
	if err := link.Pin(path); err != nil {
		t.Fatal(err)
	}
	mapPath := filepath.Join(dir, "map")
	if err := a.Map("linked").Pin(mapPath); err != nil {
		t.Fatal(err)
	}
	links := map[string]*bpf.Link{"the link": link}
	if links["a pinned link"], err = bpf.OpenLink(path); err != nil {
		t.Fatal(err)
	}
	if links["a link by id"], err = bpf.LinkFromID(linkID(t, link)); err != nil {
		t.Fatal(err)
	}
	maps := map[string]*bpf.Map{"the map": a.Map("linked")}
	if maps["a clone"], err = a.Map("linked").Clone(); err != nil {
		t.Fatal(err)
	}
	if maps["a map by id"], err = bpf.MapFromID(mapID(t, a.Map("linked")), 0); err != nil {
		t.Fatal(err)
	}
	if maps["a pinned map"], err = bpf.OpenMap(mapPath, 0); err != nil {
		t.Fatal(err)
	}
	for linkName, l := range links {
		for mapName, m := range maps {
			if err := l.UpdateMap(m); err != nil {
				t.Errorf("%s, %s: %v", linkName, mapName, err)
			}
		}
	}
	runs(t, "purebpf_link", a, b)
	// Another process, which opens both by their pins.
	child := exec.Command(os.Args[0], "-test.run=^TestStructOpsUpdateChild$", "-test.v")
	child.Env = append(os.Environ(), "PUREBPF_STRUCT_OPS_DIR="+dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// The kernel's list is intact: update to another map and back, by any of the descriptors.
	for linkName, l := range links {
		if err := l.UpdateMap(b.Map("linked")); err != nil {
			t.Fatalf("%s: %v", linkName, err)
		}
		runs(t, "purebpf_link", b, a)
		for mapName, m := range maps {
			if err := l.UpdateMap(m); err != nil {
				t.Fatalf("%s, %s: %v", linkName, mapName, err)
			}
		}
		runs(t, "purebpf_link", a, b)
	}
	// Concurrent updates never replace a map by itself.
	var wg sync.WaitGroup
	for _, l := range links {
		for _, m := range []*bpf.Map{a.Map("linked"), b.Map("linked")} {
			wg.Go(func() {
				for range 50 {
					if err := l.UpdateMap(m); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for _, m := range maps {
		m.Close()
	}
	for _, l := range links {
		l.Close()
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	waitCongestion(t, "purebpf_link", false)
}

// TestStructOpsUpdateChild is the other process of TestStructOpsUpdateSelf.
func TestStructOpsUpdateChild(t *testing.T) {
	dir := os.Getenv("PUREBPF_STRUCT_OPS_DIR")
	if dir == "" {
		return
	}
	l, err := bpf.OpenLink(filepath.Join(dir, "control"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m, err := bpf.OpenMap(filepath.Join(dir, "map"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := l.UpdateMap(m); err != nil {
		t.Fatal(err)
	}
}

// TestStructOpsUpdateRefused: a map that can't be registered stays as it was. The mere attempt
// would register a map without a link permanently.
func TestStructOpsUpdateRefused(t *testing.T) {
	testkit.Kernel(t, "6.4")
	obj := load(t, open(t, "structops"), nil)
	link, err := obj.Map("linked").AttachStructOps()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"plain": ".struct_ops.link", ".bss": "type array",
		"none": "no map none"} {
		err := link.UpdateMap(obj.Map(name))
		if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if congestion(t, "purebpf_plain") {
		t.Error("the map without a link was registered")
	}
	runs(t, "purebpf_link", obj)
	if err := link.Close(); err != nil {
		t.Fatal(err)
	}
	if err := link.UpdateMap(obj.Map("linked")); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
	waitCongestion(t, "purebpf_link", false)
	other := load(t, open(t, "structops"), nil)
	other.Close()
	if link, err = obj.Map("linked").AttachStructOps(); err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if err := link.UpdateMap(other.Map("linked")); !errors.Is(err, bpf.ErrClosed) {
		t.Error(err)
	}
}

// TestStructOpsDetach: a detached link refuses every map, and says why.
func TestStructOpsDetach(t *testing.T) {
	testkit.Kernel(t, "6.4")
	obj := load(t, open(t, "structops"), nil)
	link, err := obj.Map("linked").AttachStructOps()
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	err = link.Detach()
	if errors.Is(err, bpf.ErrNotSupported) { // before 6.11
		testkit.Kernel(t, "6.11")
	}
	if err != nil {
		t.Fatal(err)
	}
	waitCongestion(t, "purebpf_link", false)
	for _, m := range []*bpf.Map{obj.Map("linked"),
		load(t, open(t, "structops"), nil).Map("linked")} {
		if err := link.UpdateMap(m); !errors.Is(err, unix.ENOLINK) {
			t.Error(err)
		}
	}
	again, err := obj.Map("linked").AttachStructOps()
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	runs(t, "purebpf_link", obj)
}

// TestStructOpsUnregisteredInUse: a connection continues under an unregistered congestion control,
// and the kernel frees the control with the last of its connections.
func TestStructOpsUnregisteredInUse(t *testing.T) {
	for _, name := range []string{"linked", "plain"} {
		t.Run(name, func(t *testing.T) {
			if name == "linked" {
				testkit.Kernel(t, "6.4")
			}
			o := open(t, "structops")
			o.Map("linked").Autocreate = name == "linked"
			obj := load(t, o, nil)
			control := map[string]string{"linked": "purebpf_link", "plain": "purebpf_plain"}[name]
			link, err := obj.Map(name).AttachStructOps()
			if err != nil {
				t.Fatal(err)
			}
			client, server := connection(t, control)
			defer unix.Close(server)
			defer unix.Close(client)
			calls := variable[uint64](t, obj, "cong_avoid_calls")
			exchange(t, client, server)
			if *calls == 0 {
				t.Error("the connection ran none of its programs")
			}
			if err := link.Close(); err != nil {
				t.Fatal(err)
			}
			waitCongestion(t, control, false)
			before := *calls
			exchange(t, client, server)
			if *calls == before {
				t.Error("the connection left the control that was taken away")
			}
			// the kernel accepts its value only once, until the last user is gone
			if name == "plain" {
				if _, err := obj.Map(name).AttachStructOps(); err == nil || congestion(t, control) {
					t.Errorf("attached while a connection uses it: %v", err)
				}
			}
		})
	}
}

// TestStructOpsClone attaches clones, also when their object is closed and other descriptors have
// the numbers of its programs.
func TestStructOpsClone(t *testing.T) {
	for _, name := range []string{"linked", "plain"} {
		t.Run(name, func(t *testing.T) {
			if name == "linked" {
				testkit.Kernel(t, "6.4")
			}
			o := open(t, "structops")
			o.Map("linked").Autocreate = name == "linked"
			obj := load(t, o, nil)
			control := map[string]string{"linked": "purebpf_link", "plain": "purebpf_plain"}[name]
			m, err := obj.Map(name).Clone()
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if m.Autoattach() != obj.Map(name).Autoattach() ||
				m.String() != obj.Map(name).String() {
				t.Errorf("%v is no clone of %v", m, obj.Map(name))
			}
			counter := obj.Map(".bss")
			counts, err := counter.Clone()
			if err != nil {
				t.Fatal(err)
			}
			defer counts.Close()
			obj.Close()
			var filler []int
			for range 16 {
				fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				filler = append(filler, fd)
			}
			link, err := m.AttachStructOps()
			for _, fd := range filler {
				unix.Close(fd)
			}
			if err != nil {
				t.Fatal(err)
			}
			before, _ := counts.LookupBytes(make([]byte, 4))
			transfer(t, control)
			if after, _ := counts.LookupBytes(
				make([]byte, 4)); fmt.Sprint(before) == fmt.Sprint(after) {
				t.Error("a connection ran none of its programs")
			}
			if err := link.Close(); err != nil {
				t.Fatal(err)
			}
			waitCongestion(t, control, false)
		})
	}
}
