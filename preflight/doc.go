// Package preflight tells what an object needs of a kernel and whether that kernel has it, without loading anything: program and map
// types, helpers, kfuncs, symbols, configuration, attach targets, capabilities, and every CO-RE relocation. It works on facts about a
// kernel, running or recorded, touches no OS and builds on every one; libbpf has no counterpart.
//
// An answer is yes, no or unknown, with the reason. What a recording is silent about is unknown, never guessed. A kernel's BTF alone
// tells most of it: the enums of program types, map types and helpers, the functions and tracepoints, every type. "Yes" means that
// nothing which can be told before is missing; the verifier has the last word.
//
// Floor 5: it stands on plan, whose linked programs it analyses.
package preflight
