// Package parity compares this library with C libbpf. Its tests load every object of the corpus
// with both, on the same kernel, and compare the results; [Known] lists where they differ and why
// that is right.
package parity

import "github.com/purebpf/bpf/kernel"

// Difference is one object on which this library and C libbpf 1.5 differ, and why it is right that
// they do: libbpf 1.5 is older than the behaviour, or wrong by its own later versions.
type Difference struct {
	Object string // "selftests/name.bpf.o"
	Reason string
	Words  []string // each difference found must contain one of these
	Since  uint32   // older kernels (kernel.VersionCode) may refuse the object for something else before the difference shows
}

// Known lists all of them. A test fails on a difference that is not here, and on one that is here
// and no longer exists.
var Known = []Difference{}

// KnownOwn is Known for objects of our own, on kernels that have what they need.
var KnownOwn = []Difference{
	{Object: "testdata/data-be.o",
		Reason: "libbpf 1.5 refuses the other byte order when it opens an object, we and 1.8 when it is loaded", Words: []string{"stage", "programs", "maps"}},
	{Object: "testdata/maps-be.o", Reason: "as data-be.o",
		Words: []string{"stage", "programs", "maps"}},
	{Object: "testdata/jumptable.o", Reason: "libbpf 1.5 knows no jump tables",
		Words: []string{"stage", "errno", "programs", "maps"}},
	{
		Object: "testdata/structops.o", Since: kernel.VersionCode(6, 4, 0),
		Words:  []string{"optional_too"},
		Reason: "libbpf 1.5 turns only the first variable of a '?' section off",
	},
	{
		Object: "testdata/feature.bpf.o", Since: kernel.VersionCode(6, 7, 0),
		Words:  []string{"errno is 22, want 9"},
		Reason: "a program array whose initial value is a program that is not loaded: libbpf hands the kernel descriptor -2 at the end, we refuse at once",
	},
	{Object: "testdata/tracing_multi.bpf.o",
		Reason: "libbpf 1.5 knows no SEC(\"fentry.multi\") and its kin",
		Words:  []string{"type is 26, want 0"}},
	{Object: "testdata/sessions.bpf.o", Reason: "libbpf 1.5 knows no SEC(\"fsession\")",
		Words: []string{"type is 26, want 0"}},
	{
		Object: "testdata/uprobe.bpf.o", Reason: "libbpf 1.5 knows no SEC(\"uprobe.session\")",
		Words: []string{"stage", "errno", "failing program", "program ", "map "},
	},
	{
		Object: "testdata/uprobe_session.bpf.o",
		Reason: "libbpf 1.5 knows no SEC(\"uprobe.session\")",
		Words:  []string{"stage", "errno", "failing program", "program ", "map "},
	},
}
