package inspect_test

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestDelegations finds a BPF file system that delegates. The oracle is the kernel: the options are
// those of the mount, as it writes them into /proc.
func TestDelegations(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9")
	dir := t.TempDir() + "/with a space"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const options = "delegate_cmds=map_create:prog_load,delegate_maps=any,delegate_attachs=0x3"
	if err := syscall.Mount("bpf", dir, "bpf", 0, options); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(dir, 0)
	list, err := inspect.Delegations()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(d inspect.Delegation) bool { return d.Path == dir })
	if i < 0 {
		t.Fatalf("%+v", list)
	}
	d := list[i]
	if !slices.Equal(d.Commands, []string{"map_create", "prog_load"}) ||
		!slices.Equal(d.MapTypes, []string{"any"}) || d.ProgTypes != nil ||
		!slices.Equal(d.AttachTypes, []string{"cgroup_inet_ingress", "cgroup_inet_egress"}) {
		t.Errorf("%+v", d)
	}
}
