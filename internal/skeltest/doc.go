// Package skeltest tests generated skeletons against the running kernel: one of a program that has
// every construct of C for which skeletons have Go types. The skeletons are committed, for both
// byte orders, so that the tests run on machines without clang and the go command.
package skeltest

//go:generate go run ../../cmd/bpf gen --target both constructs.bpf.c
