package skel

// Const is the memory of variables that can't be written any more: those of .rodata after the load,
// for which the kernel has checked the programs, and those of .kconfig. Writing would crash the
// process.
type Const[T any] struct{ p *T }

// Value returns a copy. It panics if there is no memory: see Mapped.
func (c Const[T]) Value() T { return *c.p }

// Mapped reports whether there is memory. There is until the skeleton is closed, provided that the
// kernel can map the section (5.5) and that the load created its map.
func (c Const[T]) Mapped() bool { return c.p != nil }
