//go:build !(mips || mips64 || ppc64 || s390x)

package main

import _ "embed"

// counterObject is what runs when no object is named, for little-endian machines; counter/counter.bpf.c is its source.
//
//go:embed counter/counter.bpf.o
var counterObject []byte
