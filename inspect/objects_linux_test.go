package inspect_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestObjects walks through the kernel's programs, maps and BTF. The oracle is bpftool, which knows
// the names of ours.
func TestObjects(t *testing.T) {
	testkit.VmlinuxBTF(t)
	p := subprograms(t)
	id := bpftest.ProgramID(t, p)
	var shown struct {
		Name   string
		MapIDs []uint32 `json:"map_ids"`
		BTFID  uint32   `json:"btf_id"`
	}
	if err := json.Unmarshal(testkit.Run(t, "bpftool", "-j", "prog", "show", "id",
		strconv.Itoa(int(id))), &shown); err != nil {
		t.Fatal(err)
	}
	programs, maps, objects := 0, map[uint32]bool{}, map[uint32]bool{}
	for q, err := range inspect.Programs() {
		if err != nil {
			t.Fatal(err)
		}
		if i, err := q.Info(); err == nil && i.ID == id {
			programs++
			if !strings.HasPrefix(shown.Name, q.Name()) || q.Name() == "" {
				t.Errorf("program %q, bpftool: %q", q.Name(), shown.Name)
			}
		}
	}
	for m, err := range inspect.Maps() {
		if err != nil {
			t.Fatal(err)
		}
		if i, err := m.Info(); err == nil {
			maps[i.ID] = true
		}
	}
	vmlinux := false
	for b, err := range inspect.BTFObjects() {
		if err != nil {
			t.Fatal(err)
		}
		objects[b.ID] = b.FD() >= 0 && b.Size > 0
		vmlinux = vmlinux || b.Name == "vmlinux" && b.Kernel
	}
	if programs != 1 || !objects[shown.BTFID] || !vmlinux {
		t.Errorf("%d programs of id %d, BTF %d: %v, of the kernel: %v", programs, id, shown.BTFID,
			objects[shown.BTFID], vmlinux)
	}
	for _, m := range shown.MapIDs {
		if !maps[m] {
			t.Errorf("map %d isn't listed", m)
		}
	}
	for q, err := range inspect.Programs() { // a loop that is left closes the program
		if err != nil || q.Err() != nil {
			t.Error(err)
		}
		break
	}
	err := testkit.WithCapabilities(t, nil, func() error {
		for _, err := range inspect.Maps() {
			return err
		}
		return nil
	})
	if e, ok := err.(*bpf.Error); !ok || e.Hint == "" {
		t.Errorf("without privileges: %v", err)
	}
}
