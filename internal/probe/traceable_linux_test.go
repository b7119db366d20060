package probe

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

type bpftoolType struct {
	ID     uint32
	Kind   string
	Name   string
	TypeID uint32 `json:"type_id"`
	RetID  uint32 `json:"ret_type_id"`
	Size   uint32
	Params []struct {
		Name   string
		TypeID uint32 `json:"type_id"`
	}
}

// bpftoolTypes returns the types of the kernel, by id, according to bpftool.
func bpftoolTypes(t testing.TB) []bpftoolType {
	t.Helper()
	var dump struct{ Types []bpftoolType }
	if err := json.Unmarshal(testkit.Run(t, "bpftool", "-j", "btf", "dump", "file",
		"/sys/kernel/btf/vmlinux"), &dump); err != nil {
		t.Fatal(err)
	}
	byID := make([]bpftoolType, len(dump.Types)+1)
	for _, typ := range dump.Types {
		byID[typ.ID] = typ
	}
	return byID
}

// traceable returns the ids of functions with that prefix whose arguments and result a trampoline
// supports.
func traceable(byID []bpftoolType, prefix string) (ids []btf.ID, functions int) {
	bare := func(id uint32) bpftoolType {
		for slices.Contains([]string{"TYPEDEF", "CONST", "VOLATILE", "RESTRICT", "TYPE_TAG"},
			byID[id].Kind) {
			id = byID[id].TypeID
		}
		return byID[id]
	}
	for _, f := range byID {
		if f.Kind != "FUNC" || !strings.HasPrefix(f.Name, prefix) {
			continue
		}
		functions++
		proto := byID[f.TypeID]
		ret := bare(proto.RetID).Kind
		ok := len(proto.Params) <= 12 && ret != "STRUCT" && ret != "UNION"
		for _, param := range proto.Params {
			switch arg := bare(param.TypeID); arg.Kind {
			case "PTR":
			case "INT", "ENUM", "ENUM64", "STRUCT", "UNION":
				ok = ok && arg.Size > 0 && arg.Size <= 16
			default:
				ok = false
			}
		}
		if ok {
			ids = append(ids, btf.ID(f.ID))
		}
	}
	return ids, functions
}

// TestMatchTraceable resolves patterns. The oracle is bpftool.
func TestMatchTraceable(t *testing.T) {
	testkit.VmlinuxBTF(t)
	types := bpftoolTypes(t)
	for _, prefix := range []string{"tcp_", "bpf_", "find_task_by_vpid"} {
		want, functions := traceable(types, prefix)
		got, err := MatchTraceable(kernel.Running(), "", prefix+"*")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d ids, bpftool has %d of %d functions (%v)",
				prefix, len(got), len(want), functions, err)
		}
		t.Logf("%s*: %d of %d functions", prefix, len(got), functions)
	}
	for pattern, want := range map[string]error{
		"no_such_function_*":      fs.ErrNotExist,
		"no_such_module:*":        syscall.EINVAL, // not what the program was loaded for
		"vmlinux:no_such_*":       fs.ErrNotExist,
		"vmlinux:find_task_by_v*": nil,
	} {
		if _, err := MatchTraceable(kernel.Running(), "", pattern); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", pattern, err, want)
		}
	}
	if _, err := MatchTraceable(kernel.Running(), "",
		"find_task_by_vpit"); !errors.Is(err, fs.ErrNotExist) ||
		!strings.Contains(err.Error(), "near: find_task_by_vpid") {
		t.Error(err)
	}
	if _, err := MatchTraceable(kernel.Running(),
		"dummy", "tcp_*"); !errors.Is(err, syscall.EINVAL) {
		t.Error("a program for a module, at functions of the kernel:", err)
	}
	if _, err := MatchTraceable(kernel.Running(), "no_such_module",
		"no_such_module:*"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
