// SPDX-License-Identifier: BSD-2-Clause
// How long C libbpf takes to attach to many functions: kprobe_multi OBJECT PROGRAM PATTERN, or with names in lines of the standard input
// instead of a pattern, prints "FUNCTIONS ATTACH DETACH", times in nanoseconds.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// struct bpf_link_info of such a link, which headers before 6.6 lack.
struct multi_info {
	__u32 type, id, prog_id;
	__u64 addrs;
	__u32 count, flags;
	__u64 missed, cookies;
};

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_kprobe_multi_opts, opts);
	struct multi_info info = {};
	__u32 size = sizeof(info);
	struct bpf_program *p, *wanted;
	struct bpf_object *o;
	struct bpf_link *link;
	long long start, attached, detached;
	size_t room = 0, count = 0;
	const char **names = NULL;
	char line[512];

	if (argc < 3)
		return 2;
	while (argc == 3 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (count == room)
			names = realloc(names, (room = 2 * room + 64) * sizeof(*names));
		names[count++] = strdup(line);
	}
	o = bpf_object__open_file(argv[1], NULL);
	if (!o || !(wanted = bpf_object__find_program_by_name(o, argv[2])))
		return 3;
	bpf_object__for_each_program(p, o)
		bpf_program__set_autoload(p, p == wanted);
	if (bpf_object__load(o))
		return 4;
	if (argc == 3) {
		opts.syms = names;
		opts.cnt = count;
	}
	start = now();
	link = bpf_program__attach_kprobe_multi_opts(wanted, argc > 3 ? argv[3] : NULL, &opts);
	attached = now();
	if (!link || bpf_link_get_info_by_fd(bpf_link__fd(link), (struct bpf_link_info *)&info, &size))
		return 5;
	detached = now();
	bpf_link__destroy(link);
	printf("%u %lld %lld\n", info.count, attached - start, now() - detached);
	bpf_object__close(o);
	return 0;
}
