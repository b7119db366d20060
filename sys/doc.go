// Package sys makes the system calls of this module: bpf(2), perf_event_open(2), and the ioctls and
// mappings that belong to them. There is one Go function per command, and its attributes are typed
// and mirror the kernel's.
//
// # Conventions
//
// Functions return the kernel's errors: a syscall.Errno, unwrapped, for which errors.Is works. The
// packages above add object, program and map. File descriptors that this package opens are *FD:
// close-on-exec, never below 3 (0 means "unset" in many attributes); the caller closes them. The
// garbage collector closes nothing.
//
// Attributes are passed with the size up to the last field that their struct knows (or, for union
// commands, that the variant needs); an older kernel accepts a longer struct if the part that it
// doesn't know is zero, and returns E2BIG otherwise.
//
// # Interrupted and busy
//
// BPF_PROG_LOAD returns EAGAIN when a signal arrives during verification. It is tried up to five
// times as in libbpf; from the second time on, the Go runtime's own signals (preemption, profiling)
// are blocked for the thread. perf_event_open is repeated on EINTR. Every other call is made once
// and its error returned: BPF_PROG_TEST_RUN has side effects, and no other command of bpf(2)
// returns EINTR.
//
// # Scheduling
//
// Commands on single map elements take less time than notifying the Go scheduler of a system call,
// so they skip it (RawSyscall). Some map types wait for a grace period or start threads when an
// element changes; see ElemMayBlock.
//
// The package compiles on every OS; outside Linux every call returns ENOSYS.
package sys
