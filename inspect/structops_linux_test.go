package inspect_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/testkit"
)

// congestion is /proc's list of TCP congestion controls.
func congestion(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	if err != nil {
		testkit.Skip(t, "no TCP: %v", err)
	}
	return strings.Fields(string(text))
}

// TestUnregisterStructOps: maps that are no leftovers stay as they are. The oracle is the kernel's
// list of congestion controls.
func TestUnregisterStructOps(t *testing.T) {
	testkit.Kernel(t, "6.4")
	testkit.VmlinuxBTF(t)
	congestion(t)
	o, err := bpf.Open("../testdata/structops.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	mapID := func(name string) uint32 {
		info, err := obj.Map(name).Info()
		if err != nil {
			t.Fatal(err)
		}
		return info.ID
	}
	link, err := obj.Map("linked").AttachStructOps()
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	info, err := link.Info()
	if err != nil {
		t.Fatal(err)
	}
	want := inspect.RegisteredStructOps{
		MapID: mapID("linked"), Name: "linked", Type: "tcp_congestion_ops", LinkID: info.ID,
	}
	if list, err := inspect.StructOps(); err != nil || !slices.Contains(list, want) {
		t.Errorf("%+v %v, want %+v", list, err, want)
	}
	for name, c := range map[string]struct {
		is   error
		text string
	}{
		"linked": {bpf.ErrNotSupported, fmt.Sprintf("by link %d", want.LinkID)},
		"plain":  {bpf.ErrNotExist, "not registered"},
		".bss":   {syscall.EINVAL, "type array"},
	} {
		err := inspect.UnregisterStructOps(mapID(name))
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v and %q", name, err, c.is, c.text)
		}
	}
	if !slices.Contains(congestion(t), "purebpf_link") {
		t.Error("it was unregistered")
	}
}
