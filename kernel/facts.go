package kernel

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/sys"
)

// ErrNotLinux is what every question is answered with where no Linux kernel runs. Facts about
// another kernel can come from a recording.
var ErrNotLinux = errors.New("no Linux kernel to ask: this program runs on " + runtime.GOOS)

// Facts are facts about the running kernel. Safe for concurrent use. It implements facts.Kernel.
type Facts struct {
	shared   *shared
	features *featureCache
	token    int // fd of a BPF token to probe with, 0 for none

	modulesOnce lazy[[]*facts.Module]
	skippedMu   sync.Mutex
	skipped     []error
}

var _ facts.Kernel = (*Facts)(nil)

// shared is what stays true as long as the machine runs.
type shared struct {
	root string // "" for the machine itself; tests put a directory here

	version  lazy[uint32]
	vmlinux  lazy[*btf.Spec]
	kconfig  lazy[[]byte]
	cpus     lazy[int]
	features featureCache
	noTokens atomic.Bool // the initial user namespace
	loads    atomic.Bool // this process could load a program

	modulesMu sync.Mutex
	modules   map[uint32]*facts.Module // by BTF id, which is never used twice; nil: not a module's
}

var machine shared

// Running returns a view of the running kernel. Take one for each piece of work: modules that are
// loaded later show up only in later views. It costs nothing; everything is found out when asked.
// If a sys.Funnel is installed, feature answers aren't shared with other views, because they are
// that funnel's and not the kernel's.
func Running() *Facts { return view(&machine) }

func view(s *shared) *Facts {
	f := &Facts{shared: s, features: &s.features}
	if sys.Replaced() {
		f.features = new(featureCache)
	}
	return f
}

// WithToken returns a view whose feature probes use the BPF token with descriptor fd, and whose
// answers are kept by that view only: a token may allow what the process may not, and less than the
// kernel can.
func (f *Facts) WithToken(fd int) *Facts {
	return &Facts{shared: f.shared, features: new(featureCache), token: fd}
}

// PageSize returns the size of a page in bytes.
func (f *Facts) PageSize() int { return os.Getpagesize() }

// lazy is a value that is found out once. A failure isn't kept: the next one who asks tries again.
type lazy[T any] struct {
	mu    sync.Mutex
	known bool
	value T
}

func (l *lazy[T]) get(find func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.known {
		v, err := find()
		if err != nil {
			return v, err
		}
		l.value, l.known = v, true
	}
	return l.value, nil
}
