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
	What string // FEAT_* name, or "map type hash" and the like
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
		return false, f.inconclusive(row.name, err, CapBPF, CapPerfmon)
	}
	if yes {
		entry.answer.Store(answerYes)
	} else {
		entry.answer.Store(answerNo)
	}
	return yes, nil
}

// FeatureName is libbpf's name of a feature (FEAT_*), without the prefix, in lower case, and the first upstream kernel that has it.
func FeatureName(feature facts.Feature) (name, since string) {
	if feature >= facts.NumFeatures {
		return "", ""
	}
	return featureTable[feature].name, featureTable[feature].since
}

// featureTable has one row for each facts.Feature.
var featureTable = [facts.NumFeatures]struct {
	name  string
	since string
	probe func(*prober) (bool, error)
}{
	facts.ProgName:            {"prog_name", "4.15", probeProgName},
	facts.GlobalData:          {"global_data", "5.2", probeGlobalData},
	facts.BTFLoad:             {"btf", "4.18", probeBTF},
	facts.BTFFunc:             {"btf_func", "5.0", probeBTFFunc},
	facts.BTFGlobalFunc:       {"btf_global_func", "5.6", probeBTFGlobalFunc},
	facts.BTFDatasec:          {"btf_datasec", "5.2", probeBTFDatasec},
	facts.BTFQmarkDatasec:     {"btf_qmark_datasec", "6.9", probeBTFQmarkDatasec},
	facts.BTFFloat:            {"btf_float", "5.13", probeBTFFloat},
	facts.BTFDeclTag:          {"btf_decl_tag", "5.16", probeBTFDeclTag},
	facts.BTFTypeTag:          {"btf_type_tag", "5.17", probeBTFTypeTag},
	facts.BTFEnum64:           {"btf_enum64", "6.0", probeBTFEnum64},
	facts.BTFLayout:           {"btf_layout", "7.0", probeBTFLayout},
	facts.ArrayMmap:           {"array_mmap", "5.5", probeArrayMmap},
	facts.ExpAttachType:       {"exp_attach_type", "4.17", probeExpAttachType},
	facts.ProbeReadKernel:     {"probe_read_kernel", "5.5", probeProbeReadKernel},
	facts.ProgBindMap:         {"prog_bind_map", "5.10", probeProgBindMap},
	facts.ModuleBTF:           {"module_btf", "5.11", probeModuleBTF},
	facts.PerfLink:            {"perf_link", "5.15", probePerfLink},
	facts.MemcgAccount:        {"memcg_account", "5.11", probeMemcgAccount},
	facts.BPFCookie:           {"bpf_cookie", "5.15", probeBPFCookie},
	facts.SyscallWrapper:      {"syscall_wrapper", "4.17", probeSyscallWrapper},
	facts.UprobeMultiLink:     {"uprobe_multi_link", "6.6", probeUprobeMultiLink},
	facts.ArgCtxTag:           {"arg_ctx_tag", "6.8", probeArgCtxTag},
	facts.LdImm64FullRangeOff: {"ldimm64_full_range_off", "7.0", probeLdImm64FullRange},
	facts.UprobeSyscall:       {"uprobe_syscall", "6.18", probeUprobeSyscall},
	facts.CommonAttrs:         {"bpf_syscall_common_attrs", "7.1", probeCommonAttrs},
}
