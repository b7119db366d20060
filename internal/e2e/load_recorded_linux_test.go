package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// recordings returns recorded kernels of other machines: their CPUs, pages and features are not
// those of the machine that executes the plan.
func recordings(t *testing.T) map[string]*facts.Recorded {
	t.Helper()
	running := kernel.Running()
	list := map[string]*facts.Recorded{}
	for _, cpus := range []int{1, 4096} {
		for _, page := range []int{512, 4096, 64 << 10} {
			for _, answer := range []facts.Answer{facts.Yes, facts.No} {
				r := facts.Recording{Version: running.Version(), CPUs: cpus, PageSize: page}
				for f := range r.Features { // the features that the object itself needs stay
					has, err := running.Has(facts.Feature(f))
					if r.Features[f] = facts.No; has && err == nil {
						r.Features[f] = facts.Yes
					}
				}
				for _, f := range []facts.Feature{
					facts.ArrayMmap, facts.CommonAttrs, facts.PerfLink, facts.BPFCookie,
					facts.MemcgAccount,
				} {
					if answer == facts.No || r.Features[f] == facts.Yes {
						r.Features[f] = answer
					}
				}
				name := fmt.Sprintf("%d CPUs, pages of %d, features %v", cpus, page, answer)
				list[name] = facts.NewRecorded(r)
			}
		}
	}
	return list
}

// perCPUDump returns bpftool's dump of a per-CPU map: the bytes of each key's values, by CPU.
func perCPUDump(t *testing.T, m *bpf.Map) map[string][][]byte {
	t.Helper()
	var raw json.RawMessage
	bpftool(t, &raw, "map", "dump", "id", fmt.Sprint(mapID(t, m)))
	var dump []struct {
		Key    []string
		Values []struct {
			CPU   int
			Value []string
		}
	}
	if err := json.Unmarshal(raw, &dump); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	fromHex := func(words []string) []byte {
		var b []byte
		for _, w := range words {
			n, err := strconv.ParseUint(strings.TrimPrefix(w, "0x"), 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			b = append(b, byte(n))
		}
		return b
	}
	list := map[string][][]byte{}
	for _, e := range dump {
		for i, v := range e.Values {
			if v.CPU != i {
				t.Fatalf("CPU %d at index %d", v.CPU, i)
			}
			list[string(fromHex(e.Key))] = append(list[string(fromHex(e.Key))], fromHex(v.Value))
		}
	}
	return list
}

// TestLoadRecorded loads an object that was resolved for other machines. Executing the plan queries
// the running kernel: nothing is written beyond the caller's slices, and all values arrive. The
// oracles are bpftool, which dumps the maps, and the kernel's own number of CPUs
// (/sys/devices/system/cpu/possible).
func TestLoadRecorded(t *testing.T) {
	testkit.Root(t)
	cpus, err := kernel.Running().PossibleCPUs()
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			o := only(open(t, "maps"), "count", "callee")
			o.Maps = append(o.Maps,
				&object.Map{Name: "events", KernelName: "events", Index: len(o.Maps),
					Type: uapi.MapPerfEventArray, KeySize: 4, ValueSize: 4, Autocreate: true},
				&object.Map{Name: "ring", KernelName: "ring", Index: len(o.Maps) + 1,
					Type:       uapi.MapRingBuf,
					MaxEntries: 600, Autocreate: true})
			obj := load(t, o, &bpf.LoadOptions{SkipPins: true, Kernel: k})
			for _, size := range []struct {
				name   string
				stride int
			}{{"percpu", 8}, {"percpu_odd", 16}} {
				m := obj.Map(size.name)
				perCPUValues(t, m, cpus, size.stride)
				again, err := bpf.MapFromID(mapID(t, m), 0)
				if err != nil {
					t.Fatal(err)
				}
				if again.ValueLen() != m.ValueLen() {
					t.Errorf("%s: values of %d bytes, opened by id %d",
						size.name, m.ValueLen(), again.ValueLen())
				}
				again.Close()
			}
			info, m := mapInfo(t, obj, "events"), obj.Map("events")
			if int(info.MaxEntries) != cpus || m.MaxEntries() != info.MaxEntries {
				t.Errorf("the perf event array has %d entries, there are %d CPUs",
					info.MaxEntries, cpus)
			}
			info, m = mapInfo(t, obj, "ring"), obj.Map("ring")
			if int(info.MaxEntries)%os.Getpagesize() != 0 || m.MaxEntries() != info.MaxEntries {
				t.Errorf("the ring buffer has %d bytes", info.MaxEntries)
			}
			if m := obj.Map(".bss"); len(m.Memory())%os.Getpagesize() != 0 {
				t.Errorf("%d bytes of .bss are mapped", len(m.Memory()))
			}
			var calls uint64
			if err := obj.Variable("calls").Get(&calls); err != nil || calls != 0 {
				t.Error(calls, err)
			}
		})
	}
}

// perCPUValues writes and reads a per-CPU map in all ways and compares with bpftool's dump.
func perCPUValues(t *testing.T, m *bpf.Map, cpus, stride int) {
	t.Helper()
	const canary = 0xa5
	key := binary.NativeEndian.AppendUint32(nil, 1)
	room := bytes.Repeat([]byte{canary}, m.ValueLen()+4096)
	written := room[:m.ValueLen()]
	for cpu := range cpus {
		for i := range stride {
			if at := cpu*stride + i; at < len(written) {
				written[at] = byte(16*cpu + i + 1)
			}
		}
	}
	if err := m.Update(key, written, 0); err != nil {
		t.Fatal(err)
	}
	want := perCPUDump(t, m)[string(key)]
	if len(want) != cpus || len(written) != cpus*stride {
		t.Fatalf("%v: bpftool shows %d values of %d CPUs, values are %d bytes",
			m, len(want), cpus, len(written))
	}
	check := func(what string, value []byte) {
		t.Helper()
		for cpu, v := range want {
			if got := value[cpu*stride:][:m.ValueSize()]; !bytes.Equal(got, v) ||
				got[0] != byte(16*cpu+1) {
				t.Errorf("%v: %s: CPU %d has %x, bpftool shows %x", m, what, cpu, got, v)
			}
		}
	}
	got := bytes.Repeat([]byte{canary}, m.ValueLen()+4096)
	if err := m.Lookup(key, got[:m.ValueLen()]); err != nil {
		t.Fatal(err)
	}
	check("Lookup", got)
	if rest := got[m.ValueLen():]; !bytes.Equal(rest, bytes.Repeat([]byte{canary}, len(rest))) {
		t.Errorf("%v: Lookup wrote behind the slice", m)
	}
	seen := 0
	it := m.Iterate()
	for k, v := range it.All() {
		if bytes.Equal(k, key) {
			seen++
			check("Iterate", v)
		}
	}
	if it.Err() != nil || seen != 1 {
		t.Errorf("%v: seen %d times, %v", m, seen, it.Err())
	}
	if m.ValueSize() != 8 {
		return
	}
	typed, err := bpf.PerCPUMapOf[uint32, uint64](m)
	if err != nil {
		t.Fatal(err)
	}
	values, err := typed.Lookup(1, nil)
	if err != nil || len(values) != cpus {
		t.Fatalf("%d values, %v", len(values), err)
	}
	for cpu, n := range values {
		if !bytes.Equal(binary.NativeEndian.AppendUint64(nil, n), want[cpu]) {
			t.Errorf("CPU %d: %#x, bpftool shows %x", cpu, n, want[cpu])
		}
	}
}

// TestAttachRecorded attaches a program of an object that was resolved for a kernel without links
// to perf events. Attaching queries the running kernel. The oracle is bpftool, which shows the
// link.
func TestAttachRecorded(t *testing.T) {
	uprobes(t)
	running := kernel.Running()
	if has, err := running.Has(facts.PerfLink); err != nil || !has {
		testkit.Skip(t, "this kernel has no links to perf events: %v", err)
	}
	old := facts.Recording{Version: kernel.VersionCode(5, 14, 0), CPUs: 1}
	old.Features = facts.Upstream(old.Version)
	v := startVictim(t, target(t))
	obj := load(t, only(open(t, "uprobe"), "entry"),
		&bpf.LoadOptions{Kernel: facts.NewRecorded(old)})
	if err := obj.Variable("only_pid").Set(uint32(v.pid)); err != nil {
		t.Fatal(err)
	}
	how := &bpf.UprobeOptions{Mode: bpf.ProbeLink, Cookie: 5}
	link, err := obj.Program("entry").AttachUprobe(v.path, "add_numbers", how)
	if err != nil {
		t.Fatal(err)
	}
	defer closeLink(t, link)
	info, err := link.Info()
	if err != nil {
		t.Fatal(err)
	}
	if typ := bpftoolLink(t, info.ID)["type"]; typ != "perf_event" {
		t.Errorf("bpftool shows a link of type %v", typ)
	}
	v.run(t, 1)
	if h := userHitOf(t, obj, "entry"); h.Count != 2 || h.Cookie != 5 {
		t.Errorf("%+v", *h)
	}
}
