// Package arena reads and writes arenas: memory that programs and processes share, with pointers
// that both can follow (map type BPF_MAP_TYPE_ARENA, Linux 6.9; libbpf only maps them).
//
// A program builds a list and Go walks it, or the reverse, without a system call:
//
//	err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
//		for p, err := range arena.List(w, first.Load(), (*Process).next) {
//			if err != nil {
//				return err
//			}
//			fmt.Println(p.Pid)
//		}
//		return nil
//	})
//
// What programs store is not trusted. A [Ptr] that leaves the arena, is not aligned, or belongs to
// a page that isn't there gives an error; a list that ends in a circle ends; and [Walk] keeps the
// arena mapped while its function runs. Programs run meanwhile, and may free what they unlinked:
// then the memory may already be something else.
//
// A [Heap] allocates memory in an arena for Go and for programs.
//
// # What arenas are for
//
// Memory of user space, such as the keys and values of a cache, from which a program answers in the
// kernel (examples/arena_kv); data structures that programs build and user space reads
// (examples/arena_list); and a heap for programs alone (examples/arena_heap).
//
// # Flags of an arena
//
// A page of an arena that no program has allocated comes into being when Go touches it, and
// programs don't allocate it again. With BPF_F_SEGV_ON_FAULT it doesn't: the kernel sends SIGSEGV,
// which ends a Go process, except in [Walk], which returns an error, and in system calls, which
// return EFAULT.
//
// With BPF_F_NO_USER_CONV programs don't convert pointers that they store with the instruction for
// it: only the lower half of a pointer is right, and a process that follows it in another language
// crashes. A Ptr needs only the lower half and can be followed.
//
// The first mapping determines the addresses for all processes. Another process can map the arena
// only at the same address, which the map knows only if map_extra names it.
package arena
