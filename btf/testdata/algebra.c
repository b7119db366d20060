// What C libbpf makes of BTF. A request on standard input is a letter, the number of its blobs and the blobs, each behind its
// length; the answer is the error (0 if none), and the number of blobs and blobs likewise. All numbers have 4 bytes. A blob of
// length 0 stands for none.
//   d BASE EXT BTF: btf__dedup of BTF split over BASE; answers BTF, EXT
//   a BTF...: btf__add_btf of all to empty BTF, then btf__dedup; answers both states
//   l BASE SPLIT: btf__distill_base; answers the new base and the new split BTF
//   r DISTILLED SPLIT BASE: btf__relocate; answers the split BTF
// With arguments, it appends the BTF of these ELF files and deduplicates it, 200 times, and prints the shortest time for the
// latter in nanoseconds, the number of types before and after, and the peak of the memory that it allocated. It is linked with
// --wrap for malloc, calloc, realloc and free.
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#define MAX 1000
static void *blob[MAX];
static __u32 size[MAX], count;

static __u32 number(void)
{
	__u32 n;

	if (fread(&n, 4, 1, stdin) != 1)
		exit(0);
	return n;
}

static void answer(__u32 err, __u32 n)
{
	fwrite(&err, 4, 1, stdout);
	fwrite(&n, 4, 1, stdout);
}

static void put(const void *data, __u32 n)
{
	fwrite(&n, 4, 1, stdout);
	fwrite(data, n, 1, stdout);
}

static void put_btf(struct btf *btf)
{
	__u32 n;
	const void *data = btf__raw_data(btf, &n);

	put(data, n);
}

static struct btf *parse(int i, struct btf *base)
{
	return size[i] ? btf__new_split(blob[i], size[i], base) : NULL;
}

static void dedup(void)
{
	struct btf *base = parse(0, NULL), *btf = parse(2, base);
	struct btf_ext *ext = size[1] ? btf_ext__new(blob[1], size[1]) : NULL;
	LIBBPF_OPTS(btf_dedup_opts, opts, .btf_ext = ext);
	int err = btf ? btf__dedup(btf, &opts) : -EINVAL;

	if (err) {
		answer(-err, 0);
	} else {
		__u32 n = 0;
		const void *data = ext ? btf_ext__raw_data(ext, &n) : NULL;

		answer(0, 2);
		put_btf(btf);
		put(data, n);
	}
	btf_ext__free(ext);
	btf__free(btf);
	btf__free(base);
}

static void append(void)
{
	struct btf *all = btf__new_empty();
	void *data;
	__u32 n;
	int err;

	for (__u32 i = 0; i < count; i++) {
		struct btf *btf = parse(i, NULL);

		err = btf__add_btf(all, btf);
		btf__free(btf);
		if (err < 0) {
			answer(-err, 0);
			return;
		}
	}
	data = (void *)btf__raw_data(all, &n);
	data = memcpy(malloc(n), data, n);
	err = btf__dedup(all, NULL);
	if (err) {
		answer(-err, 0);
	} else {
		answer(0, 2);
		put(data, n);
		put_btf(all);
	}
	free(data);
	btf__free(all);
}

static void distill(void)
{
	struct btf *base = parse(0, NULL), *btf = parse(1, base), *new_base, *new_split;
	int err = btf ? btf__distill_base(btf, &new_base, &new_split) : -EINVAL;

	if (err) {
		answer(-err, 0);
	} else {
		answer(0, 2);
		put_btf(new_base);
		put_btf(new_split);
		btf__free(new_split);
		btf__free(new_base);
	}
	btf__free(btf);
	btf__free(base);
}

static void relocate(void)
{
	struct btf *distilled = parse(0, NULL), *btf = parse(1, distilled), *base = parse(2, NULL);
	int err = btf && base ? btf__relocate(btf, base) : -EINVAL;

	answer(-err, err ? 0 : 1);
	if (!err)
		put_btf(btf);
	btf__free(btf);
	btf__free(base);
	btf__free(distilled);
}

static size_t live, peak;

static void *count_in(void *p)
{
	live += malloc_usable_size(p);
	if (live > peak)
		peak = live;
	return p;
}

void *__real_malloc(size_t), *__real_calloc(size_t, size_t), *__real_realloc(void *, size_t), __real_free(void *);
void *__wrap_malloc(size_t n) { return count_in(__real_malloc(n)); }
void *__wrap_calloc(size_t n, size_t m) { return count_in(__real_calloc(n, m)); }
void __wrap_free(void *p) { live -= malloc_usable_size(p); __real_free(p); }
void *__wrap_realloc(void *p, size_t n) { live -= malloc_usable_size(p); return count_in(__real_realloc(p, n)); }

static int measure(int argc, char **argv)
{
	long best = 0;
	int types, left;
	size_t before;

	for (int round = 0; round < 200; round++) {
		struct btf *all = btf__new_empty();
		struct timespec start, end;
		long ns;

		for (int i = 1; i < argc; i++) {
			struct btf *btf = btf__parse(argv[i], NULL);

			if (btf && btf__add_btf(all, btf) < 0)
				return 1;
			btf__free(btf);
		}
		types = btf__type_cnt(all);
		before = peak = live;
		clock_gettime(CLOCK_MONOTONIC, &start);
		if (btf__dedup(all, NULL))
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &end);
		ns = (end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec;
		if (!best || ns < best)
			best = ns;
		left = btf__type_cnt(all);
		before = peak - before;
		btf__free(all);
	}
	printf("%ld %d %d %zu\n", best, types, left, before);
	return 0;
}

int main(int argc, char **argv)
{
	char op;

	libbpf_set_print(NULL);
	if (argc > 1)
		return measure(argc, argv);
	while (fread(&op, 1, 1, stdin) == 1) {
		count = number();
		for (__u32 i = 0; i < count && i < MAX; i++) {
			size[i] = number();
			blob[i] = malloc(size[i] + 1);
			if (size[i] && fread(blob[i], size[i], 1, stdin) != 1)
				return 1;
		}
		switch (op) {
		case 'd': dedup(); break;
		case 'a': append(); break;
		case 'l': distill(); break;
		case 'r': relocate(); break;
		}
		fflush(stdout);
		for (__u32 i = 0; i < count && i < MAX; i++)
			free(blob[i]);
	}
	return 0;
}
