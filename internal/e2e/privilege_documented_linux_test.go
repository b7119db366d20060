package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/sys"
)

// documented lists the privileged operations, and the privileges that their doc comments name. An
// operation is tried where the machine supports it.
var documented = []struct {
	name  string
	need  []kernel.Capability
	there func(t testing.TB) bool
	// prepare returns the operation to try with only the privileges in need.
	prepare func(t *testing.T) func() error
}{
	{"AttachKprobe", perfmon, hasKprobes, func(t *testing.T) func() error {
		p := loadedProgram(t, "link", "probe")
		return func() error { return outcome(p.AttachKprobe("find_task_by_vpid", nil)) }
	}},
	{"AttachKprobe in tracefs", perfmonAndFiles, hasKprobes, func(t *testing.T) func() error {
		p := loadedProgram(t, "link", "probe")
		return func() error {
			return outcome(p.AttachKprobe("find_task_by_vpid",
				&bpf.KprobeOptions{Mode: bpf.ProbeLegacy}))
		}
	}},
	{"AttachKprobeMulti", nil, hasFprobes, func(t *testing.T) func() error {
		p := loadedProgram(t, "link", "probes")
		return func() error { return outcome(p.AttachKprobeMulti("find_task_by_vpid", nil)) }
	}},
	{"AttachUprobe", []kernel.Capability{kernel.CapSysAdmin}, hasUprobes,
		func(t *testing.T) func() error {
			p, path := loadedProgram(t, "link", "probe"), readableTarget(t)
			return func() error { return outcome(p.AttachUprobe(path, "add_numbers", nil)) }
		}},
	{"AttachUprobe at a return", []kernel.Capability{kernel.CapSysAdmin}, hasUprobes,
		func(t *testing.T) func() error {
			p, path := loadedProgram(t, "link", "probe"), readableTarget(t)
			return func() error {
				return outcome(p.AttachUprobe(path, "add_numbers",
					&bpf.UprobeOptions{Return: true}))
			}
		}},
	{"AttachUprobe in tracefs", perfmonAndFiles, hasUprobes, func(t *testing.T) func() error {
		p, path := loadedProgram(t, "link", "probe"), readableTarget(t)
		return func() error {
			return outcome(p.AttachUprobe(path, "add_numbers",
				&bpf.UprobeOptions{Mode: bpf.ProbeLegacy}))
		}
	}},
	{"AttachUprobeMulti", nil, hasUprobeLinks, func(t *testing.T) func() error {
		p, path := loadedProgram(t, "link", "uprobes"), readableTarget(t)
		return func() error { return outcome(p.AttachUprobeMulti(path, "add_*", nil)) }
	}},
	{"AttachUSDT", []kernel.Capability{kernel.CapSysAdmin}, hasUprobes,
		func(t *testing.T) func() error {
			p, path := usdtObject(t, newestUSDT(), 0, nil, "single").Program("single"),
				readableTarget(t)
			return func() error { return outcome(p.AttachUSDT(path, "target", "none", nil)) }
		}},
	{"AttachUSDT by a link to many", nil, hasUprobeLinks, func(t *testing.T) func() error {
		p, path := usdtObject(t, newestUSDT(), 0, nil, "any").Program("any"), readableTarget(t)
		return func() error { return outcome(p.AttachUSDT(path, "target", "none", nil)) }
	}},
	{"AttachTracepoint", perfmonAndFiles, everywhere, func(t *testing.T) func() error {
		p := loadedProgram(t, "link", "tp")
		return func() error { return outcome(p.Attach()) }
	}},
	{"AttachPerfEvent", perfmon, everywhere, func(t *testing.T) func() error {
		p := loadedProgram(t, "link", "event")
		return func() error {
			links, err := p.AttachPerfEvent(bpf.PerfEvent{Type: sys.PerfTypeSoftware}, nil)
			return errors.Join(err, links.Close())
		}
	}},
	{"AttachRawTracepoint", nil, everywhere, func(t *testing.T) func() error {
		p := loadedProgram(t, "link", "raw_tp")
		return func() error { return outcome(p.Attach()) }
	}},
	{"SetXDP", netAdmin, everywhere, func(t *testing.T) func() error {
		p := loadedProgram(t, "net", "xdp_pass")
		return func() error { return second(nolink.SetXDP(p, "lo", nil)) }
	}},
	{"AttachCgroup of cgroup_skb", netAdmin, everywhere, func(t *testing.T) func() error {
		dir, p := testkit.Cgroup(t), loadedProgram(t, "cgroup", "ingress")
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return func() error { return outcome(p.AttachCgroup(dir, nil)) }
	}},
	{"ProgramFromID", sysAdmin, everywhere, func(t *testing.T) func() error {
		info, err := loadedProgram(t, "link", "raw_tp").Info()
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			p, err := bpf.ProgramFromID(info.ID)
			if err != nil {
				return err
			}
			return p.Close()
		}
	}},
	{"MapFromID", sysAdmin, everywhere, func(t *testing.T) func() error {
		info, err := load(t, only(open(t, "link"), "raw_tp"), nil).Maps()[0].Info()
		if err != nil {
			t.Fatal(err)
		}
		return func() error {
			m, err := bpf.MapFromID(info.ID, 0)
			if err != nil {
				return err
			}
			return m.Close()
		}
	}},
	{"EnableStats", sysAdmin, everywhere, func(t *testing.T) func() error {
		return func() error {
			s, err := inspect.EnableStats(sys.StatsRunTime)
			if err != nil {
				return err
			}
			return s.Close()
		}
	}},
}

var (
	perfmon         = []kernel.Capability{kernel.CapPerfmon}
	perfmonAndFiles = []kernel.Capability{kernel.CapPerfmon, kernel.CapDACOverride}
	netAdmin        = []kernel.Capability{kernel.CapNetAdmin}
	sysAdmin        = []kernel.Capability{kernel.CapSysAdmin}
)

func hasUprobeLinks(t testing.TB) bool { return hasUprobes(t) && atLeast(6, 6) }

// readableTarget returns target at a path that everybody can read.
func readableTarget(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "target")
	copyTo(t, target(t), path)
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDocumentedPrivileges does every privileged operation with exactly the privileges that its doc
// comment names, and without each of them, at the two strictest settings of
// kernel.perf_event_paranoid. The oracle is the kernel, which permits the former and refuses the
// latter; the error names what is missing.
func TestDocumentedPrivileges(t *testing.T) {
	testkit.Root(t)
	testkit.Tracefs(t)
	for _, level := range []string{"2", "3"} {
		for _, c := range documented {
			if !c.there(t) {
				t.Logf("not here: %s", c.name)
				continue
			}
			t.Run(level+"/"+c.name, func(t *testing.T) {
				do := c.prepare(t)
				testkit.PerfEventParanoid(t, level)
				err := testkit.WithCapabilities(t, c.need, do)
				if level == "3" && err != nil && slices.Contains(c.need, kernel.CapPerfmon) {
					// A kernel with a patch for it. The sysctl decides, and the error says so.
					if !errors.Is(err, bpf.ErrPermission) ||
						!strings.Contains(err.Error(), "(kernel.perf_event_paranoid is 3") ||
						!strings.Contains(err.Error(), "CAP_SYS_ADMIN") {
						t.Errorf("with %v: %v", c.need, err)
					}
					if err := testkit.WithCapabilities(t,
						append(slices.Clone(c.need), kernel.CapSysAdmin), do); err != nil {
						t.Errorf("with %v and CAP_SYS_ADMIN: %v", c.need, err)
					}
				} else if err != nil {
					t.Errorf("with %v: %v", c.need, err)
				}
				for _, without := range c.need {
					rest := slices.DeleteFunc(slices.Clone(c.need), func(c kernel.Capability) bool {
						return c == without
					})
					if without == kernel.CapSysAdmin {
						rest = append(rest, kernel.CapBPF, kernel.CapPerfmon, kernel.CapNetAdmin,
							kernel.CapDACOverride)
					}
					err := testkit.WithCapabilities(t, rest, do)
					if !errors.Is(err, bpf.ErrPermission) ||
						!strings.Contains(err.Error(), without.String()) {
						t.Errorf("with %v: %v; want a refusal that names %v", rest, err, without)
					}
					t.Logf("without %v: %v", without, err)
				}
			})
		}
	}
}
