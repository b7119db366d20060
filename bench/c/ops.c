/* ops: operations of a loaded object, with C libbpf: ops ROW ROUNDS RING.o PERF.o ARENA.o
 * prints picoseconds of one operation, a line for each round. Same rows as ../purebpf/ops and ../cilium/ops. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int create(int type, unsigned entries)
{
	int fd = bpf_map_create(type, "bench", 4, 8, entries, NULL);
	if (fd < 0)
		die("create map");
	return fd;
}

static void elements(const char *row, int rounds)
{
	enum { N = 10000, OPS = 100000 };
	int percpu = !!strstr(row, "percpu"), update = !!strstr(row, "update");
	int fd = create(percpu ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH, 65536);
	unsigned long long values[4096] = { 0 };

	for (unsigned k = 0; k < N; k++)
		if (bpf_map_update_elem(fd, &k, values, 0))
			die("fill");
	for (int r = 0; r < rounds; r++) {
		long long begin = now();
		for (unsigned i = 0; i < OPS; i++) {
			unsigned k = i % N;
			if (update ? bpf_map_update_elem(fd, &k, values, 0) : bpf_map_lookup_elem(fd, &k, values))
				die(row);
		}
		printf("%lld\n", (now() - begin) * 1000 / OPS);
	}
}

static void walk(int rounds)
{
	enum { N = 100000 };
	int fd = create(BPF_MAP_TYPE_HASH, 131072);
	unsigned long long value = 1, sum;

	for (unsigned k = 0; k < N; k++)
		if (bpf_map_update_elem(fd, &k, &value, 0))
			die("fill");
	for (int r = 0; r < rounds; r++) {
		long long begin = now();
		unsigned key, next, *prev = NULL;
		sum = 0;
		while (!bpf_map_get_next_key(fd, prev, &next)) {
			if (bpf_map_lookup_elem(fd, &next, &value))
				die("lookup");
			sum += value;
			key = next;
			prev = &key;
		}
		if (sum != N)
			die("walk");
		printf("%lld\n", (now() - begin) * 1000 / N);
	}
}

struct request {
	unsigned count, length;
	unsigned long long flags, first;
	unsigned discard, failed;
};

static struct bpf_object *load(const char *path)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	if (!o || bpf_object__load(o))
		die(path);
	return o;
}

static int program(struct bpf_object *o, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(o, name));
}

static void fill(int prog, struct request q)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &q, .ctx_size_in = sizeof(q));
	if (bpf_prog_test_run_opts(prog, &opts))
		die("fill");
}

static long long sum;
static char copy[1000 * 64];
static int at;

static int view(void *ctx, void *data, size_t size)
{
	sum += *(unsigned long long *)data;
	return 0;
}

static int copying(void *ctx, void *data, size_t size)
{
	memcpy(copy + at, data, size);
	at = at + size < sizeof(copy) ? at + size : 0;
	return 0;
}

static void ring(const char *row, const char *path, int rounds)
{
	enum { N = 100000 };
	struct bpf_object *o = load(path);
	int prog = program(o, "fill");
	struct ring_buffer *rb = ring_buffer__new(bpf_object__find_map_fd_by_name(o, "events"),
						  strcmp(row, "ring-copy") ? view : copying, NULL, NULL);
	if (!rb)
		die("ring");
	for (int r = 0; r < rounds; r++) {
		fill(prog, (struct request){ .count = N, .flags = 1 });
		long long begin = now();
		if (ring_buffer__consume(rb) != N)
			die("consume");
		printf("%lld\n", (now() - begin) * 1000 / N);
	}
}

static void sample(void *ctx, int cpu, void *data, __u32 size)
{
	sum += *(unsigned long long *)data;
	at++;
}

static void perf(const char *path, int rounds)
{
	enum { N = 2000 };
	struct bpf_object *o = load(path);
	int prog = program(o, "fill");
	struct perf_buffer *pb = perf_buffer__new(bpf_object__find_map_fd_by_name(o, "events"), 64, sample,
						  NULL, NULL, NULL);
	unsigned long long args[3] = { 0, N, 8 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args),
		    .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = 0);
	if (!pb)
		die("perf");
	for (int r = 0; r < rounds; r++) {
		if (bpf_prog_test_run_opts(prog, &opts))
			die("fill");
		at = 0;
		long long begin = now();
		perf_buffer__consume(pb);
		if (at != N)
			die("consume");
		printf("%lld\n", (now() - begin) * 1000 / N);
	}
}

static void run(const char *path, int rounds)
{
	enum { N = 20000 };
	int prog = program(load(path), "fill");
	for (int r = 0; r < rounds; r++) {
		long long begin = now();
		for (int i = 0; i < N; i++)
			fill(prog, (struct request){ 0 });
		printf("%lld\n", (now() - begin) * 1000 / N);
	}
}

static volatile long long woken;

static int note(void *ctx, void *data, size_t size)
{
	woken = now();
	return 0;
}

static void *poll_forever(void *rb)
{
	for (;;)
		ring_buffer__poll(rb, -1);
	return NULL;
}

/* From before the program that submits a record until the function that gets it, in another thread. */
static void wake(const char *path, int rounds)
{
	enum { N = 200 };
	struct bpf_object *o = load(path);
	int prog = program(o, "fill");
	struct ring_buffer *rb = ring_buffer__new(bpf_object__find_map_fd_by_name(o, "events"), note, NULL, NULL);
	pthread_t thread;

	pthread_create(&thread, NULL, poll_forever, rb);
	for (int r = 0; r < rounds; r++) {
		long long total = 0;
		for (int i = 0; i < N; i++) {
			usleep(200); /* it blocks again */
			woken = 0;
			long long begin = now();
			fill(prog, (struct request){ .count = 1 });
			while (!woken)
				usleep(10);
			total += woken - begin;
		}
		printf("%lld\n", total * 1000 / N);
	}
	exit(0);
}

struct node {
	struct node *next;
	unsigned long long value;
};

static unsigned long long add(const struct node *n)
{
	unsigned long long total = 0;

	for (; n; n = *(struct node *const volatile *)&n->next) /* programs may change it */
		total += n->value;
	return total;
}

static void list(const char *path, int rounds)
{
	enum { N = 1000000, STEP = 10000 };
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	struct bpf_map *arena = o ? bpf_object__find_map_by_name(o, "arena") : NULL;
	struct { unsigned long long count, sum; } q = { STEP };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &q, .ctx_size_in = sizeof(q));

	if (!arena || bpf_map__set_max_entries(arena, 8192) || bpf_object__load(o))
		die(path);
	for (int i = 0; i < N / STEP; i++)
		if (bpf_prog_test_run_opts(program(o, "push"), &opts) || opts.retval)
			die("push");
	if (bpf_prog_test_run_opts(program(o, "head"), &opts))
		die("head");
	add((struct node *)q.sum); /* touches the pages */
	for (int r = 0; r < rounds; r++) {
		long long begin = now();
		if (add((struct node *)q.sum) != N / 2 * (N + 1ULL))
			die("sum");
		printf("%lld\n", (now() - begin) * 1000 / N);
	}
}

int main(int argc, char **argv)
{
	const char *row = argv[1];
	int rounds = atoi(argv[2]);

	if (strstr(row, "lookup") || strstr(row, "update"))
		elements(row, rounds);
	else if (!strcmp(row, "walk"))
		walk(rounds);
	else if (!strncmp(row, "ring", 4))
		ring(row, argv[3], rounds);
	else if (!strncmp(row, "perf", 4))
		perf(argv[4], rounds);
	else if (!strcmp(row, "list"))
		list(argv[5], rounds);
	else if (!strcmp(row, "run"))
		run(argv[3], rounds);
	else if (!strcmp(row, "wake"))
		wake(argv[3], rounds);
	else
		return 2;
	return fflush(stdout);
}
