/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
#ifndef __BPF_ENDIAN__
#define __BPF_ENDIAN__

/*
 * Numbers between the order of bytes on the network (big-endian) and the program's. A constant
 * stays a constant, so that it can be a case label and initialise a global with the __bpf_constant_
 * forms.
 */

/*
 * A byte of a number of type t, counted from the lowest, moved to another place. Of the sum of all
 * of them the compiler makes the instruction that swaps bytes.
 */
#define ___bpf_mvb(t, x, from, to) \
	((t)(x) << 8 * (sizeof(t) - 1 - (from)) >> 8 * (sizeof(t) - 1) << 8 * (to))
#define ___bpf_swab16(x) ((unsigned short)(					\
	___bpf_mvb(unsigned short, x, 0, 1) | ___bpf_mvb(unsigned short, x, 1, 0)))
#define ___bpf_swab32(x) ((unsigned int)(					\
	___bpf_mvb(unsigned int, x, 0, 3) | ___bpf_mvb(unsigned int, x, 1, 2) |	\
	___bpf_mvb(unsigned int, x, 2, 1) | ___bpf_mvb(unsigned int, x, 3, 0)))
#define ___bpf_swab64(x) ((unsigned long long)(					\
	___bpf_mvb(unsigned long long, x, 0, 7) |				\
	___bpf_mvb(unsigned long long, x, 1, 6) |				\
	___bpf_mvb(unsigned long long, x, 2, 5) |				\
	___bpf_mvb(unsigned long long, x, 3, 4) |				\
	___bpf_mvb(unsigned long long, x, 4, 3) |				\
	___bpf_mvb(unsigned long long, x, 5, 2) |				\
	___bpf_mvb(unsigned long long, x, 6, 1) |				\
	___bpf_mvb(unsigned long long, x, 7, 0)))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ___bpf_constant_be16(x) ___bpf_swab16(x)
#define ___bpf_constant_be32(x) ___bpf_swab32(x)
#define ___bpf_constant_be64(x) ___bpf_swab64(x)
#define ___bpf_be16(x) __builtin_bswap16(x)
#define ___bpf_be32(x) __builtin_bswap32(x)
#define ___bpf_be64(x) __builtin_bswap64(x)
#elif __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ___bpf_constant_be16(x) (x)
#define ___bpf_constant_be32(x) (x)
#define ___bpf_constant_be64(x) (x)
#define ___bpf_be16(x) (x)
#define ___bpf_be32(x) (x)
#define ___bpf_be64(x) (x)
#else
#error "the compiler does not say the order of bytes (__BYTE_ORDER__)"
#endif

/* The way there is the way back. */
#define __bpf_constant_htons(x) ___bpf_constant_be16(x)
#define __bpf_constant_ntohs(x) ___bpf_constant_be16(x)
#define __bpf_constant_htonl(x) ___bpf_constant_be32(x)
#define __bpf_constant_ntohl(x) ___bpf_constant_be32(x)
#define __bpf_constant_cpu_to_be64(x) ___bpf_constant_be64(x)
#define __bpf_constant_be64_to_cpu(x) ___bpf_constant_be64(x)

#define __bpf_htons(x) ___bpf_be16(x)
#define __bpf_ntohs(x) ___bpf_be16(x)
#define __bpf_htonl(x) ___bpf_be32(x)
#define __bpf_ntohl(x) ___bpf_be32(x)
#define __bpf_cpu_to_be64(x) ___bpf_be64(x)
#define __bpf_be64_to_cpu(x) ___bpf_be64(x)

#define bpf_htons(x) (__builtin_constant_p(x) ? __bpf_constant_htons(x) : __bpf_htons(x))
#define bpf_ntohs(x) (__builtin_constant_p(x) ? __bpf_constant_ntohs(x) : __bpf_ntohs(x))
#define bpf_htonl(x) (__builtin_constant_p(x) ? __bpf_constant_htonl(x) : __bpf_htonl(x))
#define bpf_ntohl(x) (__builtin_constant_p(x) ? __bpf_constant_ntohl(x) : __bpf_ntohl(x))
#define bpf_cpu_to_be64(x) \
	(__builtin_constant_p(x) ? __bpf_constant_cpu_to_be64(x) : __bpf_cpu_to_be64(x))
#define bpf_be64_to_cpu(x) \
	(__builtin_constant_p(x) ? __bpf_constant_be64_to_cpu(x) : __bpf_be64_to_cpu(x))

#endif
