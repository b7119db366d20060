package load

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
)

// session makes the requests for one object, and logs and reports them.
type session struct {
	name    string // of the object
	log     *slog.Logger
	report  Report
	running *kernel.Facts // the kernel that executes the plan, probed with the token
	token   *sys.FD       // nil if there is none
	limit   error         // what keeps RLIMIT_MEMLOCK low, nil if nothing does
}

// open does what is needed before a plan exists: it makes a token and the facts of the kernel as
// seen with the token; without a token, it makes room for BPF objects and checks that this process
// may load programs: a refused probe would make a feature look missing.
func open(name string, opts *Options) (session, error) {
	s := session{name: name, log: opts.Logger, report: opts.Report}
	var given bool
	if s.running, given = opts.Kernel.(*kernel.Facts); !given || s.running == nil {
		s.running = kernel.Running()
	}
	if err := s.openToken(opts); err != nil || s.token != nil {
		return s, err
	}
	s.ensureMemlock()
	if err := s.running.ProbeLoading(); err != nil {
		return s, s.fail("load object", "", err)
	}
	return s, nil
}

// Running returns the kernel that executes the plan.
func (s *session) Running() *kernel.Facts { return s.running }

// target returns the kernel that the object is resolved for: the running one unless the options
// name another.
func (s *session) target(opts *Options) facts.Kernel {
	if _, running := opts.Kernel.(*kernel.Facts); running || opts.Kernel == nil {
		return s.running
	}
	return opts.Kernel
}

// ensureMemlock raises RLIMIT_MEMLOCK where BPF objects count against it (before 5.11). It comes
// before the first probe: a probe that fails because the limit is low would make a feature look
// missing.
func (s *session) ensureMemlock() {
	raised, err := s.running.EnsureMemlock(kernel.Unlimited)
	s.limit = err
	switch {
	case raised:
		s.log.Info("raised RLIMIT_MEMLOCK, which this kernel counts maps and programs against",
			"object", s.name)
	case err != nil:
		s.log.Warn("could not raise RLIMIT_MEMLOCK; if this kernel counts maps and programs "+
			"against it, there may be no room for them", "object", s.name, "err", err)
	}
}

// # BPF tokens
//
// A process in a user namespace of its own (a container) may be allowed some bpf(2) commands by a
// bpffs that was mounted for it with delegate_cmds and the like. It makes a token from that bpffs
// and passes it with every command. The commands that the kernel permits then differ from those
// without the token and from those that the kernel supports, so a load with a token probes features
// with the token and keeps the answers to itself.

const tokenEnv = "LIBBPF_BPF_TOKEN_PATH"

// openToken makes the token of the options, and probes the kernel with it.
func (s *session) openToken(opts *Options) error {
	path := opts.TokenPath
	if opts.NoToken {
		return nil
	}
	if path == "" {
		env, set := os.LookupEnv(tokenEnv)
		if set && env == "" {
			return nil
		}
		path = env
	}
	if path == "" {
		s.token = s.running.DefaultToken()
	} else {
		fd, err := kernel.OpenToken(path)
		if err != nil {
			return s.fail("make BPF token of", path, err)
		}
		s.token = fd
	}
	if s.token == nil {
		return nil
	}
	s.log.Debug("using a BPF token", "object", s.name, "fd", s.token)
	s.running = s.running.WithToken(s.token.Int())
	return nil
}

// TokenFD returns the descriptor of the token, -1 if there is none.
func (s *session) TokenFD() int { return s.token.Int() }

// tokenFD returns the token for a command's attribute, 0 if there is none. With a token the command
// needs the flag that announces it.
func (s *session) tokenFD() int32 {
	if s.token == nil {
		return 0
	}
	return int32(s.token.Int())
}

// eventLevels are the log levels of events: debug for how the kernel was understood, info for code
// that was changed, warning for results that may be wrong.
var eventLevels = [...]slog.Level{
	plan.EventProbed:    slog.LevelDebug,
	plan.EventResolved:  slog.LevelDebug,
	plan.EventSkipped:   slog.LevelInfo,
	plan.EventSanitized: slog.LevelInfo,
	plan.EventPoisoned:  slog.LevelInfo,
	plan.EventUnknown:   slog.LevelWarn,
	plan.EventWarning:   slog.LevelWarn,
}

// tell logs a plan's events.
func (s *session) tell(list []plan.Event) {
	ctx := context.Background()
	for _, e := range list {
		level := slog.LevelInfo
		if int(e.Kind) < len(eventLevels) {
			level = eventLevels[e.Kind]
		}
		if strings.HasPrefix(e.Text, "will not load: ") {
			level = slog.LevelInfo // the load fails with the same text
		}
		if s.log.Enabled(ctx, level) {
			s.log.Log(ctx, level, e.Text, "object", s.name, "event", e.Kind, "subject", e.Subject)
		}
	}
}
