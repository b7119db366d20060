// SPDX-License-Identifier: BSD-2-Clause
// A program that is attached by its section, and one that is not. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c attach.bpf.c -o attach.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp/sys_enter") int attached(void *ctx) { return 0; }

SEC("socket") int alone(void *ctx) { return 0; }

char LICENSE[] SEC("license") = "GPL";
