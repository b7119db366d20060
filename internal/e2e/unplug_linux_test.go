package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel, which shows all attachments through ip(8), tc(8) and
// bpftool.

// unpluggables are the ways to attach a program to an interface by a link: XDP in a mode, or, by
// the rest, at a hook.
var unpluggables = []struct {
	name, since string
	device      string // kind
	programs    [2]string
	mode        bpf.XDPMode
	where       uapi.AttachType // 0: XDP
}{
	{"XDP", "5.9", "veth", [2]string{"xdp_pass", "xdp_drop"}, bpf.XDPAny, 0},
	{"generic XDP", "5.9", "veth", [2]string{"xdp_pass", "xdp_drop"}, bpf.XDPGeneric, 0},
	{"tcx ingress", "6.6", "veth", tcPrograms, 0, uapi.AttachTCXIngress},
	{"tcx egress", "6.6", "veth", tcPrograms, 0, uapi.AttachTCXEgress},
	{"netkit primary", "6.7", "netkit", tcPrograms, 0, uapi.AttachNetkitPrimary},
	{"netkit peer", "6.7", "netkit", tcPrograms, 0, uapi.AttachNetkitPeer},
}

var tcPrograms = [2]string{"tc_first", "tc_second"}

// attachAt attaches to v0 at a hook, 0 for XDP.
func attachAt(p *bpf.Program, mode bpf.XDPMode, where uapi.AttachType) (*bpf.Link, error) {
	switch where {
	case 0:
		return p.AttachXDP("v0", &bpf.XDPOptions{Mode: mode})
	case uapi.AttachTCXIngress, uapi.AttachTCXEgress:
		return p.AttachTCX("v0", where, nil)
	}
	return p.AttachNetkit("v0", where, nil)
}

// unplugs remove v0 and perhaps put another v0, or another interface with its index, in its place.
var unplugs = []struct {
	name string
	do   func(t *testing.T, kind string, index int)
}{
	{"deleted", func(t *testing.T, kind string, index int) { deviceDelete(t, "v0") }},
	{"deleted with its peer", func(t *testing.T, kind string, index int) { deviceDelete(t, "v1") }},
	{"same name", func(t *testing.T, kind string, index int) {
		deviceDelete(t, "v0")
		devicePair(t, kind, "v0", "v1")
	}},
	{"same name and index", func(t *testing.T, kind string, index int) {
		deviceDelete(t, "v0")
		devicePairAt(t, kind, "v0", "v1", index)
		if shown := testkit.Run(t, "ip", "-o", "link", "show", "v0"); !bytes.HasPrefix(shown,
			fmt.Appendf(nil, "%d: v0@", index)) {
			t.Fatalf("ip shows %q, not index %d", shown, index)
		}
	}},
}

// atInterfaces lists the ids of the programs that bpftool shows at interfaces of this namespace.
func atInterfaces(t *testing.T) (ids []uint32) {
	t.Helper()
	var all []map[string][]map[string]any
	out := testkit.Run(t, "bpftool", "-j", "net", "show")
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, kinds := range all {
		for _, list := range kinds {
			for _, shown := range list {
				for _, key := range []string{"id", "prog_id"} {
					if id, ok := shown[key].(float64); ok {
						ids = append(ids, uint32(id))
					}
				}
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// detailOf returns the interface, cgroup or network namespace from a link's information, 0 for
// none.
func detailOf(t *testing.T, l *bpf.Link) uint64 {
	t.Helper()
	info, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}
	switch d := info.Detail.(type) {
	case *linkinfo.XDP:
		return uint64(d.IfIndex)
	case *linkinfo.TCX:
		return uint64(d.IfIndex)
	case *linkinfo.Netkit:
		return uint64(d.IfIndex)
	case *linkinfo.Cgroup:
		return d.CgroupID
	case *linkinfo.Netns:
		return uint64(d.Inode)
	}
	t.Fatalf("%+v", info.Detail)
	return 0
}

// severed checks that a link whose target is gone says so, refuses a program and can be pinned,
// detached and closed.
func severed(t *testing.T, l *bpf.Link, other *bpf.Program) {
	t.Helper()
	if at := detailOf(t, l); at != 0 {
		t.Errorf("it says that it is at %d", at)
	}
	id := linkID(t, l)
	for key, value := range bpftoolLink(t, id) {
		if (key == "ifindex" || key == "cgroup_id" || key == "netns_ino") &&
			fmt.Sprint(value) != "0" {
			t.Errorf("bpftool says it is at %v %v", key, value)
		}
	}
	err := l.Update(other, nil)
	if !errors.Is(err, syscall.ENOLINK) || !strings.Contains(err.Error(), "close the link") ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("update: %v", err)
	}
	if err := errors.Join(l.Pin(testkit.BPFFS(t)+"/l"), l.Unpin()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := l.Detach(); err != nil {
			t.Errorf("detach: %v", err)
		}
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	gone(t, id)
	if _, err := l.Info(); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("info after close: %v", err)
	}
	if err := l.Update(other, nil); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("update after close: %v", err)
	}
}

// TestUnplugLinks removes an interface under a live link, by each kind of link. Programs of another
// interface that takes its name and its index stay attached.
func TestUnplugLinks(t *testing.T) {
	for _, u := range unpluggables {
		for _, unplug := range unplugs {
			t.Run(u.name+"/"+unplug.name, func(t *testing.T) {
				testkit.Kernel(t, u.since)
				testkit.Netns(t)
				devicePair(t, u.device, "v0", "v1")
				obj := load(t, only(open(t, "net"), u.programs[0], u.programs[1]), nil)
				first, second := obj.Program(u.programs[0]), obj.Program(u.programs[1])
				before := testkit.FDs()
				l, err := attachAt(first, u.mode, u.where)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				index := deviceIndex(t, "v0")
				unplug.do(t, u.device, index)
				var others []uint32
				if strings.HasPrefix(unplug.name, "same") {
					other, err := attachAt(second, u.mode, u.where)
					if err != nil {
						t.Fatal(err)
					}
					defer other.Close()
					others = []uint32{bpftest.ProgramID(t, second)}
					before = append(before, fmt.Sprintf("%d anon_inode:bpf_link", other.FD()))
				} else if _, err := attachAt(first, u.mode,
					u.where); !errors.Is(err, bpf.ErrNotExist) {
					t.Errorf("attach again: %v", err)
				}
				severed(t, l, second)
				if u.where == 0 {
					if ids := atInterfaces(t); !slices.Equal(ids, others) {
						t.Errorf("bpftool shows the programs %v, want %v", ids, others)
					}
				} else if len(others) > 0 {
					hook, err := hooks.QueryInterface("v0", u.where)
					if err != nil || len(hook.Programs) != 1 || !hook.Has(others[0]) {
						t.Errorf("%v: %+v, want %v", err, hook, others)
					}
					sameAsLibbpf(t, deviceIndex(t, "v0"), u.where, hook)
				}
				sameDescriptors(t, before)
			})
		}
	}
}

// sameDescriptors compares the open descriptors with earlier ones, in any order.
func sameDescriptors(t *testing.T, want []string) {
	t.Helper()
	now := testkit.FDs()
	slices.Sort(now)
	slices.Sort(want)
	if !slices.Equal(now, want) {
		t.Errorf("descriptors %v, want %v", now, want)
	}
}

// TestUnplugBeside removes an interface while its link is updated, queried and detached.
func TestUnplugBeside(t *testing.T) {
	testkit.Netns(t)
	for _, u := range unpluggables {
		if u.device != "veth" || u.name == "generic XDP" || !kernelAtLeast(t, u.since) {
			continue
		}
		obj := load(t, only(open(t, "net"), u.programs[0], u.programs[1]), nil)
		first, second := obj.Program(u.programs[0]), obj.Program(u.programs[1])
		for range testkit.Sample(t, "removals of an interface beside its link", 200, 5) {
			devicePair(t, u.device, "v0", "v1")
			l, err := attachAt(first, u.mode, u.where)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() {
				for {
					err := errors.Join(l.Update(second, nil), l.Update(first, nil))
					_, infoErr := l.Info()
					if err = errors.Join(err, infoErr); err != nil {
						done <- err
						return
					}
				}
			}()
			deviceDelete(t, "v0")
			if err := <-done; !errors.Is(err, syscall.ENOLINK) {
				t.Errorf("%s: %v", u.name, err)
			}
			if err := errors.Join(l.Detach(), l.Close()); err != nil {
				t.Errorf("%s: %v", u.name, err)
			}
		}
	}
}

// TestUnplugWithoutLinks removes an interface to which programs are attached without links.
// Programs of another interface that takes its name and index stay attached.
func TestUnplugWithoutLinks(t *testing.T) {
	for _, unplug := range unplugs {
		t.Run(unplug.name, func(t *testing.T) {
			testkit.Netns(t)
			devicePair(t, "veth", "v0", "v1")
			obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_drop", "tc_first", "tc_second"),
				nil)
			pass, drop := obj.Program("xdp_pass"), obj.Program("xdp_drop")
			first, second := obj.Program("tc_first"), obj.Program("tc_second")
			tcx := kernelAtLeast(t, "6.6")
			set := func(xdp, tc *bpf.Program) {
				t.Helper()
				_, err := nolink.SetXDP(xdp, "v0", nil)
				if tcx {
					err = errors.Join(err, nolink.AddTCX(tc, "v0", uapi.AttachTCXIngress, nil))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			before := testkit.FDs()
			set(pass, first)
			unplug.do(t, "veth", deviceIndex(t, "v0"))
			replaced := strings.HasPrefix(unplug.name, "same")
			var others []uint32
			if replaced {
				set(drop, second)
				others = atInterfaces(t)
				if len(others) < 1 {
					t.Fatalf("bpftool shows the programs %v", others)
				}
			}
			fails := map[string]error{
				"UnsetXDP": nolink.UnsetXDP(pass, "v0"),
			}
			if tcx {
				fails["RemoveTCX"] = nolink.RemoveTCX(first, "v0", uapi.AttachTCXIngress)
			}
			if !replaced {
				_, fails["SetXDP"] = nolink.SetXDP(pass, "v0", nil)
				if tcx {
					fails["AddTCX"] = nolink.AddTCX(first, "v0", uapi.AttachTCXIngress, nil)
				}
			}
			for what, err := range fails {
				t.Log(err)
				if !errors.Is(err, bpf.ErrNotExist) || strings.Contains(err.Error(), "\n") ||
					!strings.Contains(err.Error(), "v0") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if ids := atInterfaces(t); !slices.Equal(ids, others) {
				t.Errorf("bpftool shows the programs %v, want %v", ids, others)
			}
			sameDescriptors(t, before)
		})
	}
}

// TestUnplugNamespace deletes a network namespace under live links.
func TestUnplugNamespace(t *testing.T) {
	testkit.Root(t)
	names := []string{"xdp_pass", "xdp_drop", "tc_first", "tc_second", "dissector", "dissector2"}
	obj := load(t, only(open(t, "net"), names...), nil)
	before := testkit.FDs()
	type kept struct {
		link  *bpf.Link
		other *bpf.Program
	}
	links := map[string]kept{}
	done := make(chan error)
	testkit.OnOwnThread(func() { // the namespace ends with the thread
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		xdp, err := obj.Program("xdp_pass").AttachXDP("lo", nil)
		if err != nil {
			done <- err
			return
		}
		links["XDP"] = kept{xdp, obj.Program("xdp_drop")}
		if l, err := obj.Program("dissector").AttachNetns(kernel.ThreadNetns); err == nil {
			links["dissector"] = kept{l, obj.Program("dissector2")}
		} else if !errors.Is(err, bpf.ErrExist) { // all namespaces may have one
			done <- err
			return
		}
		if atLeast(6, 6) {
			l, err := obj.Program("tc_first").AttachTCX("lo", uapi.AttachTCXIngress, nil)
			if err != nil {
				done <- err
				return
			}
			links["tcx"] = kept{l, obj.Program("tc_second")}
		}
		done <- nil
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for name, k := range links {
		testkit.Until(t, name+" is at nothing", func() bool { return detailOf(t, k.link) == 0 })
		severed(t, k.link, k.other)
	}
	sameDescriptors(t, before)
}

// dying returns how many removed cgroups below dir the kernel still has.
func dying(t *testing.T, dir string) (n int) {
	t.Helper()
	text, err := os.ReadFile(dir + "/cgroup.stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "nr_dying_descendants ")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestUnplugCgroup removes a cgroup under live links, a program that is attached without one, an
// iterator and a reader of it. Programs of another directory that takes its name stay attached.
// When all is closed the kernel has freed the cgroup, as cgroup.stat shows.
func TestUnplugCgroup(t *testing.T) {
	parent := testkit.Cgroup(t)
	dir := parent + "/gone"
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("again=%v", again), func(t *testing.T) {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(dir)
			obj := load(t, only(open(t, "cgroup"), "ingress", "egress"), nil)
			twin := load(t, only(open(t, "cgroup"), "ingress", "egress"), nil)
			var walk *bpf.Program
			if hasBTF(t) && atLeast(6, 1) {
				_, walk = iterProgram(t, "cgroup")
			}
			before := testkit.FDs()
			l, err := obj.Program("ingress").AttachCgroup(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if err := nolink.AddCgroup(obj.Program("egress"), dir, nil); err != nil {
				t.Fatal(err)
			}
			var iterator *bpf.Link
			var walking func() string
			if walk != nil {
				iterator, err = walk.AttachIter(bpf.IterCgroup{Path: dir})
				if err != nil {
					t.Fatal(err)
				}
				defer iterator.Close()
				r, err := iterator.Iterate()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				walking = func() string {
					text := make([]byte, 4096)
					n, err := r.Read(text)
					if closeErr := r.Close(); closeErr != nil {
						t.Error(closeErr)
					}
					return fmt.Sprint(string(text[:n]), err)
				}
			}

			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
			testkit.Until(t, "the link is at no cgroup", func() bool { return detailOf(t, l) == 0 })
			var others []uint32
			if again {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"ingress", "egress"} {
					if err := nolink.AddCgroup(twin.Program(name), dir, nil); err != nil {
						t.Fatal(err)
					}
					others = append(others, bpftest.ProgramID(t, twin.Program(name)))
				}
			}
			severed(t, l, twin.Program("ingress"))
			err = nolink.RemoveCgroup(obj.Program("egress"), dir, nil)
			t.Log(err)
			if !errors.Is(err, bpf.ErrNotExist) || !strings.Contains(err.Error(), dir) {
				t.Errorf("unset: %v", err)
			}
			if !again {
				_, err := hooks.QueryFile(dir, uapi.AttachCgroupInetIngress, 0)
				if !errors.Is(err, bpf.ErrNotExist) || !strings.Contains(err.Error(), dir) {
					t.Errorf("query: %v", err)
				}
				_, err = obj.Program("ingress").AttachCgroup(dir, nil)
				if !errors.Is(err, bpf.ErrNotExist) || !strings.Contains(err.Error(), dir) {
					t.Errorf("attach: %v", err)
				}
			} else if ids := atCgroup(t, dir); !slices.Equal(ids, others) {
				t.Errorf("bpftool shows the programs %v, want %v", ids, others)
			}

			if walk != nil {
				if text := walking(); text != "EOF" && !strings.HasPrefix(text, " EOF") {
					t.Errorf("a reader that was open says %q", text)
				}
				if lines := readIter(t, iterator); len(lines) != 0 {
					t.Errorf("the iterator of a removed cgroup says %q", lines)
				}
				if err := iterator.Close(); err != nil {
					t.Error(err)
				}
			}
			sameDescriptors(t, before)
			if again {
				for _, name := range []string{"ingress", "egress"} {
					if err := nolink.RemoveCgroup(twin.Program(name), dir, nil); err != nil {
						t.Error(err)
					}
				}
				if err := os.Remove(dir); err != nil {
					t.Error(err)
				}
			}
			id := bpftest.ProgramID(t, obj.Program("egress"))
			if err := errors.Join(obj.Close(), twin.Close()); err != nil {
				t.Error(err)
			}
			testkit.Until(t, "the program is gone", func() bool {
				fd, err := sys.ProgFDByID(id)
				fd.Close()
				return errors.Is(err, bpf.ErrNotExist)
			})
			testkit.Until(t, "no cgroup is dying", func() bool { return dying(t, parent) == 0 })
		})
	}
}

// atCgroup lists the ids of the programs that bpftool shows at a cgroup.
func atCgroup(t *testing.T, dir string) (ids []uint32) {
	t.Helper()
	var all []struct{ ID uint32 }
	out := testkit.Run(t, "bpftool", "-j", "cgroup", "show", dir)
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, shown := range all {
		ids = append(ids, shown.ID)
	}
	return ids
}
