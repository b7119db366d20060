package e2e

import (
	"github.com/purebpf/bpf"

	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestUnprivileged loads as a user without capabilities: the error must name the missing one,
// whatever the object needs, and also if it loads no program: a struct_ops object without programs
// must not fail with an error about a kernel without BTF. It runs this test binary again as nobody.
func TestUnprivileged(t *testing.T) {
	testkit.Root(t)
	dir, err := os.MkdirTemp("", "unprivileged")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "test")
	objects := []string{"attach.bpf.o", "structops.bpf.o"}
	files := map[string]string{os.Args[0]: binary}
	for _, name := range objects {
		files["../../testdata/"+name] = filepath.Join(dir, name)
	}
	for from, to := range files {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range objects {
		for _, off := range []string{"", "off"} {
			cmd := exec.Command(binary, "-test.run=^TestUnprivilegedChild$", "-test.v")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PUREBPF_UNPRIVILEGED="+filepath.Join(dir, name),
				"PUREBPF_AUTOLOAD="+off)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534,
				Gid: 65534}}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s %s: %v\n%s", name, off, err, out)
				continue
			}
			_, text, found := strings.Cut(string(out), "ERROR: ")
			text, _, _ = strings.Cut(text, "\n")
			object := strings.TrimSuffix(name, ".bpf.o")
			if !found || !strings.Contains(text, "CAP_BPF") ||
				!strings.Contains(text, "operation not permitted") ||
				!strings.Contains(text, object+": ") {
				t.Errorf("%s %s: %s\n%s", name, off, text, out)
			}
		}
	}
}

// TestUnprivilegedChild is the part of TestUnprivileged that runs as nobody.
func TestUnprivilegedChild(t *testing.T) {
	path := os.Getenv("PUREBPF_UNPRIVILEGED")
	if path == "" {
		testkit.Skip(t, "part of TestUnprivileged, which runs it")
	}
	o, err := bpf.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("PUREBPF_AUTOLOAD") == "off" {
		only(o)
		for _, m := range o.Maps {
			m.Autocreate = false
		}
	}
	obj, err := bpf.Load(o, nil)
	if err == nil {
		obj.Close()
		t.Fatal("it loads without privileges")
	}
	fmt.Println("ERROR: " + err.Error())
}
