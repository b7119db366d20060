// Package preflight reports what an object needs from a kernel and whether that kernel has it,
// without loading the object: program and map types, helpers, kfuncs, symbols, configuration,
// attach targets, the license, capabilities, and every CO-RE relocation. It works on facts about a
// kernel, running or recorded, and builds on every OS. libbpf has no counterpart.
//
// An answer is yes, no or unknown, with the reason. If a recording lacks a fact, the answer is
// unknown, never guessed. A kernel's BTF alone answers most questions: it has the enums of program
// types, map types, helpers and map flags, the functions and tracepoints, and every type. With the
// running kernel, preflight also loads an empty program of each kind in the object, and creates
// small maps with the object's flags.
//
// "Yes" means that the needs are met: the kernel has the types, flags, fields and targets and
// everything that the code refers to, accepts maps of these shapes, and has the object's byte
// order. The verifier has the last word on the code itself: bounds, loops, arguments of helpers.
// Preflight says yes to 25 of the 564 real objects of the corpus that the verifier refuses for such
// reasons, and to no other object that the kernel refuses.
//
// Preflight analyses the linked programs of package plan.
package preflight
