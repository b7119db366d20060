package bpf

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestUnprivileged loads and attaches as a user without capabilities: the error must say which one is missing. It runs this test binary
// again as nobody.
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
	binary, object := filepath.Join(dir, "test"), filepath.Join(dir, "attach.bpf.o")
	for from, to := range map[string]string{os.Args[0]: binary, "testdata/attach.bpf.o": object} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(binary, "-test.run=^TestUnprivilegedChild$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PUREBPF_UNPRIVILEGED="+object)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, text, found := strings.Cut(string(out), "ERROR: ")
	text, _, _ = strings.Cut(text, "\n")
	if !found || !strings.Contains(text, "CAP_BPF") || !strings.Contains(text, "operation not permitted") || !strings.Contains(text, "attach: ") {
		t.Errorf("%s\n%s", text, out)
	}
}

// TestUnprivilegedChild is the part of TestUnprivileged that runs as nobody.
func TestUnprivilegedChild(t *testing.T) {
	path := os.Getenv("PUREBPF_UNPRIVILEGED")
	if path == "" {
		testkit.Skip(t, "part of TestUnprivileged, which runs it")
	}
	o, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := Load(o, nil)
	if err == nil {
		obj.Close()
		t.Fatal("it loads without privileges")
	}
	fmt.Println("ERROR: " + err.Error())
}
