package kernel

import (
	"fmt"
	"sync"

	"github.com/purebpf/bpf/facts"
)

// Unlimited is the usual limit for EnsureMemlock (RLIM_INFINITY).
const Unlimited = ^uint64(0)

var memlock struct {
	sync.Mutex
	tried bool
	err   error
}

// EnsureMemlock raises RLIMIT_MEMLOCK of this process to limit bytes, or as far as allowed, if the
// kernel still counts maps and programs against it, before 5.11 (libbpf bump_rlimit_memlock). It
// does so at most once per process, and raised reports that it did. With limit 0, before that, it
// leaves the limit alone, now and later (libbpf libbpf_set_memlock_rlim).
// With a token it does nothing: the limit is not this process's then. If it cannot be determined
// how the kernel counts, the limit is raised: a limit that is too low fails the probe too. Loading
// an object and CreateMap call EnsureMemlock before they create or probe anything. An error is only
// for the log, and later calls return it again: the old limit may suffice, and if it does not, the
// kernel fails with EPERM.
func (f *Facts) EnsureMemlock(limit uint64) (raised bool, err error) {
	if limit == 0 {
		memlock.Lock()
		memlock.tried = true
		memlock.Unlock()
		return false, nil
	}
	if f.token > 0 {
		return false, nil
	}
	if has, err := f.Has(facts.MemcgAccount); err == nil && has {
		return false, nil
	}
	memlock.Lock()
	defer memlock.Unlock()
	if memlock.tried {
		return false, memlock.err
	}
	memlock.tried = true
	if err := setMemlock(limit); err != nil {
		memlock.err = fmt.Errorf(
			"raise RLIMIT_MEMLOCK, against which this kernel counts maps and programs: %w", err)
	}
	return memlock.err == nil, memlock.err
}
