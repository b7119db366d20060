//go:build !(linux && amd64)

package kernel

// probeUprobeSyscall returns false: only x86-64 has uprobe(2).
func probeUprobeSyscall(*prober) (bool, error) { return false, nil }
