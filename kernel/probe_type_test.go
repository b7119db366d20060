//go:build linux

package kernel

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TestAgainstLibbpf compares every probe with C libbpf's on this kernel. Where libbpf says no
// because something went wrong (EPERM), this package returns an error.
func TestAgainstLibbpf(t *testing.T) {
	testkit.Root(t)
	out, err := exec.Command(testkit.LibbpfProgram(t, "testdata/probe.c")).Output()
	if err != nil {
		t.Fatal(err)
	}
	f := Running()
	compared := map[string]int{}
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(line, " ")
		compared[word]++
		var number, result int
		var name string
		switch word {
		case "feature":
			if _, err := fmt.Sscanf(line, "feature %s %d", &name, &result); err != nil {
				t.Fatal(err)
			}
			feature, ok := facts.FeatureNamed(name)
			if !ok {
				t.Errorf("no feature %s", name)
			}
			if got, err := f.Has(feature); err != nil || got != (result == 1) {
				t.Errorf("%s: %v, %v; libbpf: %d", name, got, err, result)
			}
		case "prog":
			if _, err := fmt.Sscanf(line, "prog %d %d", &number, &result); err != nil {
				t.Fatal(err)
			}
			got, err := f.HasProgType(uapi.ProgType(number))
			if err != nil && !(errors.Is(err, syscall.EPERM) && result == 0) ||
				got != (result == 1) {
				t.Errorf("%v: %v, %v; libbpf: %d", uapi.ProgType(number), got, err, result)
			}
		case "map":
			if _, err := fmt.Sscanf(line, "map %d %d", &number, &result); err != nil {
				t.Fatal(err)
			}
			if uapi.MapType(number) == uapi.MapStructOps && f.Version() < VersionCode(6, 9, 0) {
				// libbpf sets value_type_btf_obj_fd, which came with 6.9, and treats the E2BIG of
				// older kernels as a no. That is wrong: they have had struct_ops since 5.6.
				if result != 0 {
					t.Errorf("libbpf's probe of struct_ops returns %d: remove this exception",
						result)
				}
				result = 1
			}
			if got, err := f.HasMapType(uapi.MapType(number)); err != nil || got != (result == 1) {
				t.Errorf("%v: %v, %v; libbpf: %d", uapi.MapType(number), got, err, result)
			}
		case "version":
			if want := fmt.Sprintf("version %d\n", f.Version()); line != want {
				t.Errorf("%q, libbpf: %q", want, line)
			}
		case "cpus":
			if n, err := f.PossibleCPUs(); err != nil || line != fmt.Sprintf("cpus %d\n", n) {
				t.Errorf("%d CPUs, libbpf: %q", n, line)
			}
		}
	}
	if compared["feature"] < 22 || compared["prog"] != 32 || compared["map"] != 33 ||
		compared["version"]+compared["cpus"] != 2 {
		t.Errorf("compared: %v", compared)
	}
}

// TestHelpers uses as oracle the kernel's own table of helpers for each program type
// (bpf-helpers(7)); libbpf 1.5 cannot tell on kernels since 6.12, whose message it does not know.
func TestHelpers(t *testing.T) {
	testkit.Root(t)
	f := Running()
	for _, c := range []struct {
		t    uapi.ProgType
		id   uint32
		want bool
	}{
		{uapi.ProgSocketFilter, 1, true},    // map_lookup_elem
		{uapi.ProgSocketFilter, 27, false},  // get_stackid is not for sockets
		{uapi.ProgKprobe, 27, true},         // but for tracing
		{uapi.ProgXDP, 44, true},            // xdp_adjust_head
		{uapi.ProgKprobe, 44, false},        //
		{uapi.ProgSchedCls, 51, true},       // redirect_map is only for XDP
		{uapi.ProgXDP, 51, true},            //
		{uapi.ProgTracepoint, 174, true},    // get_attach_cookie
		{uapi.ProgXDP, 174, false},          //
		{uapi.ProgXDP, 60000, false},        // no such helper
		{uapi.ProgSocketFilter, 5, true},    // ktime_get_ns
		{uapi.ProgCgroupSKB, 10, false},     // l3_csum_replace
		{uapi.ProgSchedCls, 10, true},       //
		{uapi.ProgSyscall, 166, true},       // sys_bpf
		{uapi.ProgPerfEvent, 56, true},      // perf_prog_read_value
		{uapi.ProgRawTracepoint, 56, false}, //
	} {
		if c.id == 51 && c.t == uapi.ProgSchedCls {
			c.want = false
		}
		if got, err := f.HasHelper(c.t, c.id); err != nil || got != c.want {
			t.Errorf("%v may call %d: %v, %v", c.t, c.id, got, err)
		}
	}
	for _, typ := range []uapi.ProgType{uapi.ProgTracing, uapi.ProgExt, uapi.ProgLSM,
		uapi.ProgStructOps, uapi.ProgUnspec, 1000} {
		if _, err := f.HasHelper(typ, 1); !errors.Is(err, syscall.EOPNOTSUPP) {
			t.Errorf("%v: %v", typ, err)
		}
	}
	if _, err := f.HasProgType(1000); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Error(err)
	}
	if _, err := f.HasMapType(1000); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Error(err)
	}
}

// TestTypeAnswers simulates the answers of kernels with and without a type. The errnos and texts
// are the kernel's (libbpf-behaviour 13).
func TestTypeAnswers(t *testing.T) {
	testkit.Root(t)
	refuse := func(e syscall.Errno, log string) func(c call) syscall.Errno {
		return func(c call) syscall.Errno {
			if c.Cmd == uapi.CmdProgLoad {
				c.WriteLog(log)
				return e
			}
			if c.Cmd == uapi.CmdMapCreate {
				return e
			}
			return 0
		}
	}
	for _, c := range []struct {
		t     uapi.ProgType
		errno syscall.Errno
		log   string
		want  bool
		open  bool
	}{
		{uapi.ProgTracing, syscall.EINVAL, "attach_btf_id 1 is not a function\n", true, false},
		{uapi.ProgTracing, syscall.EINVAL, "", false, false},
		{uapi.ProgTracing, syscall.EPERM, "", false, true},
		{uapi.ProgLSM, syscall.EINVAL, "attach_btf_id 1 is not a function\n", true, false},
		{uapi.ProgExt, syscall.EINVAL, "Cannot replace kernel functions\n", true, false},
		{uapi.ProgExt, syscall.EINVAL, "something\n", false, false},
		{uapi.ProgStructOps, sys.ENOTSUPP, "", true, false},
		{uapi.ProgStructOps, syscall.EINVAL, "", false, false},
		{uapi.ProgXDP, syscall.EINVAL, "", false, false},
		{uapi.ProgXDP, syscall.EMFILE, "", false, true},
	} {
		install(t, refuse(c.errno, c.log))
		got, err := Running().HasProgType(c.t)
		if got != c.want || (err != nil) != c.open {
			t.Errorf("%v, %v %q: %v, %v", c.t, c.errno, c.log, got, err)
		}
	}
	for _, c := range []struct {
		log   string
		errno syscall.Errno
		want  bool
		open  bool
	}{
		{"invalid func unknown#9999\n", syscall.EINVAL, false, false},
		{"unknown func bpf_x#99\n", syscall.EINVAL, false, false},
		{"program of this type cannot use helper bpf_x#99\n", syscall.EINVAL, false, false},
		{"R1 type=ctx expected=fp\n", syscall.EACCES, true, false},
		{"", syscall.EINVAL, false, false},
		{"", syscall.EPERM, false, true},
	} {
		install(t, refuse(c.errno, c.log))
		got, err := Running().HasHelper(uapi.ProgXDP, 99)
		if got != c.want || (err != nil) != c.open {
			t.Errorf("%q: %v, %v", c.log, got, err)
		}
	}
	install(t, refuse(sys.ENOTSUPP, ""))
	if got, err := Running().HasMapType(uapi.MapStructOps); !got || err != nil {
		t.Errorf("struct_ops map: %v, %v", got, err)
	}
	install(t, refuse(syscall.EPERM, ""))
	if _, err := Running().HasMapType(uapi.MapHash); !errors.Is(err, syscall.EPERM) ||
		!strings.Contains(err.Error(), "map type hash") {
		t.Errorf("%v", err)
	}
}
