//go:build mips || mips64 || ppc64 || s390x

package main

import _ "embed"

// counterObject runs if the command line names no object, on big-endian machines;
// counter/counter.bpf.c is its source.
//
//go:embed counter/counter-be.bpf.o
var counterObject []byte
