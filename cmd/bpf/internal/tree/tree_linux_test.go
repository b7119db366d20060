package tree

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// shown is an attachment in the JSON output.
type shown struct {
	place   string
	How     string
	Program uint32 `json:"prog_id"`
	Link    uint32 `json:"link_id"`
	Name    string
	Pids    []struct{ PID int }
	Pinned  []string
}

func read(t *testing.T) (list []shown, text string) {
	t.Helper()
	text, err := zoo.Run(t, Command(), "-j")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var places []struct {
		Kind, Name string
		Attached   []shown
	}
	if err := json.Unmarshal([]byte(text), &places); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, p := range places {
		for _, a := range p.Attached {
			a.place = p.Kind + " " + p.Name
			list = append(list, a)
		}
	}
	return list, text
}

// TestTree attaches programs of all kinds that this kernel takes, by links and without. The oracles
// are what was attached, and bpftool, which knows the links.
func TestTree(t *testing.T) {
	testkit.Netns(t)
	cgroupDir := testkit.Cgroup(t)
	pins := testkit.BPFFS(t)
	const links = "../../../../testdata/link.bpf.o"
	libc := "no C library"
	if found, err := filepath.Glob("/lib/*/libc.so.6"); err == nil && len(found) > 0 {
		if libc, err = filepath.EvalSymlinks(found[0]); err != nil {
			t.Fatal(err)
		}
	}
	attach := map[string]struct {
		place        string
		do           func(p *bpf.Program) (*bpf.Link, error)
		major, minor uint32 // of the first kernel that can, and tells
	}{
		"raw_tp": {"tracepoint sys_enter", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachRawTracepoint("sys_enter", nil)
		}, 0, 0},
		"tp": {"tracepoint sys_enter_getpriority", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachTracepoint("syscalls", "sys_enter_getpriority", nil)
		}, 6, 6},
		"xdp": {"interface lo", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachXDP("lo", &bpf.XDPOptions{Mode: bpf.XDPGeneric})
		}, 0, 0},
		"tcx": {"interface lo", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachTCX("lo", uapi.AttachTCXIngress, nil)
		}, 6, 6},
		"netfilter": {"netfilter ", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachNetfilter(uapi.NetfilterIPv4, uapi.NetfilterLocalIn, nil)
		}, 6, 4},
		"dissector": {"network namespace ", func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachNetns(kernel.ThreadNetns)
		}, 0, 0},
		"ingress": {"cgroup /" + filepath.Base(cgroupDir), func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachCgroup(cgroupDir, nil)
		}, 0, 0},
		"uprobes": {"file " + libc, func(p *bpf.Program) (*bpf.Link, error) {
			return p.AttachUprobeMulti(libc, "getpgi?", nil)
		}, 6, 8},
	}
	if !filepath.IsAbs(libc) {
		delete(attach, "uprobes")
	}
	made := map[uint32]string{} // by link
	for name, a := range attach {
		if kernel.Running().Version() < kernel.VersionCode(a.major, a.minor, 0) {
			continue
		}
		p := bpftest.Load(t, links, name).Program(name)
		l, err := a.do(p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(func() { l.Close() })
		info, err := l.Info()
		if err != nil {
			t.Fatal(err)
		}
		made[info.ID] = name
		if name == "ingress" {
			if err := l.Pin(filepath.Join(pins, "ingress")); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Without a link, and not attached at all.
	bare := bpftest.Load(t, "../../../../testdata/cgroup.bpf.o", "first", "second")
	first, second := bare.Program("first"), bare.Program("second")
	if err := nolink.AddCgroup(first, cgroupDir,
		&nolink.CgroupOptions{Mode: nolink.CgroupMulti}); err != nil {
		t.Fatal(err)
	}
	unlinked, loaded := bpftest.ProgramID(t, first), bpftest.ProgramID(t, second)

	list, raw := read(t)
	found := map[string]bool{}
	for _, s := range list {
		// Processes that list programs have each open for a moment.
		owned := slices.ContainsFunc(s.Pids, func(p struct{ PID int }) bool {
			return p.PID == os.Getpid()
		})
		switch {
		case s.Link != 0 && made[s.Link] != "":
			name := made[s.Link]
			found[name] = true
			if !strings.HasPrefix(s.place, attach[name].place) || s.Name != name || !owned {
				t.Errorf("%s: %+v", name, s)
			}
			if name == "ingress" && (len(s.Pinned) != 1 ||
				!strings.HasSuffix(s.Pinned[0], "/ingress")) {
				t.Errorf("%s: %+v", name, s)
			}
			var told struct {
				Program uint32 `json:"prog_id"`
			}
			out := testkit.Run(t, "bpftool", "-j", "link", "show", "id", fmt.Sprint(s.Link))
			if err := json.Unmarshal(out, &told); err != nil || told.Program != s.Program {
				t.Errorf("%s: %+v, bpftool: %s", name, s, out)
			}
		case s.Program == unlinked:
			found["without a link"] = true
			if s.place != "cgroup /"+filepath.Base(cgroupDir) || s.Link != 0 ||
				s.How != "cgroup_inet_sock_create" || !owned {
				t.Errorf("without a link: %+v", s)
			}
		case s.Program == loaded:
			found["not attached"] = true
			if s.place != "not attached " || s.Link != 0 || !owned {
				t.Errorf("not attached: %+v", s)
			}
		}
	}
	if len(found) != len(made)+2 {
		t.Errorf("of %v and 2 others only %v are in\n%s", made, found, raw)
	}
	text, err := zoo.Run(t, Command())
	if err != nil {
		t.Error(err)
	}
	for id, name := range made {
		if !strings.Contains(text, fmt.Sprintf("link %d → ", id)) {
			t.Errorf("%s: link %d isn't in\n%s", name, id, text)
		}
	}
	t.Logf("\n%s", text)
}

// TestTreeUnprivileged has no capabilities.
func TestTreeUnprivileged(t *testing.T) {
	testkit.Root(t)
	err := testkit.WithCapabilities(t, nil, func() error {
		_, err := zoo.Run(t, Command())
		return err
	})
	if !errors.Is(err, syscall.EPERM) {
		t.Error(err)
	}
}
