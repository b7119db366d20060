// Package typed gives maps whose kind has operations of its own Go types, as bpf.MapOf and
// bpf.PerCPUMapOf do for arrays and hashes: tries of IP prefixes, queues and stacks, Bloom filters,
// maps of maps, storages of sockets, files, tasks and cgroups, maps of sockets, and stack traces.
//
//	routes, err := typed.TrieOf[uint32](obj.Map("routes"))
//	err = routes.Update(netip.MustParsePrefix("10.0.0.0/8"), 1, bpf.UpdateAny)
//	hop, err := routes.Lookup(netip.MustParseAddr("10.1.2.3"))
//
// The functions check once that the map is of that kind and that the Go types have the layout of
// its keys and values, as bpf.MapOf does; the error is EINVAL. The results need no Close and are as
// safe for concurrent use as the bpf.Map, whose errors they return.
package typed
