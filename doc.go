// Package bpf loads compiled BPF objects into the kernel and attaches their programs: libbpf in pure Go.
//
// The phases are types. [Open] (or object.Parse, for bytes) reads an ELF file into an object.Object, plain data that may be
// changed; [Load] makes an [Object] of it, which owns what the kernel holds; [Object.Attach] or the Attach methods of [Program]
// make [Link] values.
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
// # Ownership
//
// Every Object, Map, Program and Link that a function of this package returns is closed by whoever called it, unless its comment
// says otherwise; maps and programs that come from an Object belong to it and are closed with it. Nothing is closed or detached
// by the garbage collector. A link that is closed detaches, unless it is pinned or [Link.Disconnect] was called.
//
// Close may run beside the other methods: it waits for those that are under way, and what comes
// after fails with [ErrClosed]. Only pointers and slices into mapped memory (VarOf, MemoryOf,
// Variable.Bytes, Map.Memory) must not be used any more.
//
// # Interfaces
//
// A network interface is given by its name or one of its alternative names or, where no interface has that name, by its index
// as a decimal number. It is looked up once, in the network namespace of the calling thread; what happens then happens to
// that interface, whatever it is called by then.
//
// # Errors
//
// A name that an object doesn't have is no nil pointer: every method of what Object.Program, Map
// and Variable return for it fails with [ErrNotExist] and the names that are near. Err asks
// beforehand. So do nil pointers and zero values fail.
//
// An error names the step, the object and the map or program, and wraps the kernel's errno: errors.Is works with syscall.Errno
// and with [ErrNotSupported], [ErrNotExist], [ErrExist], [ErrPermission], [ErrTooBig] and [ErrClosed]. A program that the
// verifier refused is a [*VerifierError].
package bpf
