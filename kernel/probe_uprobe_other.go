//go:build !(linux && amd64)

package kernel

// probeUprobeSyscall: uprobe(2) is x86-64's alone.
func probeUprobeSyscall(*prober) (bool, error) { return false, nil }
