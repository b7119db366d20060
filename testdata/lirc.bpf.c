// SPDX-License-Identifier: BSD-2-Clause
// A program that counts what an infrared receiver hears.
// clang -O2 -g -target bpf -fdebug-compilation-dir=. -c lirc.bpf.c -o lirc.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 ran;

SEC("lirc_mode2")
int heard(unsigned int *sample)
{
	__sync_fetch_and_add(&ran, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
