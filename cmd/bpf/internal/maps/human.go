package maps

import (
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/mapview"
	"github.com/purebpf/bpf/uapi"
)

const humanName = "human"

func humanFlag(f *pflag.FlagSet) {
	f.Bool(humanName, false,
		"print a table, and counts by powers of two as histograms, with addresses as such")
}

// human reports whether elements are printed for people.
func human(r *tool.Run) bool {
	f := r.Cmd.Flags().Lookup(humanName)
	return f != nil && f.Value.String() == "true" && r.JSON == nil
}

// mostHuman is the number of elements that a table has at most.
const mostHuman = 10_000

func dumpHuman(r *tool.Run, m *bpf.Map) error {
	t, err := describe(r, m)
	if err != nil {
		return err
	}
	if err := t.dumpable(); err != nil {
		return err
	}
	var list [][2][]byte
	it := m.Iterate()
	cut := false
	for key, val := range it.All() {
		if cut = len(list) == mostHuman; cut {
			break
		}
		list = append(list, [2][]byte{slices.Clone(key), slices.Clone(val)})
	}
	if err := it.Err(); err != nil && !cut {
		return err
	}
	return showHuman(r, t, list, cut)
}

// showHuman prints elements as a table or as histograms.
func showHuman(r *tool.Run, t *target, list [][2][]byte, cut bool) error {
	v := mapview.New(mapview.Map{
		Name: t.Name(), Type: t.Type().String(), MaxEntries: t.MaxEntries(), Spec: t.spec,
		Key: t.key, Value: t.value, KeySize: t.KeySize(), ValueSize: t.ValueSize(),
		Array: t.Type() == uapi.MapArray || t.Type() == uapi.MapPerCPUArray,
	}, mapview.Names{})
	sample := mapview.Sample{Count: len(list), Cut: cut, Time: time.Now()}
	n, stride := t.cpus()
	for _, e := range list {
		one := mapview.Element{Key: e[0]}
		for cpu := range n {
			one.Values = append(one.Values, e[1][cpu*stride:][:t.ValueSize()])
		}
		sample.Elements = append(sample.Elements, one)
	}
	v.Update(sample)
	for _, line := range v.Lines(mapview.Format{Exact: true}) {
		for _, span := range line {
			r.Printf("%s", span.Text)
		}
		r.Printf("\n")
	}
	return nil
}
