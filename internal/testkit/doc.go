// Package testkit contains what the tests of this project share: it finds the oracles that they
// compare with (real objects, C libbpf, the kernel, LLVM's tools) and reports clearly when one is
// missing.
//
// A skip is a claim about the machine, so every skip goes through [Skip] or a function here that
// calls it, has a reason, and is listed when make test ends. Three environment variables turn such
// claims into failures on machines where they would be false; make test sets those that apply to
// its machine:
//
//	PUREBPF_REQUIRE_ROOT=1      Root fails instead of skipping
//	PUREBPF_CORPUS_REQUIRED=1   Corpus and Oracle fail instead of skipping
//	PUREBPF_TOOLS_REQUIRED=1    Tool, Header and Compile fail instead of skipping
//
// PUREBPF_CACHE names the folder that the scripts which scripts/deps.sh runs filled;
// ~/.cache/purebpf by default.
//
// The package is a leaf: of this module it imports only internal/verdict, which imports nothing, so
// that every package's tests may use it.
package testkit
