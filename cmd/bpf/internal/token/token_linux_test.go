package token_test

import (
	"syscall"
	"testing"

	"github.com/purebpf/bpf/cmd/bpf/internal/token"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestToken shows a mount that delegates. The oracle is the kernel, which has the mount's options;
// bpftool 7.1 has no such command.
func TestToken(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9")
	dir := t.TempDir()
	const options = "delegate_cmds=map_create:prog_load,delegate_maps=any"
	if err := syscall.Mount("bpf", dir, "bpf", 0, options); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(dir, 0)
	for _, entry := range zoo.JSON(t, token.Command(), "show").([]any) {
		e := entry.(map[string]any)
		if e["token_info"] == dir {
			if cmds := e["allowed_cmds"].([]any); len(cmds) != 2 || cmds[1] != "prog_load" {
				t.Errorf("%v", e)
			}
			return
		}
	}
	t.Error("the mount is not listed")
}
