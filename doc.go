// Package bpf loads compiled BPF objects into the kernel and attaches their programs: libbpf in
// pure Go.
//
// Each phase has its own type. [Open] (or object.Parse, for bytes) reads an ELF file into an
// object.Object, plain data that may be changed; [Load] creates its maps and programs in the kernel
// and returns an [Object], which owns them; [Object.Attach] and the Attach methods of [Program]
// return [Link] values.
//
//	o, err := bpf.Open("counter.bpf.o", nil)
//	m, err := o.FindMap("pkt_count")
//	m.MaxEntries = 1024
//	obj, err := bpf.Load(o, &bpf.LoadOptions{Logger: slog.Default()})
//	defer obj.Close()
//	link, err := obj.Program("count_packets").AttachXDP("eth0", nil)
//	defer link.Close()
//	counts, err := bpf.MapOf[uint32, uint64](obj.Map("pkt_count"))
//	n, err := counts.Lookup(0)
//
// A number in parentheses, such as (5.8), is the first version of Linux that has what the sentence
// describes. Options are passed by pointer; nil and the zero value mean the defaults.
//
// # Attaching
//
// Each Attach method makes a Link, and needs no privileges beyond those of the load unless its
// comment names some. Where a comment names CAP_PERFMON, some kernels require CAP_SYS_ADMIN if the
// sysctl kernel.perf_event_paranoid is above 2. In a pattern, '*' matches any characters and '?'
// matches one. Packages [github.com/purebpf/bpf/nolink], tc and lwt attach programs without a link.
//
// # Ownership
//
// The caller closes every Object, Map, Program and Link that a function of this package returns,
// unless its comment says otherwise; maps and programs of an Object belong to it and are closed
// with it. The garbage collector closes and detaches nothing. Closing a link detaches the program,
// unless the link is pinned or [Link.Disconnect] was called.
//
// Close may run concurrently with other methods: it waits for running calls, and later calls fail
// with [ErrClosed]. A second Close does nothing. Pointers and slices into mapped memory (VarOf,
// MemoryOf, Variable.Bytes, Map.Memory) must not be used after Close.
//
// # Interfaces
//
// A network interface is given by its name, by one of its alternative names or, if no interface has
// that name, by its index as a decimal number. It is looked up once, in the network namespace of
// the calling thread; later operations use that interface even if it is renamed.
//
// # Errors
//
// Object.Program, Map and Variable never return nil. If the object doesn't have the name, every
// method of the result fails with an [ErrNotExist] that lists similar names; the method Err returns
// that error. Methods of nil pointers and zero values fail in the same way.
//
// An error names the step, the object and the map or program, and wraps the kernel's errno:
// errors.Is works with syscall.Errno and with [ErrNotSupported], [ErrNotExist], [ErrExist],
// [ErrPermission], [ErrTooBig] and [ErrClosed]. A program that the verifier refused is a
// [*VerifierError].
package bpf
