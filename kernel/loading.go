package kernel

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// ProbeLoading reports whether this process can load programs at all (libbpf
// bpf_object__probe_loading): a socket filter or, if that fails, a tracepoint program. Call
// EnsureMemlock first; loading an object calls both. If neither loads, it returns the error of the
// second, which names missing capabilities. Success is remembered. Do not call it with a token,
// which may allow other program types only.
func (f *Facts) ProbeLoading() error {
	if f.shared.loads.Load() && !funnel.Replaced() {
		return nil
	}
	p := prober{facts: f}
	var err error
	for _, t := range [...]uapi.ProgType{uapi.ProgSocketFilter, uapi.ProgTracepoint} {
		var fd *sys.FD
		if fd, err = p.program(t, retInsns(0), nil); err == nil {
			fd.Close()
			f.shared.loads.Store(!funnel.Replaced())
			return nil
		}
	}
	return fmt.Errorf("this process cannot load BPF programs: %w",
		f.Explain(err, "loading programs", CapBPF))
}

// DefaultToken creates a BPF token from /sys/fs/bpf if that delegates something to this process, as
// libbpf does by default; it returns nil if there is none for whatever reason. It remembers whether
// the process is in the initial user namespace, where tokens do not exist. The caller closes the
// FD.
func (f *Facts) DefaultToken() *sys.FD {
	if f.shared.noTokens.Load() {
		return nil
	}
	fd, err := OpenToken(f.shared.root + "/sys/fs/bpf")
	if err == nil {
		return fd
	}
	if errors.Is(err, syscall.EOPNOTSUPP) && !funnel.Replaced() {
		f.shared.noTokens.Store(true)
	}
	return nil
}

// OpenToken creates a BPF token from the bpffs mounted at dir, by which the process that made the
// user namespace delegates bpf(2) commands to it (libbpf bpf_object_prepare_token; 6.9). The error
// is ENOENT if that bpffs delegates nothing, and EOPNOTSUPP or EINVAL where tokens do not exist or
// are not needed. libbpf treats every error as "no token" unless the user named dir. Errors do not
// name dir. The caller closes the FD and gives its number to Facts.WithToken.
func OpenToken(dir string) (*sys.FD, error) {
	d, err := sys.OpenFile(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	fd, err := sys.TokenCreate(d.Int(), 0)
	if err != nil {
		return nil, explainToken(err)
	}
	return fd, nil
}

// explainToken adds to an error of BPF_TOKEN_CREATE the kernel's condition that is not met.
func explainToken(err error) error {
	why := ""
	switch {
	case errors.Is(err, syscall.EPERM):
		why = "a token can be created only in the user namespace for which the BPF file system " +
			"was mounted, with CAP_BPF in that namespace"
	case errors.Is(err, syscall.EOPNOTSUPP):
		why = "there are no tokens in the initial user namespace: leave the token out and run " +
			"with sudo"
	case errors.Is(err, syscall.ENOENT):
		why = "that BPF file system delegates nothing: mount it with options such as delegate_cmds"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, why)
}
