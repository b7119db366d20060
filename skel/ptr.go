package skel

import "github.com/purebpf/bpf/arena"

// Ptr is a C pointer to a T, as programs and the kernel store it: 8 bytes on every machine. Go code
// can't use it as an address; [arena.Walk] follows pointers into an arena. T is struct{} if the
// skeleton doesn't have the type that it points to.
type Ptr[T any] = arena.Ptr[T]
