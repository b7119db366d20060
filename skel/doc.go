// Package skel is the runtime of generated skeletons, the code that bpf gen writes for a BPF
// object. A skeleton has the object's maps, programs and global variables as fields of Go structs,
// with Go types that have the layout of the C types.
//
//	spec, err := OpenBootstrap()          // before the load: change settings
//	spec.Rodata.MinDurationNs = 5_000_000
//	b, err := spec.Load(nil)              // in the kernel
//	defer b.Close()
//	links, err := b.Attach()
//
// Applications use the data types here, such as [Ptr], [Bool], [Int128], [Const] and [Ring], and
// the functions [Load], [Store] and [Add] for variables that programs change at the same time.
// Everything else that is exported is for generated code.
package skel
