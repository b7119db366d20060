package kernel

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
)

// ErrNotLinux is the answer to every question where no Linux kernel runs. Facts about another
// kernel can come from a recording.
var ErrNotLinux = errors.New("no Linux kernel to ask: this program runs on " + runtime.GOOS)

// Facts answers questions about the running kernel. It is safe for concurrent use. It implements
// facts.Kernel.
type Facts struct {
	shared   *shared
	features *featureCache
	token    int // fd of a BPF token to probe with, 0 for none

	modulesOnce lazy[[]*facts.Module]
	skippedMu   sync.Mutex
	skipped     []error
}

var _ facts.Kernel = (*Facts)(nil)

// shared holds the facts that do not change while the machine runs.
type shared struct {
	root string // "" for the machine itself; tests use a directory

	version  lazy[uint32]
	vmlinux  lazy[*btf.Spec]
	kconfig  lazy[[]byte]
	cpus     lazy[int]
	features featureCache
	noTokens atomic.Bool // in the initial user namespace, which has no tokens
	loads    atomic.Bool // this process can load programs

	modulesMu sync.Mutex
	// modules by BTF id, which is never reused; nil if the id is not a module's
	modules map[uint32]*facts.Module
}

var machine shared

// Running returns a view of the running kernel. Take one for each piece of work: modules that are
// loaded later show up only in later views. Running itself does nothing; facts are determined on
// first use. While a test replaces the kernel (internal/funnel), feature answers are not shared
// with other views, because they come from the test.
func Running() *Facts { return view(&machine) }

func view(s *shared) *Facts {
	f := &Facts{shared: s, features: &s.features}
	if funnel.Replaced() {
		f.features = new(featureCache)
	}
	return f
}

// WithToken returns a view whose feature probes use the BPF token with descriptor fd. Only that
// view keeps the answers: a token may allow more than the process may do, and less than the kernel
// can do.
func (f *Facts) WithToken(fd int) *Facts {
	return &Facts{shared: f.shared, features: new(featureCache), token: fd}
}

// PageSize returns the size of a page in bytes.
func (f *Facts) PageSize() int { return os.Getpagesize() }

// lazy is a value that is determined once. A failure is not kept: the next call tries again.
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
