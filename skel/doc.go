// Package skel has what generated skeletons consist of: the code that bpf gen writes for a BPF
// object. Such a skeleton has the object's maps, programs and global variables as fields of Go
// structs, with Go types that have the layout of the C types.
//
//	spec, err := OpenBootstrap()          // before the load: set what is to be set
//	spec.Rodata.MinDurationNs = 5_000_000
//	b, err := spec.Load(nil)              // in the kernel
//	defer b.Close()
//	links, err := b.Attach()
//
// Applications use the types of data here: [Ptr], [Bool], [Int128], [Const], [Ring] and the like,
// and the functions [Load], [Store] and [Add] for variables that programs change at the same time.
// What else is exported is for generated code.
package skel
