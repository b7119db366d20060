// Package e2e tests package bpf by its public API against the running kernel: loading, attaching,
// pinning, and what happens when calls fail or processes die halfway. It has no other code.
package e2e
