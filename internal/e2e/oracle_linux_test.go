package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// oracle runs a tool where it is installed; in test machines without tools the kernel is the only
// oracle and it returns nil.
func oracle(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if os.Getenv("PUREBPF_TOOLS_REQUIRED") != "1" && !installed(name) {
		t.Logf("%s is not installed: not compared with it", name)
		return nil
	}
	return testkit.Run(t, name, args...)
}

func installed(name string) bool {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/sbin",
		"/usr/sbin", "/sbin") {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}
