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
	raised bool
}

// EnsureMemlock raises RLIMIT_MEMLOCK of this process to limit bytes if the kernel still counts maps and programs against it, before
// 5.11 (libbpf bump_rlimit_memlock). It does so once a process at most; limit 0 never does. With a token the limit isn't this
// process's business, and nothing is done. Call it before anything is created. An error is for the log only: the old limit may do,
// and if it doesn't, the kernel answers EPERM to what doesn't fit.
func (f *Facts) EnsureMemlock(limit uint64) error {
	if limit == 0 || f.token > 0 {
		return nil
	}
	memlock.Lock()
	defer memlock.Unlock()
	if memlock.raised {
		return nil
	}
	if has, err := f.Has(facts.MemcgAccount); err == nil && has {
		return nil
	}
	memlock.raised = true
	if err := setMemlock(limit); err != nil {
		return fmt.Errorf("raise RLIMIT_MEMLOCK, which this kernel counts maps and programs against: %w", err)
	}
	return nil
}
