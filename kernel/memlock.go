package kernel

import (
	"fmt"
	"sync"

	"github.com/purebpf/bpf/facts"
)

// Unlimited is the limit that EnsureMemlock is usually called with (RLIM_INFINITY).
const Unlimited = ^uint64(0)

var memlock struct {
	sync.Mutex
	tried bool
	err   error
}

// EnsureMemlock raises RLIMIT_MEMLOCK of this process to limit bytes, or as far as it may, if the
// kernel still counts maps and programs against it, before 5.11 (libbpf bump_rlimit_memlock). It
// does so once a process at most, and says so by raised; limit 0 never does. With a token the limit
// isn't this process's business, and nothing is done. That it cannot be found out how the kernel
// counts means that it must be raised: a limit that is too low refuses the probe too. Loading an
// object and CreateMap call it before they create or probe anything. An error is for the log only,
// and comes again at later calls: the old limit may do, and if it doesn't, the kernel answers EPERM
// to what doesn't fit.
func (f *Facts) EnsureMemlock(limit uint64) (raised bool, err error) {
	if limit == 0 || f.token > 0 {
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
			"raise RLIMIT_MEMLOCK, which this kernel counts maps and programs against: %w", err)
	}
	return memlock.err == nil, memlock.err
}
