package maprules

import (
	"github.com/purebpf/bpf/uapi"
	"math"
)

// Rules that are more than a range, and the memory that maps take.

func roundUp(n, to uint64) uint64 { return (n + to - 1) / to * to }

// hashElement checks hash tables: key and value must fit into one allocation.
func hashElement(f *finding) {
	most := f.k.kmalloc() - f.k.sizeof("htab_elem", 48)
	if n := uint64(f.KeySize) + uint64(f.ValueSize); n >= most {
		f.broken("key_size and value_size are %d together: %s has less than %d", n, f.rule.name,
			most)
	}
}

// lruElement checks LRU hashes: those with a list per CPU cannot be on a chosen node.
func lruElement(f *finding) {
	hashElement(f)
	const both = uapi.FNumaNode | uapi.FNoCommonLRU
	if f.Flags&both == both && f.NumaNode != AnyNode {
		f.broken("BPF_F_NUMA_NODE and BPF_F_NO_COMMON_LRU: %s takes one or the other", f.rule.name)
	}
}

func perCPUElement(f *finding) {
	hashElement(f)
	perCPUValue(f)
}

// perCPUValue checks per-CPU maps: each value comes from the allocator of per-CPU memory.
func perCPUValue(f *finding) {
	if most := f.k.perCPU(); roundUp(uint64(f.ValueSize), 8) > most {
		f.broken("value_size %d: %s wants 1 to %d", f.ValueSize, f.rule.name, most)
	}
}

func outer(f *finding) {
	if !f.Inner {
		f.unset("inner map", "no inner map: %s wants one as a template", f.rule.name)
	}
}

func outerHash(f *finding) {
	hashElement(f)
	outer(f)
}

// mostFrames is the default of the sysctl kernel.perf_event_max_stack.
const mostFrames = 127

// frames checks stack traces: 8 bytes for each frame, 32 with build ids.
func frames(f *finding) {
	size := uint32(8)
	if f.Flags&uapi.FStackBuildID != 0 {
		size = 32
	}
	switch n := f.ValueSize / size; {
	case f.ValueSize < 8: // reported already
	case f.ValueSize%size != 0:
		f.lasting("value_size %d: %s wants a multiple of %d", f.ValueSize, f.rule.name, size)
	case n > mostFrames:
		f.broken("value_size %d: %s has at most %d bytes, %d frames of %d, "+
			"unless the sysctl kernel.perf_event_max_stack is raised",
			f.ValueSize, f.rule.name, mostFrames*size, mostFrames, size)
	}
}

// trieValue checks LPM tries: a node with the longest key must fit into one allocation.
func trieValue(f *finding) {
	if most := f.k.kmalloc() - 256 - f.k.sizeof("lpm_trie_node", 40); uint64(f.ValueSize) > most {
		f.broken("value_size %d: %s wants 1 to %d", f.ValueSize, f.rule.name, most)
	}
}

// cpuEntries checks cpumaps: no more entries than the kernel's maximum number of CPUs.
func cpuEntries(f *finding) {
	n, ok := f.k.option("CONFIG_NR_CPUS")
	switch {
	case ok && uint64(f.MaxEntries) > n:
		f.broken("max_entries %d: %s wants 1 to %d (CONFIG_NR_CPUS)", f.MaxEntries, f.rule.name, n)
	case !ok && f.MaxEntries > 1 && uint64(f.MaxEntries) > uint64(max(f.k.CPUs, 0)):
		f.unsure("max_entries %d: %s has at most CONFIG_NR_CPUS, which is not known",
			f.MaxEntries, f.rule.name)
	}
}

// mostStored returns the size of the largest value of a local storage.
func (f *finding) mostStored() uint64 {
	return math.MaxUint16 - f.k.sizeof("bpf_local_storage_elem", 128)
}

func storageValue(f *finding) {
	if most := f.mostStored(); uint64(f.ValueSize) > most {
		f.broken("value_size %d: %s wants 1 to %d", f.ValueSize, f.rule.name, most)
	}
}

func perCPUStorageValue(f *finding) {
	if most := min(f.mostStored(), f.k.perCPU()); uint64(f.ValueSize) > most {
		f.broken("value_size %d: %s wants 1 to %d", f.ValueSize, f.rule.name, most)
	}
}

// queueValue checks queues and stacks.
func queueValue(f *finding) {
	if most := f.k.kmalloc(); uint64(f.ValueSize) > most {
		f.broken("value_size %d: %s wants 1 to %d", f.ValueSize, f.rule.name, most)
	}
}

// ringSize checks ring buffers.
func ringSize(f *finding) {
	n, page := uint64(f.MaxEntries), f.k.page()
	if n != 0 && (n&(n-1) != 0 || n%page != 0) {
		f.lasting("max_entries %d: %s wants its size in bytes there, a power of two of pages of %d",
			n, f.rule.name, page)
	}
}

// mostHashes is the maximum number of hash functions of a Bloom filter.
const mostHashes = 15

func hashFunctions(f *finding) {
	if f.Extra > mostHashes {
		f.broken("map_extra %d: %s has at most %d hash functions", f.Extra, f.rule.name, mostHashes)
	}
	if most := f.k.kmalloc(); uint64(f.ValueSize) > most {
		f.broken("value_size %d: %s wants 1 to %d", f.ValueSize, f.rule.name, most)
	}
}

// arenaRange checks arenas: max_entries pages, at the address in map_extra if that is not 0.
func arenaRange(f *finding) {
	page := f.k.page()
	size := uint64(f.MaxEntries) * page
	switch {
	case f.Extra%page != 0:
		f.broken("map_extra %#x: %s wants an address at the start of a page", f.Extra, f.rule.name)
	case size > 4<<30:
		f.broken("max_entries %d: %s has at most 4 GiB, which are %d pages",
			f.MaxEntries, f.rule.name, uint64(4<<30)/page)
	case size != 0 && f.Extra>>32 != (f.Extra+size-1)>>32:
		f.broken("map_extra %#x and max_entries %d: %s must not cross a multiple of 4 GiB",
			f.Extra, f.MaxEntries, f.rule.name)
	}
}

func (f *finding) cpus() uint64 { return uint64(max(f.k.CPUs, 1)) }

func hashMemory(f *finding) uint64 {
	n := uint64(f.MaxEntries)
	table := 2 * n * 16
	if f.Flags&uapi.FNoPrealloc != 0 {
		return table
	}
	value := roundUp(uint64(f.ValueSize), 8)
	if f.Type == uapi.MapPerCPUHash || f.Type == uapi.MapLRUPerCPUHash {
		value *= f.cpus()
	}
	return table + n*(64+roundUp(uint64(f.KeySize), 8)+value)
}

func arrayMemory(f *finding) uint64 {
	value := roundUp(uint64(f.ValueSize), 8)
	if f.Type == uapi.MapPerCPUArray {
		value = value*f.cpus() + 8
	}
	return uint64(f.MaxEntries) * value
}

func pointerMemory(f *finding) uint64 { return uint64(f.MaxEntries) * 16 }

func bucketMemory(f *finding) uint64 { return uint64(f.MaxEntries) * 2 * 16 }

func stackMemory(f *finding) uint64 { return uint64(f.MaxEntries) * (48 + uint64(f.ValueSize)) }

func queueMemory(f *finding) uint64 { return (uint64(f.MaxEntries) + 1) * uint64(f.ValueSize) }

func ringMemory(f *finding) uint64 { return uint64(f.MaxEntries) }

func bloomMemory(f *finding) uint64 {
	hashes := f.Extra
	if hashes == 0 {
		hashes = 5
	}
	return min(uint64(f.MaxEntries)*hashes*7/5*2/8, 1<<29)
}

// kernelValue is of struct_ops maps: the kernel knows the type of their value.
func kernelValue(f *finding) {
	f.lasting("the value's type: %s has a struct of the kernel: declare it as a variable in .struct_ops or "+
		".struct_ops.link", f.rule.name)
}
