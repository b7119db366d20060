// Package kernel answers questions about the running kernel: its version, BTF, modules, symbols and
// configuration, its features (by probes), the capabilities of this process, and where its file
// systems are mounted.
//
// # What is kept, and for how long
//
// Running returns a view of the kernel for one piece of work, such as loading an object. Facts that
// cannot change while the machine runs are determined on first use and kept for the life of the
// process, shared by all views: version, vmlinux BTF (mapped, not copied, where the kernel allows),
// parsed module BTF by id, kernel configuration, possible CPUs, and conclusive results of feature
// probes. The list of loaded modules can change, so each view reads it once. Symbol addresses are
// looked up at every call, in one pass for all names.
//
// # Three answers
//
// A probe has three outcomes: the kernel has the feature, it does not, or the probe cannot tell (no
// privilege, too many open files, no memory). Only the first two are kept. Has returns the third as
// an error of type *ProbeError.
//
// The package compiles on every OS; outside Linux every question is answered with ErrNotLinux.
package kernel
