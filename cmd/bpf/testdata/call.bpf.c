// SPDX-License-Identifier: BSD-2-Clause
// Programs for bpf run --call, and two of types that the kernel doesn't run by themselves.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum what { NOTHING, EVERYTHING = 7 };

struct args {
	int a;
	char name[8];
	enum what what;
	long long sum;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} last SEC(".maps");

SEC("syscall")
int add(struct args *c)
{
	int key = 0, value = c->a;

	bpf_map_update_elem(&last, &key, &value, 0);
	c->sum = c->a + (int)c->what;
	c->name[0] = 'N';
	return c->a * 2;
}

SEC("syscall")
int raw(void *c)
{
	return -3;
}

SEC("xdp")
int pass(struct xdp_md *c)
{
	unsigned char *data = (void *)(long)c->data;

	if (data + 14 > (unsigned char *)(long)c->data_end)
		return 0;
	data[0] = 0xee;
	return data[13];
}

SEC("raw_tp")
int sum(unsigned long long *c)
{
	return c[0] + c[1];
}

SEC("perf_event")
int sample(void *c)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
