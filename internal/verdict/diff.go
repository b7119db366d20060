package verdict

import "fmt"

// Diff lists in words how got differs from want, nil if it does not. Path and error text are left
// out: they are each loader's own.
func Diff(want, got Object) []string {
	var d differences
	d.compare("stage", want.Stage, got.Stage)
	d.compare("errno", want.Errno, got.Errno)
	d.compare("first failing program", want.Program, got.Program)
	if want.Stage == StageOpen || got.Stage == StageOpen {
		return d
	}
	d.compare("number of programs", len(want.Programs), len(got.Programs))
	for i := range min(len(want.Programs), len(got.Programs)) {
		w, g := want.Programs[i], got.Programs[i]
		where := fmt.Sprintf("program %d %s: ", i, w.Name)
		d.compare(where+"name", w.Name, g.Name)
		d.compare(where+"section", w.Section, g.Section)
		d.compare(where+"type", w.Type, g.Type)
		d.compare(where+"autoload", w.Autoload, g.Autoload)
		d.compare(where+"loaded", w.Loaded, g.Loaded)
		d.compare(where+"tag", w.Tag, g.Tag)
		d.compare(where+"translated bytes", w.Xlated, g.Xlated)
		d.compare(where+"maps", w.Maps, g.Maps)
		d.compare(where+"func_info records", w.FuncInfo, g.FuncInfo)
		d.compare(where+"line_info records", w.LineInfo, g.LineInfo)
	}
	d.compare("number of maps", len(want.Maps), len(got.Maps))
	for i := range min(len(want.Maps), len(got.Maps)) {
		w, g := want.Maps[i], got.Maps[i]
		where := fmt.Sprintf("map %d %s: ", i, w.Name)
		d.compare(where+"name", w.Name, g.Name)
		d.compare(where+"kernel name", w.KernelName, g.KernelName)
		d.compare(where+"type", w.Type, g.Type)
		d.compare(where+"key size", w.Key, g.Key)
		d.compare(where+"value size", w.Value, g.Value)
		d.compare(where+"max_entries", w.Max, g.Max)
		d.compare(where+"flags", w.Flags, g.Flags)
		d.compare(where+"BTF", w.BTF, g.BTF)
	}
	return d
}

type differences []string

func (d *differences) compare(what string, want, got any) {
	if want != got {
		*d = append(*d, fmt.Sprintf("%s is %v, want %v", what, got, want))
	}
}
