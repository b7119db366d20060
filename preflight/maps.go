package preflight

import (
	"slices"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// sized are map types of which every map has entries, and valued those whose values have a size of the object's choice. A perf event
// array gets one entry for each CPU by itself.
var (
	sized = [...]uapi.MapType{uapi.MapHash, uapi.MapPerCPUHash, uapi.MapLRUHash, uapi.MapLRUPerCPUHash, uapi.MapArray, uapi.MapPerCPUArray,
		uapi.MapProgArray, uapi.MapStackTrace, uapi.MapLPMTrie, uapi.MapArrayOfMaps, uapi.MapHashOfMaps, uapi.MapSockMap,
		uapi.MapSockHash, uapi.MapDevMap, uapi.MapDevMapHash, uapi.MapCPUMap, uapi.MapXSKMap, uapi.MapQueue, uapi.MapStack,
		uapi.MapCgroupArray, uapi.MapReuseportSockArray, uapi.MapRingBuf, uapi.MapUserRingBuf, uapi.MapBloomFilter}
	valued = [...]uapi.MapType{uapi.MapHash, uapi.MapPerCPUHash, uapi.MapLRUHash, uapi.MapLRUPerCPUHash, uapi.MapArray, uapi.MapPerCPUArray,
		uapi.MapStackTrace, uapi.MapLPMTrie, uapi.MapQueue, uapi.MapStack, uapi.MapBloomFilter}
)

// maps asks for map types, and for sizes and inner maps that the object leaves to the application.
func (c *checker) maps() {
	for _, m := range c.o.Maps {
		if !m.Autocreate {
			continue
		}
		for ; m != nil; m = m.Inner {
			if n := c.need(NeedMapType, m.Type.String(), m.Name); n.Reason == "" {
				n.Answer, n.Reason = c.k.mapType(m.Type)
			}
			c.setting(m, "max_entries", m.MaxEntries == 0 && slices.Contains(sized[:], m.Type))
			c.setting(m, "inner map", m.Inner == nil && (m.Type == uapi.MapArrayOfMaps || m.Type == uapi.MapHashOfMaps))
			c.setting(m, "value_size", m.ValueSize == 0 && slices.Contains(valued[:], m.Type))
		}
	}
}

func (c *checker) setting(m *object.Map, what string, missing bool) {
	if missing {
		n := c.need(NeedSetting, m.Name+" "+what, m.Name)
		n.Answer, n.Reason = facts.Unknown, "is not set in the object: the application has to do it before it loads"
	}
}
