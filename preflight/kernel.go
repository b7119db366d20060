package preflight

import (
	"errors"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/uapi"
)

// Prober is a kernel that can be tried: the running one. Its answers override BTF, because they are
// about the kernel as it is configured. kernel.Facts is a Prober.
type Prober interface {
	HasProgType(t uapi.ProgType) (bool, error)
	HasMapType(t uapi.MapType) (bool, error)
	// HasHelperAt is like HasHelper for programs with attach type at, which is 0 where it does not
	// matter.
	HasHelperAt(t uapi.ProgType, at uapi.AttachType, id uint32) (bool, error)
}

// target is the kernel to check against, with answers for facts that it does not know itself.
type target struct {
	facts.Kernel
	prober  Prober // nil if it cannot be tried
	trier   Trier  // nil if it cannot be tried
	spec    *btf.Spec
	specErr error
	asked   bool
	told    *[facts.NumFeatures]facts.Answer // by BTF, then by version
	config  []byte
	confErr error
	confOK  bool
	ksymErr error
	ksymOK  bool

	flagEnum btf.ID // the enum of map flags, 0 before the first search
}

func newTarget(k facts.Kernel) *target {
	t := &target{Kernel: k}
	t.prober, _ = k.(Prober)
	t.trier, _ = k.(Trier)
	return t
}

// vmlinux returns the kernel's BTF, nil if it has none.
func (t *target) vmlinux() *btf.Spec {
	if !t.asked {
		t.asked = true
		t.spec, t.specErr = t.Kernel.BTF()
	}
	return t.spec
}

// SkippedModules returns the kernel's errors about modules that it left out.
func (t *target) SkippedModules() []error {
	if k, ok := t.Kernel.(plan.ModuleSkipper); ok {
		return k.SkippedModules()
	}
	return nil
}

// feature answers whether the kernel has a feature: by the kernel itself, else by its BTF, else by
// its version.
func (t *target) feature(f facts.Feature) (facts.Answer, string) {
	yes, err := t.Kernel.Has(f)
	switch {
	case err == nil && yes:
		return facts.Yes, f.Text()
	case err == nil:
		return facts.No, "since Linux " + f.Since()
	}
	if t.told == nil {
		t.told = new([facts.NumFeatures]facts.Answer)
		if s := t.vmlinux(); s != nil {
			*t.told = facts.Infer(s)
		}
		for f, a := range facts.Upstream(t.Kernel.Version()) {
			if t.told[f] == facts.Unknown {
				t.told[f] = a
			}
		}
	}
	switch a := t.told[f]; a {
	case facts.Yes:
		return a, f.Text()
	case facts.No:
		return a, "since Linux " + f.Since()
	}
	return facts.Unknown, err.Error()
}

// kconfig returns the configuration, or nil with an error if it is not known.
func (t *target) kconfig() ([]byte, error) {
	if !t.confOK {
		t.confOK = true
		t.config, t.confErr = t.Kernel.Kconfig()
	}
	return t.config, t.confErr
}

// ksymsError returns why symbols cannot be looked up; name is any symbol.
func (t *target) ksymsError(name string) error {
	if !t.ksymOK {
		t.ksymOK = true
		_, _, t.ksymErr = t.Kernel.Ksyms([]string{name})
		if errors.Is(t.ksymErr, facts.ErrHidden) {
			t.ksymErr = nil // the error is about that name
		}
	}
	return t.ksymErr
}

// enumerator answers from an enum of the kernel's BTF.
func (t *target) enumerator(enum, name string, value uint32) (facts.Answer, string) {
	s := t.vmlinux()
	if s == nil {
		return facts.Unknown, "the kernel has no BTF"
	}
	has, known := facts.HasEnumerator(s, enum, name, int64(value))
	switch {
	case !known:
		return facts.Unknown, "the kernel's BTF has no enum " + enum
	case has:
		return facts.Yes, "in enum " + enum + " of the kernel's BTF"
	}
	return facts.No, "not in enum " + enum + " of the kernel's BTF"
}

// probed converts the result of a probe to an answer; ok is false if there is none.
func probed(yes bool, err error) (a facts.Answer, reason string, ok bool) {
	switch {
	case err != nil:
		return facts.Unknown, "", false
	case yes:
		return facts.Yes, "probed", true
	}
	return facts.No, "probed", true
}

func (t *target) progType(p uapi.ProgType) (facts.Answer, string) {
	if t.prober != nil {
		if a, reason, ok := probed(t.prober.HasProgType(p)); ok {
			return a, reason
		}
	}
	return t.enumerator("bpf_prog_type", "", uint32(p))
}

func (t *target) mapType(m uapi.MapType) (facts.Answer, string) {
	if t.prober != nil {
		if a, reason, ok := probed(t.prober.HasMapType(m)); ok {
			return a, reason
		}
	}
	return t.enumerator("bpf_map_type", "", uint32(m))
}

// helper answers whether programs of type p may call a helper. The attach type counts for the types
// in byAttach.
func (t *target) helper(p uapi.ProgType, at uapi.AttachType, id uint32) (facts.Answer, string) {
	a, reason := t.enumerator("bpf_func_id", helperEnumerator(id), id)
	if a == facts.No || t.prober == nil {
		return a, reason
	}
	if yes, because, ok := probed(t.prober.HasHelperAt(p, at, id)); ok {
		if yes == facts.No {
			what := p.String()
			if at != 0 {
				what += " for " + at.String()
			}
			because = "probed: programs of type " + what + " cannot call it"
		}
		return yes, because
	}
	return a, reason
}

// helperEnumerator returns the helper's name in enum bpf_func_id, "" if the name is not known here.
func helperEnumerator(id uint32) string {
	if name := helperName(id); len(name) > 4 && name[:4] == "bpf_" {
		return "BPF_FUNC_" + name[4:]
	}
	return ""
}

// tolerant is a kernel for planning: it claims to have everything that is not known, so that the
// plan succeeds and can be analysed.
type tolerant struct{ *target }

// Has returns true for features that are not known.
func (t tolerant) Has(f facts.Feature) (bool, error) {
	a, _ := t.feature(f)
	return a != facts.No, nil
}

// Version never returns 0.
func (t tolerant) Version() uint32 { return max(t.target.Version(), 1) }

// BTF returns the kernel's BTF.
func (t tolerant) BTF() (*btf.Spec, error) {
	t.vmlinux()
	return t.spec, t.specErr
}

// Ksyms returns the known symbols, none of them as ambiguous.
func (t tolerant) Ksyms(names []string) (map[string]uint64, map[string]bool, error) {
	addrs, _, err := t.target.Ksyms(names)
	switch {
	case errors.Is(err, facts.ErrHidden):
		return addrs, nil, err
	case err != nil:
		return nil, nil, nil
	}
	return addrs, nil, nil
}

// Kconfig returns an empty configuration if it is not known.
func (t tolerant) Kconfig() ([]byte, error) {
	text, _ := t.kconfig()
	return text, nil
}

// PossibleCPUs returns 1 if the number is not known.
func (t tolerant) PossibleCPUs() (int, error) {
	n, err := t.target.PossibleCPUs()
	if err != nil {
		return 1, nil
	}
	return n, nil
}

// notRecorded reports whether an answer is missing because the recording lacks it, not because the
// kernel refused.
func notRecorded(err error) bool { return errors.Is(err, facts.ErrNotRecorded) }
