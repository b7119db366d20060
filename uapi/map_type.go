package uapi

// MapType is enum bpf_map_type (libbpf_bpf_map_type_str).
type MapType uint32

const (
	MapUnspec              MapType = 0  // BPF_MAP_TYPE_UNSPEC
	MapHash                MapType = 1  // BPF_MAP_TYPE_HASH
	MapArray               MapType = 2  // BPF_MAP_TYPE_ARRAY
	MapProgArray           MapType = 3  // BPF_MAP_TYPE_PROG_ARRAY
	MapPerfEventArray      MapType = 4  // BPF_MAP_TYPE_PERF_EVENT_ARRAY
	MapPerCPUHash          MapType = 5  // BPF_MAP_TYPE_PERCPU_HASH
	MapPerCPUArray         MapType = 6  // BPF_MAP_TYPE_PERCPU_ARRAY
	MapStackTrace          MapType = 7  // BPF_MAP_TYPE_STACK_TRACE
	MapCgroupArray         MapType = 8  // BPF_MAP_TYPE_CGROUP_ARRAY
	MapLRUHash             MapType = 9  // BPF_MAP_TYPE_LRU_HASH
	MapLRUPerCPUHash       MapType = 10 // BPF_MAP_TYPE_LRU_PERCPU_HASH
	MapLPMTrie             MapType = 11 // BPF_MAP_TYPE_LPM_TRIE
	MapArrayOfMaps         MapType = 12 // BPF_MAP_TYPE_ARRAY_OF_MAPS
	MapHashOfMaps          MapType = 13 // BPF_MAP_TYPE_HASH_OF_MAPS
	MapDevMap              MapType = 14 // BPF_MAP_TYPE_DEVMAP
	MapSockMap             MapType = 15 // BPF_MAP_TYPE_SOCKMAP
	MapCPUMap              MapType = 16 // BPF_MAP_TYPE_CPUMAP
	MapXSKMap              MapType = 17 // BPF_MAP_TYPE_XSKMAP
	MapSockHash            MapType = 18 // BPF_MAP_TYPE_SOCKHASH
	MapCgroupStorage       MapType = 19 // BPF_MAP_TYPE_CGROUP_STORAGE
	MapReuseportSockArray  MapType = 20 // BPF_MAP_TYPE_REUSEPORT_SOCKARRAY
	MapPerCPUCgroupStorage MapType = 21 // BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE
	MapQueue               MapType = 22 // BPF_MAP_TYPE_QUEUE
	MapStack               MapType = 23 // BPF_MAP_TYPE_STACK
	MapSKStorage           MapType = 24 // BPF_MAP_TYPE_SK_STORAGE
	MapDevMapHash          MapType = 25 // BPF_MAP_TYPE_DEVMAP_HASH
	MapStructOps           MapType = 26 // BPF_MAP_TYPE_STRUCT_OPS
	MapRingBuf             MapType = 27 // BPF_MAP_TYPE_RINGBUF
	MapInodeStorage        MapType = 28 // BPF_MAP_TYPE_INODE_STORAGE
	MapTaskStorage         MapType = 29 // BPF_MAP_TYPE_TASK_STORAGE
	MapBloomFilter         MapType = 30 // BPF_MAP_TYPE_BLOOM_FILTER
	MapUserRingBuf         MapType = 31 // BPF_MAP_TYPE_USER_RINGBUF
	MapCgrpStorage         MapType = 32 // BPF_MAP_TYPE_CGRP_STORAGE
	MapArena               MapType = 33 // BPF_MAP_TYPE_ARENA
	MapInsnArray           MapType = 34 // BPF_MAP_TYPE_INSN_ARRAY
	MapRHash               MapType = 35 // BPF_MAP_TYPE_RHASH
)

var mapTypeNames = [...]string{
	MapUnspec:              "unspec",
	MapHash:                "hash",
	MapArray:               "array",
	MapProgArray:           "prog_array",
	MapPerfEventArray:      "perf_event_array",
	MapPerCPUHash:          "percpu_hash",
	MapPerCPUArray:         "percpu_array",
	MapStackTrace:          "stack_trace",
	MapCgroupArray:         "cgroup_array",
	MapLRUHash:             "lru_hash",
	MapLRUPerCPUHash:       "lru_percpu_hash",
	MapLPMTrie:             "lpm_trie",
	MapArrayOfMaps:         "array_of_maps",
	MapHashOfMaps:          "hash_of_maps",
	MapDevMap:              "devmap",
	MapSockMap:             "sockmap",
	MapCPUMap:              "cpumap",
	MapXSKMap:              "xskmap",
	MapSockHash:            "sockhash",
	MapCgroupStorage:       "cgroup_storage",
	MapReuseportSockArray:  "reuseport_sockarray",
	MapPerCPUCgroupStorage: "percpu_cgroup_storage",
	MapQueue:               "queue",
	MapStack:               "stack",
	MapSKStorage:           "sk_storage",
	MapDevMapHash:          "devmap_hash",
	MapStructOps:           "struct_ops",
	MapRingBuf:             "ringbuf",
	MapInodeStorage:        "inode_storage",
	MapTaskStorage:         "task_storage",
	MapBloomFilter:         "bloom_filter",
	MapUserRingBuf:         "user_ringbuf",
	MapCgrpStorage:         "cgrp_storage",
	MapArena:               "arena",
	MapInsnArray:           "insn_array",
	MapRHash:               "rhash",
}

// String returns the name that libbpf and bpftool print, or MapType(N) for a value that is not in
// this table.
func (t MapType) String() string { return name(mapTypeNames[:], uint32(t), "MapType") }
