package maps_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/maps"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// theirs runs bpftool map and returns what it prints, whatever its exit status is.
func theirs(t *testing.T, args ...string) string {
	t.Helper()
	testkit.Root(t)
	out, err := exec.Command(testkit.Tool(t, "bpftool"),
		append([]string{"map"}, args...)...).Output()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return string(out)
}

// everyMap has a map of every type that needs nothing else.
var everyMap = []object.Map{
	{Name: "hash", Type: uapi.MapHash, KeySize: 4, ValueSize: 8, MaxEntries: 10},
	{Name: "wide", Type: uapi.MapHash, KeySize: 20, ValueSize: 40, MaxEntries: 10},
	{Name: "middle", Type: uapi.MapHash, KeySize: 12, ValueSize: 16, MaxEntries: 10},
	{Name: "noprealloc", Type: uapi.MapHash, KeySize: 1, ValueSize: 3, MaxEntries: 10,
		Flags: uapi.FNoPrealloc},
	{Name: "array", Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 5},
	{Name: "prog_array", Type: uapi.MapProgArray, KeySize: 4, ValueSize: 4, MaxEntries: 3},
	{Name: "perf", Type: uapi.MapPerfEventArray, KeySize: 4, ValueSize: 4, MaxEntries: 2},
	{Name: "percpu_hash", Type: uapi.MapPerCPUHash, KeySize: 4, ValueSize: 4, MaxEntries: 10},
	{Name: "percpu_array", Type: uapi.MapPerCPUArray, KeySize: 4, ValueSize: 20, MaxEntries: 3},
	{Name: "stacks", Type: uapi.MapStackTrace, KeySize: 4, ValueSize: 80, MaxEntries: 8},
	{Name: "cgroups", Type: uapi.MapCgroupArray, KeySize: 4, ValueSize: 4, MaxEntries: 2},
	{Name: "lru", Type: uapi.MapLRUHash, KeySize: 4, ValueSize: 4, MaxEntries: 10},
	{Name: "lru_percpu", Type: uapi.MapLRUPerCPUHash, KeySize: 4, ValueSize: 8, MaxEntries: 10},
	{Name: "trie", Type: uapi.MapLPMTrie, KeySize: 8, ValueSize: 8, MaxEntries: 10,
		Flags: uapi.FNoPrealloc},
	{Name: "devmap", Type: uapi.MapDevMap, KeySize: 4, ValueSize: 4, MaxEntries: 3},
	{Name: "devmap_hash", Type: uapi.MapDevMapHash, KeySize: 4, ValueSize: 4, MaxEntries: 3},
	{Name: "sockmap", Type: uapi.MapSockMap, KeySize: 4, ValueSize: 8, MaxEntries: 3},
	{Name: "sockhash", Type: uapi.MapSockHash, KeySize: 4, ValueSize: 8, MaxEntries: 3},
	{Name: "cpumap", Type: uapi.MapCPUMap, KeySize: 4, ValueSize: 4, MaxEntries: 2},
	{Name: "xskmap", Type: uapi.MapXSKMap, KeySize: 4, ValueSize: 4, MaxEntries: 2},
	{Name: "cgroup_storage", Type: uapi.MapCgroupStorage, KeySize: 16, ValueSize: 8},
	{Name: "reuseport", Type: uapi.MapReuseportSockArray, KeySize: 4, ValueSize: 8, MaxEntries: 2},
	{Name: "queue", Type: uapi.MapQueue, ValueSize: 4, MaxEntries: 4},
	{Name: "stack", Type: uapi.MapStack, ValueSize: 4, MaxEntries: 4},
	{Name: "ringbuf", Type: uapi.MapRingBuf, MaxEntries: 4096},
	{Name: "user_ringbuf", Type: uapi.MapUserRingBuf, MaxEntries: 4096},
	{Name: "bloom", Type: uapi.MapBloomFilter, ValueSize: 4, MaxEntries: 10},
	{Name: "array_of_maps", Type: uapi.MapArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 3},
	{Name: "hash_of_maps", Type: uapi.MapHashOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 3},
}

// skipLacking skips a test if the kernel lacks a map type, as bpftool says, and fails it otherwise.
func skipLacking(t *testing.T, typ uapi.MapType, err error) {
	t.Helper()
	var features struct {
		Types map[string]bool `json:"map_types"`
	}
	out := testkit.Run(t, "bpftool", "-j", "feature", "probe", "kernel")
	if err := json.Unmarshal(out, &features); err != nil {
		t.Fatal(err)
	}
	if has, known := features.Types["have_"+typ.String()+"_map_type"]; has || !known {
		t.Fatalf("%v: %v", typ, err)
	}
	testkit.Skip(t, "the kernel has no maps of type %v: %v", typ, err)
}

// TestZoo compares what bpf map and bpftool map print of a map of every type, in JSON and plain.
func TestZoo(t *testing.T) {
	testkit.Root(t)
	inner, err := bpf.CreateMap(&object.Map{
		Name: "inner", Type: uapi.MapArray, KeySize: 4, ValueSize: 4, MaxEntries: 1,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	program := bpftest.Load(t, "../../../../testdata/link.bpf.o", "xdp").Program("xdp")
	for i := range everyMap {
		spec := &everyMap[i]
		t.Run(spec.Name, func(t *testing.T) {
			opts := &bpf.MapOptions{}
			if strings.HasSuffix(spec.Name, "_of_maps") {
				opts.Inner = inner
			}
			m, err := bpf.CreateMap(spec, opts)
			if err != nil {
				skipLacking(t, spec.Type, err)
			}
			defer m.Close()
			fill(t, m, inner, program)
			info, err := m.Info()
			if err != nil {
				t.Fatal(err)
			}
			compare(t, spec.Type, strconv.FormatUint(uint64(info.ID), 10))
		})
	}
}

// noOwners finds the processes in bpftool's plain text, which has them where it may load a program.
var noOwners = regexp.MustCompile("(?m)^\tpids .*\n")

var (
	innerKey = regexp.MustCompile(`,\s*"inner_map_id": ?\d+`)
	innerMap = regexp.MustCompile(`inner_map_id: (\d+) \n`)
)

// hasNoKeys reports whether a map's elements can't be listed.
func hasNoKeys(typ uapi.MapType) bool {
	switch typ {
	case uapi.MapQueue, uapi.MapStack, uapi.MapRingBuf, uapi.MapUserRingBuf, uapi.MapBloomFilter:
		return true
	}
	return false
}

func compare(t *testing.T, typ uapi.MapType, id string) {
	for _, args := range [][]string{{"show", "id", id}, {"dump", "id", id}} {
		for _, format := range []string{"", "-j", "-p"} {
			line := args
			if format != "" {
				line = append([]string{format}, args...)
			}
			got, err := zoo.Run(t, maps.Command(), append([]string{"--no-owners"}, line...)...)
			want := theirs(t, line...)
			// It doesn't know the kernel's own errno for what isn't supported.
			want = strings.ReplaceAll(want, "Unknown error 524", "Operation not supported")
			if args[0] == "dump" && strings.HasSuffix(typ.String(), "_of_maps") {
				// Version 7.8 names the inner map as we do, Debian's shows its id as bytes.
				got = innerKey.ReplaceAllString(got, "")
				got = innerMap.ReplaceAllStringFunc(got, func(text string) string {
					id, _ := strconv.ParseUint(innerMap.FindStringSubmatch(text)[1], 10, 32)
					b := binary.NativeEndian.AppendUint32(nil, uint32(id))
					return fmt.Sprintf("value: % x\n", b)
				})
			}
			if args[0] == "dump" && hasNoKeys(typ) {
				// bpftool finds 0 elements, or nothing.
				if !errors.Is(err, bpf.ErrNotSupported) && format == "" ||
					err == nil || !json.Valid([]byte(got)) && format != "" {
					t.Errorf("%q: %v %s", line, err, got)
				}
				continue
			}
			if format != "" {
				same(t, line, got, want)
			} else if want = noOwners.ReplaceAllString(want, ""); got != want {
				t.Errorf("%q: %v\n%s\nbpftool:\n%s", line, err, got, want)
			}
		}
	}
}

func same(t *testing.T, line []string, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Errorf("%q: %v: %s", line, err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Errorf("bpftool %q: %v: %s", line, err, want)
	}
	for _, v := range []any{a, b} {
		if object, ok := v.(map[string]any); ok {
			delete(object, "pids")
		}
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%q:\n%s\nbpftool:\n%s", line, got, want)
	}
}

// fill puts some elements into a map, if its type takes elements from here.
func fill(t *testing.T, m, inner *bpf.Map, program *bpf.Program) {
	t.Helper()
	order := binary.NativeEndian
	for i := range 2 {
		key := make([]byte, m.KeySize())
		if len(key) > 0 {
			key[0] = byte(i)
		}
		val := bytes.Repeat([]byte{byte(i + 1), 0xfe}, m.ValueLen())[:m.ValueLen()]
		switch m.Type() {
		case uapi.MapLPMTrie:
			key = append(order.AppendUint32(nil, 24), 10, 0, byte(i), 0)
		case uapi.MapArrayOfMaps, uapi.MapHashOfMaps:
			val = order.AppendUint32(nil, uint32(inner.FD()))
		case uapi.MapProgArray:
			val = order.AppendUint32(nil, uint32(program.FD()))
		case uapi.MapDevMap, uapi.MapDevMapHash:
			val = order.AppendUint32(nil, 1) // the loopback interface
		case uapi.MapCPUMap:
			val = order.AppendUint32(nil, 64) // packets that fit into the queue
			if i > 0 {
				return
			}
		case uapi.MapPerfEventArray, uapi.MapCgroupArray, uapi.MapSockMap, uapi.MapSockHash,
			uapi.MapXSKMap, uapi.MapReuseportSockArray, uapi.MapStackTrace, uapi.MapRingBuf,
			uapi.MapUserRingBuf, uapi.MapCgroupStorage:
			return
		}
		if err := m.Update(key, val, 0); err != nil {
			t.Error(err)
		}
	}
}
