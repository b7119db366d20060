package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/sys"
)

// ProbeError says why it could not be found out whether the kernel has something. Nothing is kept of it; the next question
// probes again.
type ProbeError struct {
	What string // name of the facts.Feature, or "map type hash" and the like
	Err  error
}

// Error names what was probed and the cause.
func (e *ProbeError) Error() string {
	return "could not find out whether the kernel has " + e.What + ": " + e.Err.Error()
}

// inconclusive makes a *ProbeError; if capabilities are missing, it names them.
func (f *Facts) inconclusive(what string, err error, need ...Capability) error {
	if f.token == 0 {
		err = f.Explain(err, "probing", need...)
	}
	return &ProbeError{What: what, Err: err}
}

// Unwrap returns the cause.
func (e *ProbeError) Unwrap() error { return e.Err }

// featureCache keeps conclusive answers. Each feature has a lock of its own: two who ask for the same one probe once, and nobody
// waits for another's.
type featureCache [facts.NumFeatures]struct {
	mu     sync.Mutex
	answer atomic.Uint32
}

const (
	answerNo  = 1
	answerYes = 2
)

// Has finds out, once a process, whether the kernel has f. The probes are libbpf's (FEAT_*): small programs, maps and BTF that are
// loaded and thrown away. An error is a *ProbeError: it could not be found out.
func (f *Facts) Has(feature facts.Feature) (bool, error) {
	if feature >= facts.NumFeatures {
		return false, fmt.Errorf("feature %d is unknown: %w", feature, syscall.EINVAL)
	}
	if runtime.GOOS != "linux" && !sys.Replaced() {
		return false, ErrNotLinux
	}
	entry := &f.features[feature]
	if a := entry.answer.Load(); a != 0 {
		return a == answerYes, nil
	}
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if a := entry.answer.Load(); a != 0 {
		return a == answerYes, nil
	}
	row := &featureTable[feature]
	yes, err := row.probe(&prober{facts: f})
	if err != nil {
		return false, f.inconclusive(feature.String(), err, CapBPF, CapPerfmon)
	}
	if yes {
		entry.answer.Store(answerYes)
	} else {
		entry.answer.Store(answerNo)
	}
	return yes, nil
}

// FeatureSince is the first upstream release that has a feature: "5.15".
func FeatureSince(feature facts.Feature) string {
	if feature >= facts.NumFeatures {
		return ""
	}
	return featureTable[feature].since
}

// featureTable has one row for each facts.Feature.
var featureTable = [facts.NumFeatures]struct {
	since string // upstream release
	probe func(*prober) (bool, error)
}{
	facts.ProgName:            {"4.15", probeProgName},
	facts.GlobalData:          {"5.2", probeGlobalData},
	facts.BTFLoad:             {"4.18", probeBTF},
	facts.BTFFunc:             {"5.0", probeBTFFunc},
	facts.BTFGlobalFunc:       {"5.6", probeBTFGlobalFunc},
	facts.BTFDatasec:          {"5.2", probeBTFDatasec},
	facts.BTFQmarkDatasec:     {"6.9", probeBTFQmarkDatasec},
	facts.BTFFloat:            {"5.13", probeBTFFloat},
	facts.BTFDeclTag:          {"5.16", probeBTFDeclTag},
	facts.BTFTypeTag:          {"5.17", probeBTFTypeTag},
	facts.BTFEnum64:           {"6.0", probeBTFEnum64},
	facts.BTFLayout:           {"7.0", probeBTFLayout},
	facts.ArrayMmap:           {"5.5", probeArrayMmap},
	facts.ExpAttachType:       {"4.17", probeExpAttachType},
	facts.ProbeReadKernel:     {"5.5", probeProbeReadKernel},
	facts.ProgBindMap:         {"5.10", probeProgBindMap},
	facts.ModuleBTF:           {"5.11", probeModuleBTF},
	facts.PerfLink:            {"5.15", probePerfLink},
	facts.MemcgAccount:        {"5.11", probeMemcgAccount},
	facts.BPFCookie:           {"5.15", probeBPFCookie},
	facts.SyscallWrapper:      {"4.17", probeSyscallWrapper},
	facts.UprobeMultiLink:     {"6.6", probeUprobeMultiLink},
	facts.ArgCtxTag:           {"6.8", probeArgCtxTag},
	facts.LdImm64FullRangeOff: {"7.0", probeLdImm64FullRange},
	facts.UprobeSyscall:       {"6.18", probeUprobeSyscall},
	facts.CommonAttrs:         {"7.1", probeCommonAttrs},
}
