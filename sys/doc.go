// Package sys makes the system calls of this module: bpf(2), perf_event_open(2), and the ioctls and
// mappings that belong to them. There is one Go function per command; its attributes are a struct
// that mirrors the kernel's.
//
// # Conventions
//
// Functions return the kernel's error, a syscall.Errno that is not wrapped; errors.Is works with
// it. The packages that use sys add the names of the object, program and map. File descriptors that
// this package opens are *FD: close-on-exec, never below 3 (0 means "unset" in many attributes);
// the caller closes them. The garbage collector closes nothing.
//
// The size that is passed with the attributes ends after the last field of their struct (or, where
// the kernel has a union, of the variant in use). An older kernel accepts a longer struct if the
// part that it doesn't know is zero, and otherwise returns E2BIG.
//
// # Interrupted and busy
//
// BPF_PROG_LOAD returns EAGAIN when a signal arrives during verification. This package tries it up
// to five times, as libbpf does; from the second time on, it blocks the Go runtime's own signals
// (preemption, profiling) for the thread. perf_event_open is repeated on EINTR. Every other call is
// made once, and its error is returned: BPF_PROG_TEST_RUN has side effects, and no other command of
// bpf(2) returns EINTR.
//
// # Scheduling
//
// Commands on single map elements take less time than notifying the Go scheduler of a system call,
// so they skip it (RawSyscall). Some map types wait for a grace period or start threads when an
// element changes; see ElemMayBlock.
//
// The package compiles on every OS; outside Linux every call returns ENOSYS.
package sys
