// Package preflight reports what an object needs from a kernel and whether that kernel has it,
// without loading anything: program and map types, helpers, kfuncs, symbols, configuration, attach
// targets, the license, capabilities, and every CO-RE relocation. It works on facts about a kernel,
// running or recorded, uses no operating system and builds on every one; libbpf has no counterpart.
//
// An answer is yes, no or unknown, with the reason. If a recording lacks a fact, the answer is
// unknown, never guessed. A kernel's BTF alone answers most questions: it has the enums of program
// types, map types, helpers and map flags, the functions and tracepoints, every type. With the
// running kernel, preflight also loads a program without code for each kind in the object, and
// creates small maps with the object's flags.
//
// "Yes" means that the needs are met: the kernel has the types, flags, fields and targets and
// everything that the code refers to, accepts maps of these shapes, and has the object's byte
// order. The verifier has the last word on the code itself: bounds, loops, arguments of helpers. Of
// the 564 real objects of the corpus it refuses 25 for such reasons although preflight says yes,
// and no others.
//
// It analyses the linked programs of package plan.
package preflight
