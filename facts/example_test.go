package facts_test

import (
	"errors"
	"fmt"

	"github.com/purebpf/bpf/facts"
)

// Ask what kernels of a version can do, on any machine.
func ExampleUpstream() {
	const linux510 = 5<<16 | 10<<8
	answers := facts.Upstream(linux510)
	for _, f := range []facts.Feature{facts.ArrayMmap, facts.PerfLink} {
		fmt.Printf("%v, since %s: %v\n", f, f.Since(), answers[f])
	}
	// Output:
	// ARRAY_MMAP, since 5.5: yes
	// PERF_LINK, since 5.15: no
}

// Describe a kernel that doesn't run here. Packages plan and preflight resolve objects for it, as
// they do for the running kernel. BTF is the content of its /sys/kernel/btf/vmlinux.
func ExampleNewRecorded() {
	const linux61 = 6<<16 | 1<<8
	k := facts.NewRecorded(facts.Recording{
		Version:  linux61,
		Features: facts.Upstream(linux61),
		Kconfig:  []byte("CONFIG_HZ=250\n"),
	})
	has, err := k.Has(facts.PerfLink)
	fmt.Println("perf links:", has, err)
	config, err := k.Kconfig()
	fmt.Printf("%s%v\n", config, err)
	_, _, err = k.Ksyms([]string{"schedule"})
	fmt.Println("symbols are not recorded:", errors.Is(err, facts.ErrNotRecorded))
	// Output:
	// perf links: true <nil>
	// CONFIG_HZ=250
	// <nil>
	// symbols are not recorded: true
}
