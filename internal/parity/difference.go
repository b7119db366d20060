// Package parity holds this library to C libbpf: the same objects, the same kernel, the same verdicts. Its tests load every
// object of the corpus with both and compare what came of it; [Known] lists where they differ and why that is right.
package parity

// Difference is one object on which this library and C libbpf 1.5 differ, and why it is right that they do: libbpf 1.5 is
// older than the behaviour, or wrong by its own later versions.
type Difference struct {
	Object string // "selftests/name.bpf.o"
	Reason string
	Words  []string // each difference found must contain one of these
	Since  uint32   // older kernels (kernel.VersionCode) may refuse the object for something else before the difference shows
}

// Known lists all of them. A test fails on a difference that is not here, and on one that is here and no longer exists.
var Known = []Difference{}
