package object_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/object"
)

// opened is an open object as seen from outside: the line that testdata/open.c prints about an
// object opened by C libbpf, and the result of describe for ours.
type opened struct {
	Errno    int          `json:"errno"`
	Name     string       `json:"name"`
	Version  uint32       `json:"version"`
	Programs []openedProg `json:"programs"`
	Maps     []openedMap  `json:"maps"`
	BTF      *openedBTF   `json:"btf"`
	Skipped  []string     `json:"skipped"` // sections reported as skipped
}

type openedProg struct {
	Name       string `json:"name"`
	Section    string `json:"section"`
	Type       uint32 `json:"type"`
	Attach     uint32 `json:"attach"`
	Autoload   bool   `json:"autoload"`
	Autoattach bool   `json:"autoattach"`
	Insns      int    `json:"insns"`
	Hash       string `json:"hash"`
}

type openedMap struct {
	Name       string       `json:"name"`
	Pin        string       `json:"pin"`
	Internal   bool         `json:"internal"`
	Autocreate bool         `json:"autocreate"`
	Type       uint32       `json:"type"`
	Key        uint32       `json:"key"`
	Value      uint32       `json:"value"`
	Max        uint32       `json:"max"`
	Flags      uint32       `json:"flags"`
	Extra      uint64       `json:"extra"`
	Numa       uint32       `json:"numa"`
	KeyType    uint32       `json:"key_type"`
	ValueType  uint32       `json:"value_type"`
	Size       int          `json:"size"`
	Slots      []openedSlot `json:"slots"`
	Hash       string       `json:"hash"`
	Inner      *openedMap   `json:"inner"`
}

type openedSlot struct {
	Offset  uint32 `json:"offset"`
	Program string `json:"program"`
}

type openedBTF struct {
	Size int    `json:"size"`
	Hash string `json:"hash"`
}

func hash(b []byte) string {
	h := fnv.New64a()
	h.Write(b)
	return fmt.Sprintf("%x", h.Sum64())
}

// describe converts an object to the form of the oracle's line.
func describe(o *object.Object) opened {
	d := opened{Name: o.Name, Version: o.KernVersion, Programs: []openedProg{}, Maps: []openedMap{}}
	for _, p := range o.Programs {
		d.Programs = append(d.Programs, openedProg{
			Name: p.Name, Section: p.Sec, Type: uint32(p.Type),
			Attach:   uint32(p.ExpectedAttachType),
			Autoload: p.Autoload, Autoattach: p.Autoattach, Insns: len(p.Insns),
			Hash: hash(asm.Append(nil, binary.LittleEndian, p.Insns...)),
		})
	}
	for _, m := range o.Maps {
		om := describeMap(m)
		om.Internal, om.Autocreate = m.Internal(), m.Autocreate
		if m.PinByName {
			om.Pin = "/sys/fs/bpf/" + m.Name
		}
		if b := m.Bytes(); b != nil {
			om.Size, om.Hash = len(b), hash(b)
		}
		if m.StructOps != nil {
			om.Slots = []openedSlot{}
			for _, s := range m.StructOps.Slots {
				om.Slots = append(om.Slots, openedSlot{s.Offset, s.Program.Name})
			}
		}
		if m.Inner != nil {
			inner := describeMap(m.Inner)
			om.Inner = &inner
		}
		d.Maps = append(d.Maps, om)
	}
	if o.BTF != nil {
		b := o.BTF.HostBytes()
		// the oracle's byte order is little endian
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			b = o.BTF.Edit().BytesOrder(binary.LittleEndian)
		}
		d.BTF = &openedBTF{len(b), hash(b)}
	}
	d.Skipped = []string{}
	for _, n := range o.Notes {
		if strings.HasPrefix(n.Text, "skipped") {
			d.Skipped = append(d.Skipped, n.Section)
		}
	}
	return d
}

func describeMap(m *object.Map) openedMap {
	return openedMap{
		Name: m.Name, Type: uint32(m.Type), Key: m.KeySize, Value: m.ValueSize, Max: m.MaxEntries,
		Flags: uint32(m.Flags),
		Extra: m.Extra, Numa: m.NumaNode, KeyType: uint32(m.KeyType),
		ValueType: uint32(m.ValueType),
	}
}
