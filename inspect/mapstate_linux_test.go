package inspect_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// TestMapState reads the memory of a map and whether it is frozen. The oracle is bpftool.
func TestMapState(t *testing.T) {
	testkit.Root(t)
	m, err := bpf.CreateMap(&object.Map{
		Name: "state", Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 100,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	info, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	for _, frozen := range []bool{false, true} {
		if frozen {
			if err := m.Freeze(); err != nil {
				t.Fatal(err)
			}
		}
		var want struct {
			Memory uint64 `json:"bytes_memlock"`
			Frozen int
		}
		out := testkit.Run(t, "bpftool", "-j", "map", "show", "id",
			strconv.FormatUint(uint64(info.ID), 10))
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got, err := inspect.MapStateOf(m)
		if err != nil || got.Frozen != frozen || want.Frozen != 0 != frozen ||
			got.Memory != want.Memory || got.Memory == 0 {
			t.Errorf("%+v %v, bpftool says %+v", got, err, want)
		}
	}
}
