// Package preflight tells what an object needs of a kernel and whether that kernel has it, without
// loading anything: program and map types, helpers, kfuncs, symbols, configuration, attach targets,
// the license, capabilities, and every CO-RE relocation. It works on facts about a kernel, running
// or recorded, touches no OS and builds on every one; libbpf has no counterpart.
//
// An answer is yes, no or unknown, with the reason. What a recording is silent about is unknown,
// never guessed. A kernel's BTF alone tells most of it: the enums of program types, map types,
// helpers and map flags, the functions and tracepoints, every type. The running kernel is also
// shown a program without code for each sort that the object has, and small maps with its flags.
//
// "Yes" means that needs are met: the kernel has the types, flags, fields and targets, everything
// that the code refers to, and takes maps of these shapes and machines of this byte order. What
// code does is for the verifier, which has the last word: bounds, loops, what a helper's arguments
// are. Of the 564 real objects of the corpus it refuses 25 for such reasons to which preflight says
// yes, and no other.
//
// Floor 5: it stands on plan, whose linked programs it analyses.
package preflight
