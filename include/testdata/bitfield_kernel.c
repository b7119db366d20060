// SPDX-License-Identifier: BSD-2-Clause
// What bitfield.bpf.c runs on: clang lays out the types of a "kernel", and a value of them before
// and after the program's writes.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

struct bits {
	u8 low : 3, middle : 4, high : 1;
	int negative : 9;
	u32 : 7;
	u32 flag : 1;
	u64 wide : 40, rest : 24;
	short whole;
	char grown;
};

struct bits before = {5, 9, 1, -200, 0, 0x9876543210, 0xabcdef, -12345, -7};
struct bits after = {2, 14, 0, -3, 1, 0x123456789a, 0x765432, 12345, 77};
