package maprules

import (
	"math"

	"github.com/purebpf/bpf/uapi"
)

// bound is the range of a number: from min to max, or other. The zero value allows only 0.
type bound struct {
	min, max uint32
	other    uint32 // 0 for none
	since    string // first release that allows other, "" if it is as old as the type
}

// Bounds that several types have.
var (
	four = bound{min: 4, max: 4}
	some = bound{min: 1, max: math.MaxUint32}
)

// rule has the kernel's requirements for maps of one type.
type rule struct {
	name                string // "an LPM trie"
	key, value, entries bound
	flags               uapi.MapFlags // accepted flags
	must                uapi.MapFlags // required flags
	btf                 bool          // needs BTF of key and value
	also                func(*finding)
	memory              func(*finding) uint64 // bytes allocated at creation
}

// Flags that several types take.
const (
	access    = uapi.FRdonly | uapi.FWronly
	programs  = uapi.FRdonlyProg | uapi.FWronlyProg
	arrays    = uapi.FNumaNode | access | programs
	hashes    = uapi.FNoPrealloc | uapi.FNumaNode | access | programs | uapi.FZeroSeed
	lruHashes = uapi.FNoCommonLRU | uapi.FNumaNode | access | programs | uapi.FZeroSeed
	storages  = uapi.FNoPrealloc | uapi.FClone
)

// buckets is the maximum number of entries of a hash table: the next power of two must be less than
// 2^32 / 16.
const buckets = 1 << 27

var hashEntries = bound{min: 1, max: buckets}

// rules is the table, by map type. Types without a name have no rules here.
var rules = [...]rule{
	uapi.MapHash: {
		name: "a hash", key: some, value: some, entries: hashEntries, flags: hashes,
		also: hashElement, memory: hashMemory,
	},
	uapi.MapPerCPUHash: {
		name: "a per-CPU hash", key: some, value: some, entries: hashEntries,
		flags: hashes &^ uapi.FNumaNode, also: perCPUElement, memory: hashMemory,
	},
	uapi.MapLRUHash: {
		name: "an LRU hash", key: some, value: some, entries: hashEntries, flags: lruHashes,
		also: lruElement, memory: hashMemory,
	},
	uapi.MapLRUPerCPUHash: {
		name: "a per-CPU LRU hash", key: some, value: some, entries: hashEntries,
		flags: lruHashes &^ uapi.FNumaNode, also: perCPUElement, memory: hashMemory,
	},
	uapi.MapHashOfMaps: {
		name: "a hash of maps", key: some, value: four, entries: hashEntries, flags: hashes,
		also: outerHash, memory: hashMemory,
	},
	uapi.MapArray: {
		name: "an array", key: four, value: bound{min: 1, max: math.MaxInt32}, entries: some,
		flags: arrays | uapi.FMmapable | uapi.FInnerMap, memory: arrayMemory,
	},
	uapi.MapPerCPUArray: {
		name: "a per-CPU array", key: four, value: some, entries: some,
		flags: arrays &^ uapi.FNumaNode, also: perCPUValue, memory: arrayMemory,
	},
	uapi.MapProgArray: {
		name: "a program array", key: four, value: four, entries: some,
		flags: arrays &^ programs, memory: pointerMemory,
	},
	uapi.MapPerfEventArray: {
		name: "a perf event array", key: four, value: four, entries: some,
		flags: arrays&^programs | uapi.FPreserveElems, memory: pointerMemory,
	},
	uapi.MapCgroupArray: {
		name: "a cgroup array", key: four, value: four, entries: some,
		flags: arrays &^ programs, memory: pointerMemory,
	},
	uapi.MapArrayOfMaps: {
		name: "an array of maps", key: four, value: four, entries: some,
		flags: arrays &^ programs, also: outer, memory: pointerMemory,
	},
	uapi.MapReuseportSockArray: {
		name: "a reuseport array", key: four, value: bound{min: 4, max: 4, other: 8},
		entries: some, flags: arrays, memory: pointerMemory,
	},
	uapi.MapStackTrace: {
		name: "a stack trace map", key: four, value: bound{min: 8, max: math.MaxUint32},
		entries: bound{min: 1, max: 1 << 31},
		flags:   uapi.FNumaNode | access | uapi.FStackBuildID, also: frames, memory: stackMemory,
	},
	uapi.MapLPMTrie: {
		name: "an LPM trie", key: bound{min: 5, max: 260}, value: some, entries: some,
		flags: uapi.FNoPrealloc | arrays, must: uapi.FNoPrealloc, also: trieValue,
	},
	uapi.MapDevMap: {
		name: "a devmap", key: four, value: bound{min: 4, max: 4, other: 8, since: "5.8"},
		entries: some, flags: uapi.FNumaNode | access, memory: pointerMemory,
	},
	uapi.MapDevMapHash: {
		name: "a devmap hash", key: four, value: bound{min: 4, max: 4, other: 8, since: "5.8"},
		entries: bound{min: 1, max: 1 << 31}, flags: uapi.FNumaNode | access,
		memory: pointerMemory,
	},
	uapi.MapCPUMap: {
		name: "a cpumap", key: four, value: bound{min: 4, max: 4, other: 8, since: "5.9"},
		entries: some, flags: uapi.FNumaNode, also: cpuEntries,
	},
	uapi.MapXSKMap: {
		name: "an xskmap", key: four, value: four, entries: some,
		flags: uapi.FNumaNode | access, memory: pointerMemory,
	},
	uapi.MapSockMap: {
		name: "a sockmap", key: four, value: bound{min: 4, max: 4, other: 8, since: "5.8"},
		entries: some, flags: uapi.FNumaNode | access, memory: pointerMemory,
	},
	uapi.MapSockHash: {
		name: "a sockhash", key: bound{min: 1, max: 512},
		value: bound{min: 4, max: 4, other: 8, since: "5.8"}, entries: hashEntries,
		flags: uapi.FNumaNode | access, memory: bucketMemory,
	},
	uapi.MapCgroupStorage: {
		name: "a cgroup storage", key: bound{min: 16, max: 16, other: 8, since: "5.9"},
		value: some, flags: arrays, also: storageValue,
	},
	uapi.MapPerCPUCgroupStorage: {
		name: "a per-CPU cgroup storage", key: bound{min: 16, max: 16, other: 8, since: "5.9"},
		value: some, flags: arrays, also: perCPUStorageValue,
	},
	uapi.MapQueue: {
		name: "a queue", value: some, entries: some, flags: arrays, also: queueValue,
		memory: queueMemory,
	},
	uapi.MapStack: {
		name: "a stack", value: some, entries: some, flags: arrays, also: queueValue,
		memory: queueMemory,
	},
	uapi.MapSKStorage: {
		name: "a socket storage", key: four, value: some, flags: storages,
		must: uapi.FNoPrealloc, btf: true, also: storageValue,
	},
	uapi.MapInodeStorage: {
		name: "an inode storage", key: four, value: some, flags: storages,
		must: uapi.FNoPrealloc, btf: true, also: storageValue,
	},
	uapi.MapTaskStorage: {
		name: "a task storage", key: four, value: some, flags: storages,
		must: uapi.FNoPrealloc, btf: true, also: storageValue,
	},
	uapi.MapCgrpStorage: {
		name: "a cgroup's local storage", key: four, value: some, flags: storages,
		must: uapi.FNoPrealloc, btf: true, also: storageValue,
	},
	uapi.MapRingBuf: {
		name: "a ring buffer", entries: some, flags: uapi.FNumaNode, also: ringSize,
		memory: ringMemory,
	},
	uapi.MapUserRingBuf: {
		name: "a user ring buffer", entries: some, flags: uapi.FNumaNode, also: ringSize,
		memory: ringMemory,
	},
	uapi.MapBloomFilter: {
		name: "a Bloom filter", value: some, entries: some,
		flags: uapi.FNumaNode | uapi.FZeroSeed | access | programs, also: hashFunctions,
		memory: bloomMemory,
	},
	uapi.MapStructOps: {
		name: "a struct_ops map", key: four, value: some, entries: bound{min: 1, max: 1},
		flags: uapi.FLink, also: kernelValue,
	},
	uapi.MapArena: {
		name: "an arena", entries: some,
		flags: uapi.FMmapable | uapi.FSegvOnFault | uapi.FNoUserConv, must: uapi.FMmapable,
		also: arenaRange,
	},
}

// innerless are map types that a map of maps cannot hold.
var innerless = [...]uapi.MapType{
	uapi.MapProgArray, uapi.MapCgroupStorage, uapi.MapPerCPUCgroupStorage, uapi.MapStructOps,
	uapi.MapArrayOfMaps, uapi.MapHashOfMaps,
}

// find returns the rule for a type, nil if there is none.
func find(t uapi.MapType) *rule {
	if int(t) >= len(rules) || rules[t].name == "" {
		return nil
	}
	return &rules[t]
}

// Takes reports whether maps of a type with that numa_node accept a flag; known is false for types
// without rules.
func Takes(t uapi.MapType, flag uapi.MapFlags, node uint32) (takes, known bool) {
	r := find(t)
	if r == nil {
		return false, false
	}
	return r.takes(t, node)&flag == flag, true
}

// takes returns the flags that maps of the rule's type accept. Values for each CPU cannot be on a
// chosen node, but BPF_F_NUMA_NODE may choose none.
func (r *rule) takes(t uapi.MapType, node uint32) uapi.MapFlags {
	switch t {
	case uapi.MapPerCPUHash, uapi.MapLRUPerCPUHash, uapi.MapPerCPUArray:
		if node == AnyNode {
			return r.flags | uapi.FNumaNode
		}
	}
	return r.flags
}

// Name returns the name for a map of the type in a sentence: "an LPM trie".
func Name(t uapi.MapType) string {
	if r := find(t); r != nil {
		return r.name
	}
	return "a map of type " + t.String()
}
