package kernel

import (
	"os"
	"slices"
	"strings"
)

// RunsLSM reports whether the security module with that name, such as "bpf", is active; it returns
// true if that is not known.
func (f *Facts) RunsLSM(name string) bool {
	text, err := os.ReadFile(f.shared.root + "/sys/kernel/security/lsm")
	if err != nil {
		return true
	}
	return slices.Contains(strings.Split(strings.TrimSpace(string(text)), ","), name)
}
