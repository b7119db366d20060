package userfile

import (
	"fmt"
	"slices"
)

// Symbols returns the functions of a process at addresses: their names, or a file and the offset in
// it where no symbol says the function; "" for addresses that are in no code of a file. The error is
// ESRCH if there is no such process.
func Symbols(pid int, addrs []uint64) ([]string, error) {
	mappings, err := Mappings(pid)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(addrs))
	places := map[string][]int{} // indices of addresses by file
	var files []*Mapping
	offsets := make([]uint64, len(addrs))
	for i, addr := range addrs {
		at := slices.IndexFunc(mappings, func(m Mapping) bool { return m.Start <= addr && addr < m.End })
		if at < 0 {
			continue
		}
		m := &mappings[at]
		offsets[i] = addr - m.Start + m.Offset
		names[i] = fmt.Sprintf("%s+%#x", m.name(), offsets[i])
		if places[m.Path] == nil {
			files = append(files, m)
		}
		places[m.Path] = append(places[m.Path], i)
	}
	for _, m := range files {
		indices := places[m.Path]
		var list []uint64
		for _, i := range indices {
			list = append(list, offsets[i])
		}
		for k, name := range namesIn(pid, m, list) {
			if name != "" {
				names[indices[k]] = name
			}
		}
	}
	return names, nil
}

// namesIn returns the functions of a mapped file at offsets, nothing if it can't be read.
func namesIn(pid int, m *Mapping, offsets []uint64) []string {
	f, err := openMapped(pid, m)
	if err != nil {
		return nil
	}
	defer f.Close()
	if err := f.read("", false); err != nil {
		return nil
	}
	return f.elf.NameAt(offsets)
}
