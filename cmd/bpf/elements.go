package main

import (
	"slices"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// tabular reports whether bpf run prints a map as a table: its elements can be read and are
// meaningful by themselves.
func tabular(m *bpf.Map) bool {
	if !m.Created() || m.Kind() == object.MapRodata || m.Kind() == object.MapKconfig ||
		m.Kind() == object.MapStructOps {
		return false
	}
	switch m.Type() {
	case uapi.MapHash, uapi.MapArray, uapi.MapPerCPUHash, uapi.MapPerCPUArray, uapi.MapLRUHash,
		uapi.MapLRUPerCPUHash, uapi.MapLPMTrie:
		return m.KeyType() != 0 || m.ValueType() != 0
	}
	return false
}

// maxRows limits how many elements are read for one table. The heading shows how many were read.
const maxRows = 4096

// elements reads up to maxRows elements. It skips all-zero elements of arrays: an array has all its
// elements from the start.
func elements(m *bpf.Map) (list []entry, more bool, err error) {
	stride := m.ValueSize()
	isArray := m.Type() == uapi.MapArray || m.Type() == uapi.MapPerCPUArray
	if m.ValueLen() != stride {
		stride = (stride + 7) &^ 7
	}
	it := m.Iterate()
	for key, value := range it.All() {
		if isArray && !slices.ContainsFunc(value, func(b byte) bool { return b != 0 }) {
			continue
		}
		if len(list) == maxRows {
			more = true
			break
		}
		e := entry{key: slices.Clone(key)}
		value = slices.Clone(value)
		for at := 0; at+m.ValueSize() <= len(value) && stride > 0; at += stride {
			e.values = append(e.values, value[at:at+m.ValueSize()])
		}
		list = append(list, e)
	}
	return list, more, it.Err()
}
