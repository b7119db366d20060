package testkit

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// The oracle of the leak check is a leak: this test binary runs itself with a test that leaks and
// one that does not.
func TestMainReportsLeaks(t *testing.T) {
	for name, want := range map[string]bool{"TestChildLeaks": true, "TestChildCloses": false} {
		cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$")
		cmd.Env = append(os.Environ(), "TESTKIT_CHILD=1")
		out, err := cmd.CombinedOutput()
		if leaked := err != nil && strings.Contains(string(out), "leaked fd"); leaked != want {
			t.Errorf("%s: leak reported %v, want %v (%v)\n%s", name, leaked, want, err, out)
		}
	}
}

func TestChildLeaks(t *testing.T) {
	if os.Getenv("TESTKIT_CHILD") == "" {
		return
	}
	r, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	kept = r
}

var kept *os.File

func TestChildCloses(t *testing.T) {
	if os.Getenv("TESTKIT_CHILD") == "" {
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
}

// The oracle is the kernel, which gives every network namespace its own inode number.
func TestNetns(t *testing.T) {
	Root(t)
	id := func() string {
		link, err := os.Readlink("/proc/thread-self/ns/net")
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	var inside string
	t.Run("inside", func(t *testing.T) {
		outside := id()
		Netns(t)
		if inside = id(); inside == outside {
			t.Errorf("still in %s", outside)
		}
		if err := exec.Command(Tool(t, "ip"), "addr", "show", "dev", "lo", "up").Run(); err != nil {
			t.Errorf("ip: %v", err)
		}
	})
	if now := id(); now == inside {
		t.Errorf("left in %s", now)
	}
}

// The oracles are C libbpf itself, and the file system.
func TestOracle(t *testing.T) {
	obj := CorpusObject(t, "tools/opensnoop.bpf.o")
	v := Oracle(t, obj, obj)
	if len(v) != 2 || !v[0].OK || v[0].Object != obj || len(v[0].Programs) != 4 ||
		len(v[0].Programs[0].Tag) != 16 {
		t.Errorf("verdict of opensnoop: %+v", v)
	}
	if got := CorpusName(obj); got != "tools/opensnoop.bpf.o" {
		t.Errorf("CorpusName: %q", got)
	}
}

func TestCompile(t *testing.T) {
	path := Compile(t, "int x = 7; char LICENSE[] __attribute__((section(\"license\"), used)) = \"GPL\";\n")
	head, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(head), "\x7fELF\x02\x01") {
		t.Errorf("%v: no little-endian ELF64 object: % x", err, head[:min(len(head), 8)])
	}
}

func TestMounts(t *testing.T) {
	if !isFilesystem(BPFFS(t), 0xcafe4a11) {
		t.Error("BPFFS is not on a BPF file system")
	}
	if _, err := os.Stat(Tracefs(t) + "/available_events"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(Cgroup(t) + "/cgroup.procs"); err != nil {
		t.Error(err)
	}
}
