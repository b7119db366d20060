package bpf

import (
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// tracefsAccess is the capability that opening files of tracefs needs.
var tracefsAccess = [...]kernel.Capability{kernel.CapDACOverride}

// mapCaps returns the capabilities that creating a map of type t needs.
func mapCaps(t uapi.MapType) []kernel.Capability {
	switch t {
	case uapi.MapSockMap, uapi.MapSockHash, uapi.MapDevMap, uapi.MapDevMapHash, uapi.MapXSKMap:
		return []kernel.Capability{kernel.CapBPF, kernel.CapNetAdmin}
	}
	return []kernel.Capability{kernel.CapBPF}
}

// ensureMemlock raises RLIMIT_MEMLOCK where BPF objects count against it (before 5.11). It comes
// before the first probe: a probe that fails because the limit is low would make a feature look
// missing.
func (l *loader) ensureMemlock(k *kernel.Facts, object string) {
	raised, err := k.EnsureMemlock(kernel.Unlimited)
	l.limitErr = err
	switch {
	case raised:
		l.ev.Info("raised RLIMIT_MEMLOCK, which this kernel counts maps and programs against",
			"object", object)
	case err != nil:
		l.ev.Warn("could not raise RLIMIT_MEMLOCK; if this kernel counts maps and programs against it, there may be no room for them", "object", object, "err", err)
	}
}
