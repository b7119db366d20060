/* Licence: BSD-2-Clause. What the test objects share. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#ifndef __ulong
#define __ulong(name, val) enum { __bpf_concat(__unique, __COUNTER__, name) = val } name
#define __bpf_concat3(a, b, c) a##b##c
#define __bpf_concat(a, b, c) __bpf_concat3(a, b, c)
#endif
#define __arena __attribute__((address_space(1)))

char LICENSE[] SEC("license") = "GPL";
