// Package kernel answers questions about the running kernel: its version, BTF, modules, symbols and
// configuration, what it can do (feature probes), what this process may do (capabilities), and
// where its file systems are.
//
// # What is kept, and for how long
//
// Running returns a view of the kernel for one piece of work, such as loading an object. What
// cannot change while the machine runs is found out when first asked and kept for the life of the
// process, shared by all views: version, vmlinux BTF (mapped, not copied, where the kernel allows),
// parsed module BTF by id, kernel configuration, possible CPUs, and conclusive answers of feature
// probes. What can change is asked once by each view: which modules are loaded. Symbol addresses
// are looked up at every call, in one pass for all names.
//
// # Three answers
//
// A probe has three outcomes: the kernel has the feature, it hasn't, or that could not be found out
// (no privilege, too many open files, no memory). Only the first two are kept. Has returns the
// third as an error of type *ProbeError.
//
// The package compiles on every OS; away from Linux every question is answered with ErrNotLinux.
package kernel
