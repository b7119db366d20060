package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestColdBuild: the first command of README works in a checkout, with nothing in Go's caches but
// the modules that go.sum names, which come from the files of the module cache. Oracle: go.
func TestColdBuild(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "go")
	if testkit.Sample(t, "builds with empty caches", 1, 0) == 0 {
		return
	}
	testkit.Netns(t)
	modules := strings.TrimSpace(string(testkit.Run(t, "go", "env", "GOMODCACHE")))
	cmd := exec.Command("go", "run", "./cmd/bpf", "run", "--for", "100ms")
	cmd.Dir = "../.."
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GO") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	// -modcacherw: the test can remove its files.
	cmd.Env = append(cmd.Env, "GOPATH="+t.TempDir(), "GOCACHE="+t.TempDir(), "GOTOOLCHAIN=local",
		"GOFLAGS=-modcacherw", "GOPROXY=file://"+modules+"/cache/download", "GOSUMDB=off")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "attached count_packets to lo") {
		t.Errorf("%q: %v\n%s", cmd.Args, err, out)
	}
	t.Logf("it took %v of CPU time", cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
}
