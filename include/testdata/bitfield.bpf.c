// SPDX-License-Identifier: BSD-2-Clause
// Reads and writes the bit-fields of struct bits, of which it has another idea than the kernel of
// bitfield_kernel.c: CO-RE must find size, place and sign of each. The context is one.
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct bits {
	__u64 rest : 24, wide : 40;
	__u32 flag : 1, high : 1;
	__u32 middle : 4;
	int grown : 20, whole : 16;
	int negative : 9;
	__u8 low : 3;
} __attribute__((preserve_access_index));

char LICENSE[] SEC("license") = "GPL";

__s64 direct[9], probed[9], again[9];

#define READ(into, read)				\
	({						\
		into[0] = read(b, low);			\
		into[1] = read(b, middle);		\
		into[2] = read(b, high);		\
		into[3] = read(b, negative);		\
		into[4] = read(b, flag);		\
		into[5] = read(b, wide);		\
		into[6] = read(b, rest);		\
		into[7] = read(b, whole);		\
		into[8] = read(b, grown);		\
	})

SEC("syscall")
int bits(void *ctx)
{
	__u64 copy[4];
	struct bits *b = (void *)copy;

#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++)
		copy[i] = ((volatile __u64 *)ctx)[i];
	barrier_var(b);

	READ(direct, BPF_CORE_READ_BITFIELD);
	READ(probed, BPF_CORE_READ_BITFIELD_PROBED);
	BPF_CORE_WRITE_BITFIELD(b, low, 2);
	BPF_CORE_WRITE_BITFIELD(b, middle, 14);
	BPF_CORE_WRITE_BITFIELD(b, high, 0);
	BPF_CORE_WRITE_BITFIELD(b, negative, -3);
	BPF_CORE_WRITE_BITFIELD(b, flag, 1);
	BPF_CORE_WRITE_BITFIELD(b, wide, 0x123456789a);
	BPF_CORE_WRITE_BITFIELD(b, rest, 0x765432);
	BPF_CORE_WRITE_BITFIELD(b, whole, 12345);
	BPF_CORE_WRITE_BITFIELD(b, grown, 77);
	READ(again, BPF_CORE_READ_BITFIELD);

#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++)
		((volatile __u64 *)ctx)[i] = copy[i];
	return 0;
}
