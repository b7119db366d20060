// SPDX-License-Identifier: BSD-2-Clause
// Drains a user ring buffer on request. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c drain.bpf.c -o drain.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct request {
	__u64 flags; // of the wake-up
	__u64 limit; // take at most so many samples, 0: all
	__s64 drained; // out: what the helper returned
	__u64 samples; // out
	__u64 bytes; // out: of all samples
	__u64 words; // out: the rest of a sample, which is no whole word, is one for each byte
	__u64 sum; // out: of all words
	__u64 ordered; // out: of all words, each times its number
};

static void add(struct request *q, __u64 word, __u32 bytes)
{
	q->words++;
	q->bytes += bytes;
	q->sum += word;
	q->ordered += word * q->words;
}

static long take(struct bpf_dynptr *sample, void *context)
{
	struct request *q = *(struct request **)context;
	__u64 word;
	__u8 byte;
	__u32 at;

	q->samples++;
	for (at = 0; at < 4096; at += 8) {
		if (bpf_dynptr_read(&word, sizeof(word), sample, at, 0))
			break;
		add(q, word, sizeof(word));
	}
	for (__u32 i = 0; i < 7; i++) {
		if (bpf_dynptr_read(&byte, sizeof(byte), sample, at + i, 0))
			break;
		add(q, byte, sizeof(byte));
	}
	return q->samples == q->limit;
}

SEC("syscall")
int drain(struct request *q)
{
	q->drained = bpf_user_ringbuf_drain(&ring, take, &q, q->flags);
	return 0;
}

char _license[] SEC("license") = "GPL";
