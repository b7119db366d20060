package testkit

import (
	"path/filepath"
	"testing"
)

// KernelSource returns a folder with parts of the sources of Linux ("6.1", "6.12"): the BPF
// selftests and the headers for user space, see scripts/sources.sh. Where it is absent it skips, or
// fails with PUREBPF_CORPUS_REQUIRED=1.
func KernelSource(t testing.TB, version string) string {
	t.Helper()
	dir := filepath.Join(Cache(), "sources", version)
	if !exists(filepath.Join(dir, ".complete")) {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "no sources of Linux %s (make deps)", version)
	}
	return dir
}

// LibbpfHeaders returns the folder that has bpf/*.h of the oracle's libbpf. Without it it skips, or
// fails with PUREBPF_CORPUS_REQUIRED=1.
func LibbpfHeaders(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(Cache(), "oracle", "libbpf", "include")
	if !exists(filepath.Join(dir, "bpf", "bpf_helpers.h")) {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "%v", errNoLibbpf)
	}
	return dir
}

// Bpftool75 returns the path of bpftool 7.5, newer than Debian's (scripts/build-bpftool.sh); it
// has only the commands gen and btf. Without it it skips, or fails with PUREBPF_CORPUS_REQUIRED=1.
func Bpftool75(t testing.TB) string {
	t.Helper()
	path := filepath.Join(Cache(), "bpftool-7.5", "bpftool")
	if !exists(path) {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "bpftool 7.5 is not built (make deps)")
	}
	return path
}

// Prometheus returns the path of "prometheus" or "promtool" (scripts/getprometheus.sh). Without it
// it skips, or fails with PUREBPF_TOOLS_REQUIRED=1.
func Prometheus(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Cache(), "prometheus", name)
	if !exists(path) {
		missing(t, "PUREBPF_TOOLS_REQUIRED", "%s is not there (make deps)", name)
	}
	return path
}
