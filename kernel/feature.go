package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/printable"
)

// ProbeError says why it could not be determined whether the kernel has something. It is not kept;
// the next question probes again.
type ProbeError struct {
	What string // name of the facts.Feature, or for example "map type hash"
	Err  error
}

// Error names the probed feature and the cause.
func (e *ProbeError) Error() string {
	return printable.Text("could not determine whether the kernel has "+e.What+": ") +
		printable.Error(e.Err)
}

// inconclusive returns a *ProbeError; it names capabilities that are missing.
func (f *Facts) inconclusive(what string, err error, need ...Capability) error {
	if f.token == 0 {
		err = f.Explain(err, "probing", need...)
	}
	return &ProbeError{What: what, Err: err}
}

// Unwrap returns the cause.
func (e *ProbeError) Unwrap() error { return e.Err }

// featureCache keeps conclusive answers. Each feature has its own lock: two callers asking for the
// same feature probe once, and nobody waits for the probe of another feature.
type featureCache struct {
	list [facts.NumFeatures]struct {
		mu     sync.Mutex
		answer atomic.Uint32
	}
	btfTried atomic.Bool // see provenByBTF
}

const (
	answerNo  = 1
	answerYes = 2
)

// Has reports whether the kernel has f, determined once per process. The probes are libbpf's
// (FEAT_*): small programs, maps and BTF that are loaded and closed. A probe that fails for
// transient reasons (EAGAIN, EINTR, ENOMEM) is repeated once. The error is a *ProbeError if the
// answer could not be determined.
func (f *Facts) Has(feature facts.Feature) (bool, error) {
	if feature >= facts.NumFeatures {
		return false, fmt.Errorf("feature %d is unknown: %w", feature, syscall.EINVAL)
	}
	if runtime.GOOS != "linux" && !funnel.Replaced() {
		return false, ErrNotLinux
	}
	entry := &f.features.list[feature]
	if a := entry.answer.Load(); a != 0 {
		return a == answerYes, nil
	}
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if a := entry.answer.Load(); a != 0 {
		return a == answerYes, nil
	}
	if f.provenByBTF(feature) {
		return true, nil
	}
	yes, err := probes[feature](&prober{facts: f})
	if fleeting(err) {
		yes, err = probes[feature](&prober{facts: f})
	}
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

// provenByBTF uploads BTF with every kind of type when the first feature about kinds of types is
// needed: a kernel that accepts it has them all, and the other probes are not needed. If the BTF is
// refused, each feature is probed separately.
func (f *Facts) provenByBTF(feature facts.Feature) bool {
	asked := false
	for _, kind := range btfKindFeatures {
		asked = asked || kind == feature
	}
	if !asked || f.features.btfTried.Swap(true) {
		return false
	}
	p := prober{facts: f}
	if yes, err := p.hasBTF(allKindsBTF()); !yes || err != nil {
		return false
	}
	for _, kind := range btfKindFeatures {
		f.features.list[kind].answer.Store(answerYes)
	}
	return true
}

// probes has one probe for each facts.Feature.
var probes = [facts.NumFeatures]func(*prober) (bool, error){
	facts.ProgName:            probeProgName,
	facts.GlobalData:          probeGlobalData,
	facts.BTFLoad:             probeBTF,
	facts.BTFFunc:             probeBTFFunc,
	facts.BTFGlobalFunc:       probeBTFGlobalFunc,
	facts.BTFDatasec:          probeBTFDatasec,
	facts.BTFQmarkDatasec:     probeBTFQmarkDatasec,
	facts.BTFFloat:            probeBTFFloat,
	facts.BTFDeclTag:          probeBTFDeclTag,
	facts.BTFTypeTag:          probeBTFTypeTag,
	facts.BTFEnum64:           probeBTFEnum64,
	facts.BTFLayout:           probeBTFLayout,
	facts.ArrayMmap:           probeArrayMmap,
	facts.ExpAttachType:       probeExpAttachType,
	facts.ProbeReadKernel:     probeProbeReadKernel,
	facts.ProgBindMap:         probeProgBindMap,
	facts.ModuleBTF:           probeModuleBTF,
	facts.PerfLink:            probePerfLink,
	facts.MemcgAccount:        probeMemcgAccount,
	facts.BPFCookie:           probeBPFCookie,
	facts.SyscallWrapper:      probeSyscallWrapper,
	facts.UprobeMultiLink:     probeUprobeMultiLink,
	facts.ArgCtxTag:           probeArgCtxTag,
	facts.LdImm64FullRangeOff: probeLdImm64FullRange,
	facts.UprobeSyscall:       probeUprobeSyscall,
	facts.CommonAttrs:         probeCommonAttrs,
}
