//go:build linux

package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/oldkernel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// with runs this test again in a process with only those capabilities, and returns its output. An
// environment variable tells the child what to do.
func with(t *testing.T, caps, what string) string {
	t.Helper()
	testkit.Root(t)
	limit := "-all"
	if caps != "" {
		limit += ",+" + strings.ReplaceAll(caps, ",", ",+")
	}
	cmd := exec.Command(testkit.Tool(t, "setpriv"), "--bounding-set", limit, "--inh-caps", "-all",
		"/proc/self/exe", "-test.run", "^TestChild$", "-test.v")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args[len(cmd.Args)-4] = self
	cmd.Env = append(os.Environ(), "KERNEL_TEST_CHILD="+what)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s with %q: %v\n%s", what, caps, err, out)
	}
	return string(out)
}

// TestChild is the child's side of with.
func TestChild(t *testing.T) {
	f := Running()
	switch what, arg, _ := strings.Cut(os.Getenv("KERNEL_TEST_CHILD"), " "); what {
	case "":
		return // this process is not a child
	case "load":
		for typ := uapi.ProgType(1); typ <= uapi.ProgNetfilter; typ++ {
			p := prober{facts: f}
			fd, _, _, err := p.loadType(typ, 0, retInsns(0))
			fd.Close()
			has, _ := f.HasProgType(typ)
			fmt.Printf("load %d %v %v\n", typ, errors.Is(err, syscall.EPERM), has)
		}
	case "require":
		start := time.Now()
		err := f.Require("loading XDP programs", ProgCaps(uapi.ProgXDP)...)
		fmt.Printf("require %v %v\n", errors.Is(err, syscall.EPERM), err)
		if spent := time.Since(start); spent > time.Second {
			t.Errorf("it took %v", spent)
		}
		p, err := f.Privileges()
		fmt.Printf("effective %x %v\n", p.Effective, err)
	case "loading":
		err := f.ProbeLoading()
		fmt.Printf("loading %v %v\n", errors.Is(err, syscall.EPERM), err)
	case "has":
		yes, err := f.Has(facts.BTFLoad)
		fmt.Printf("has %v %v\n", yes, err)
		_, err = f.Modules()
		fmt.Printf("modules %v, %v\n", err, f.SkippedModules())
	case "memlock", "memlock0":
		limit, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ensure := func(limit uint64) {
			raised, err := Running().EnsureMemlock(limit)
			fmt.Printf("memlock %v, raised %v\n", err, raised)
		}
		missing := true
		install(t, func(c call) syscall.Errno {
			if missing {
				return oldkernel.Lacks[facts.MemcgAccount](c)
			}
			return 0
		})
		if strings.HasSuffix(what, "0") {
			ensure(0)
			ensure(limit)
			return
		}
		missing = false
		ensure(limit)
		limits, _ := os.ReadFile("/proc/self/limits")
		fmt.Printf("before\n%s", limits)
		missing = true
		ensure(limit)
		limits, _ = os.ReadFile("/proc/self/limits")
		fmt.Printf("after\n%s", limits)
		ensure(limit / 2)
		limits, _ = os.ReadFile("/proc/self/limits")
		fmt.Printf("again\n%s", limits)
	default:
		t.Fatalf("what is %q?", what)
	}
}

// TestProgCaps uses the kernel as oracle. With exactly the capabilities that ProgCaps returns, a
// program type is not refused for lack of privilege; without any one of them it is.
func TestProgCaps(t *testing.T) {
	refused := func(caps string) (list, known [uapi.ProgNetfilter + 1]bool) {
		seen := 0
		for line := range strings.Lines(with(t, caps, "load")) {
			var typ int
			var yes, has bool
			if n, _ := fmt.Sscanf(line, "load %d %t %t", &typ, &yes, &has); n == 3 {
				list[typ], known[typ] = yes, has
				seen++
			}
		}
		if seen != int(uapi.ProgNetfilter) {
			t.Fatalf("%d types were tried", seen)
		}
		return list, known
	}
	all := []Capability{CapBPF, CapPerfmon, CapNetAdmin}
	names := func(caps []Capability) string {
		var s []string
		for _, c := range caps {
			s = append(s, strings.ToLower(strings.TrimPrefix(c.String(), "CAP_")))
		}
		return strings.Join(s, ",")
	}
	full, known := refused(names(append([]Capability{CapSysAdmin}, all...)))
	none, _ := refused("")
	for mask := range 1 << len(all) {
		var caps []Capability
		for i, c := range all {
			if mask&(1<<i) != 0 {
				caps = append(caps, c)
			}
		}
		got, _ := refused(names(caps))
		have := Privileges{Split: true}
		for _, c := range caps {
			have.Effective |= 1 << c
		}
		for typ := uapi.ProgType(1); typ <= uapi.ProgNetfilter; typ++ {
			if full[typ] || !known[typ] || !none[typ] {
				continue // unknown to this kernel, or not a matter of privilege on this machine
			}
			if want := len(have.Missing(ProgCaps(typ)...)) > 0; got[typ] != want {
				t.Errorf("%v with %v: refused %v; ProgCaps says %v", typ, caps, got[typ],
					ProgCaps(typ))
			}
		}
	}
}

func TestRequire(t *testing.T) {
	out := with(t, "bpf", "require")
	if !strings.Contains(out,
		"require true loading XDP programs needs CAP_NET_ADMIN, which this process lacks: run it with sudo, or allow this program once with: sudo setcap cap_net_admin+ep /") ||
		!strings.Contains(out, "effective 8000000000 <nil>") {
		t.Errorf("%s", out)
	}
	if out := with(t, "", "require"); !strings.Contains(out,
		"needs CAP_BPF and CAP_NET_ADMIN, which") ||
		!strings.Contains(out, "setcap cap_bpf,cap_net_admin+ep") {
		t.Errorf("%s", out)
	}
	if out := with(t, "sys_admin", "require"); !strings.Contains(out, "require false <nil>") {
		t.Errorf("%s", out)
	}
}

func TestProbesWithoutPrivileges(t *testing.T) {
	out := with(t, "", "has")
	if !strings.Contains(out,
		"has false could not determine whether the kernel has BTF: operation not permitted (probing needs CAP_BPF and CAP_PERFMON, which") {
		t.Errorf("%s", out)
	}
	if !strings.Contains(out,
		"modules <nil>, [list of module BTF: operation not permitted (listing the BTF of modules needs CAP_SYS_ADMIN, which") {
		t.Errorf("%s", out)
	}
}

// The texts of /proc are those of kernels before 5.8 and of a container's user namespace.
func TestPrivilegesElsewhere(t *testing.T) {
	status := func(eff string) string {
		return "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t" + eff + "\n"
	}
	files := map[string]string{
		"proc/self/status": status("0000003fffffffff"), "proc/sys/kernel/cap_last_cap": "37\n",
		"proc/sys/kernel/unprivileged_bpf_disabled": "0\n",
		"proc/self/uid_map":                         "         0          0 4294967295\n",
	}
	p, err := fakeRoot(t, files).Privileges()
	if err != nil || p.Split || p.UserNS || p.Unprivileged != 0 || !p.Has(CapBPF) ||
		!p.Has(CapPerfmon) || len(p.Missing(CapBPF, CapNetAdmin)) != 0 {
		t.Errorf("root before 5.8: %+v, %v", p, err)
	}
	files["proc/self/status"] = status("0000000000001000")
	p, err = fakeRoot(t, files).Privileges()
	if err != nil || fmt.Sprint(p.Missing(CapBPF, CapPerfmon, CapNetAdmin)) != "[CAP_SYS_ADMIN]" {
		t.Errorf("CAP_NET_ADMIN before 5.8: %+v, %v", p, err)
	}
	files["proc/self/status"], files["proc/sys/kernel/cap_last_cap"] = status("000001ffffffffff"),
		"40\n"
	files["proc/self/uid_map"] = "         0       1000          1\n"
	f := fakeRoot(t, files)
	p, err = f.Privileges()
	if err != nil || !p.UserNS || p.Has(CapBPF) {
		t.Errorf("root of a user namespace: %+v, %v", p, err)
	}
	if err := f.Require("loading programs", CapBPF); err == nil ||
		!strings.Contains(err.Error(), "user namespace") ||
		!strings.Contains(err.Error(), "CAP_BPF") {
		t.Errorf("%v", err)
	}
	if _, err := fakeRoot(t,
		map[string]string{"proc/self/status": "Name:\tx\n"}).Privileges(); err == nil {
		t.Error("no CapEff, no error")
	}
}

func TestExplain(t *testing.T) {
	f := fakeRoot(t, map[string]string{"proc/self/status": "CapEff:\t0000000000000000\n"})
	if err := f.Explain(syscall.EINVAL, "x", CapBPF); err != syscall.EINVAL {
		t.Error(err)
	}
	err := f.Explain(syscall.EPERM, "creating maps", CapBPF)
	var why *PrivilegeError
	if !errors.Is(err, syscall.EPERM) || !errors.As(err, &why) || why.Missing[0] != CapBPF {
		t.Error(err)
	}
	// Refused with every capability: Explain does not invent a cause.
	f = fakeRoot(t, map[string]string{"proc/self/status": "CapEff:\t000001ffffffffff\n"})
	if err := f.Explain(syscall.EPERM, "creating maps", CapBPF); err != syscall.EPERM {
		t.Error(err)
	}
}

func TestMemlock(t *testing.T) {
	var limit syscall.Rlimit
	const rlimitMemlock = 8
	if err := syscall.Getrlimit(rlimitMemlock, &limit); err != nil {
		t.Fatal(err)
	}
	value := min(limit.Max, 1<<30) &^ 4095
	out := with(t, "bpf,sys_resource,perfmon", "memlock "+strconv.FormatUint(value, 10))
	before, rest, ok1 := strings.Cut(out, "after\n")
	after, again, ok2 := strings.Cut(rest, "again\n")
	if !ok1 || !ok2 || strings.Count(out, "memlock <nil>") != 3 ||
		strings.Count(out, "raised true") != 1 {
		t.Fatalf("%s", out)
	}
	line := func(text string) string {
		for l := range strings.Lines(text) {
			if strings.HasPrefix(l, "Max locked memory") {
				return strings.Join(strings.Fields(l)[3:], " ")
			}
		}
		return ""
	}
	want := strconv.FormatUint(value, 10)
	if line(before) == want+" "+want+" bytes" && limit.Cur != value {
		t.Errorf("raised on a kernel that does not count: %s", line(before))
	}
	if line(after) != want+" "+want+" bytes" {
		t.Errorf("not raised: %s", line(after))
	}
	if line(again) != line(after) {
		t.Errorf("set twice: %s", line(again))
	}
	out = with(t, "bpf,sys_resource,perfmon", "memlock0 "+strconv.FormatUint(value, 10))
	if strings.Count(out, "memlock <nil>") != 2 || strings.Contains(out, "raised true") {
		t.Errorf("raised after a limit of 0: %s", out)
	}
}
