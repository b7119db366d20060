package preflight

import (
	"os"
	"regexp"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// badCode are the objects that the verifier refuses because of their code, most of them on purpose.
// That shows only when the verifier walks the code, so preflight says yes. Where fentry and LSM
// programs attach there are more such objects, and old verifiers allow less.
var badCode = map[string]string{
	"selftests/bpf_dctcp_release.bpf.o":            "bpf_setsockopt in the one member of the congestion control that may not call it",
	"selftests/bpf_iter_test_kern3.bpf.o":          "a pointer that may be NULL is read",
	"selftests/bpf_iter_test_kern6.bpf.o":          "access out of the bounds of a buffer",
	"selftests/find_vma_fail1.bpf.o":               "a write to what may only be read",
	"selftests/find_vma_fail2.bpf.o":               "a write to what may only be read",
	"selftests/for_each_map_elem_write_key.bpf.o":  "a write to the key of a map",
	"selftests/local_storage.bpf.o":                "a pointer that may be NULL is passed on, as 6.12 sees it",
	"selftests/loop3.bpf.o":                        "a loop that does not end within a million instructions",
	"selftests/lru_bug.bpf.o":                      "a kptr is stored without an exchange, as 6.12 sees it",
	"selftests/lsm_cgroup.bpf.o":                   "a pointer that may be NULL is read, as 6.12 sees it",
	"selftests/lsm_cgroup_nonvoid.bpf.o":           "a return value that is not allowed",
	"selftests/pyperf600.bpf.o":                    "too many jumps",
	"selftests/strobemeta_bpf_loop.bpf.o":          "a million instructions",
	"selftests/strobemeta_subprogs.bpf.o":          "a stack that is too large, as 6.1 sees it",
	"selftests/test_d_path_check_rdonly_mem.bpf.o": "a write to what may only be read",
	"selftests/test_d_path_check_types.bpf.o":      "arguments of a wrong type",
	"selftests/test_get_stack_rawtp_err.bpf.o":     "an endless loop",
	"selftests/test_global_func1.bpf.o":            "a stack that is too large, as 6.1 sees it",
	"selftests/test_global_func10.bpf.o":           "arguments of a wrong type",
	"selftests/test_global_func11.bpf.o":           "arguments of a wrong type",
	"selftests/test_global_func12.bpf.o":           "a return value that is not allowed",
	"selftests/test_global_func13.bpf.o":           "arguments of a wrong type",
	"selftests/test_global_func14.bpf.o":           "arguments of a wrong type",
	"selftests/test_global_func15.bpf.o":           "a return value that is not allowed",
	"selftests/test_global_func17.bpf.o":           "a write to what may only be read",
	"selftests/test_global_func3.bpf.o":            "calls that are too deep",
	"selftests/test_global_func5.bpf.o":            "arguments of a wrong type",
	"selftests/test_global_func6.bpf.o":            "arguments of a wrong type",
	"selftests/test_global_func7.bpf.o":            "arguments of a wrong type",
	"selftests/test_ksyms_btf_null_check.bpf.o":    "a pointer that may be NULL is read",
	"selftests/test_ksyms_btf_write_check.bpf.o":   "a write to what may only be read",
	"selftests/test_log_buf.bpf.o":                 "access out of the bounds of a value",
	"selftests/test_sk_lookup.bpf.o":               "a pointer that may be NULL is read, as 6.1 sees it",
	"selftests/test_sk_storage_trace_itself.bpf.o": "a helper that may not be called where it is itself traced",
	"selftests/test_sk_storage_tracing.bpf.o":      "an argument that the function no longer has",
	"selftests/test_sockmap_invalid_update.bpf.o":  "arguments of a wrong type",
	"selftests/test_verify_pkcs7_sig.bpf.o":        "a return value that is not allowed, as 6.12 sees it",
	"selftests/test_xdp_devmap_helpers.bpf.o":      "a field of the context that only programs in a devmap may read",
	"selftests/timer_mim_reject.bpf.o":             "arguments of a wrong type",
	"selftests/xdp_synproxy_kern.bpf.o":            "a million instructions",
	"tools/biosnoop.bpf.o":                         "a pointer that 6.12 takes for a number after it was on the stack",
}

// Kernels of other builds refuse other code. Verifier messages about missing helpers and kfuncs are
// not about code.
var (
	walked  = regexp.MustCompile(`(?m)^processed [1-9]\d* insns`)
	missing = regexp.MustCompile(
		`unknown func|invalid func|cannot use helper|calling kernel function`)
)

// refusesCode reports whether the verifier walked a program before it refused it, and for no other
// reason than the code.
func refusesCode(t *testing.T, path string) bool {
	log := testkit.OracleLog(t, path)
	return walked.MatchString(log) && !missing.MatchString(log)
}

// TestCorpusVerdicts checks all objects of the corpus against the running kernel. The oracle is C
// libbpf, which tries to load them: it must have failed for objects that we say cannot load, and
// must have loaded those that we say can load, except for bad code.
func TestCorpusVerdicts(t *testing.T) {
	paths := testkit.Corpus(t)
	verdicts := testkit.Oracle(t, paths...)
	k := kernel.Running()
	var tally [3][2]int
	for i, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := testkit.CorpusName(path)
		o, err := object.Parse(raw, name)
		if err != nil {
			continue
		}
		r := Check(o, k, nil)
		loaded := 0
		if verdicts[i].OK {
			loaded = 1
		}
		tally[r.Loads][loaded]++
		switch {
		case r.Loads == facts.No && loaded == 1:
			t.Errorf("%s: C libbpf loads it, we say %q", name, r.Reasons)
		case r.Loads == facts.Yes && loaded == 0 && badCode[name] == "" && !refusesCode(t, path):
			t.Errorf("%s: we say that it loads, C libbpf says program %s, errno %d: %s", name,
				verdicts[i].Program, verdicts[i].Errno, verdicts[i].Error)
		}
	}
	t.Logf("refused / loaded by C libbpf: unknown %v, yes %v, no %v", tally[facts.Unknown],
		tally[facts.Yes], tally[facts.No])
	if tally[facts.Yes][1] < 300 || tally[facts.No][0] < 50 {
		t.Error("too few objects predicted right")
	}
}
