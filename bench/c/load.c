/* load: the C libbpf side of the benchmark. Same verbs as the Go loaders in ../cilium and ../purebpf:
 *   start                 nothing
 *   open OBJ              open and close
 *   load OBJ              open, load and close
 *   hot-open N OBJ...     the same N times in one process over all objects in turn, nanoseconds of each, one a line
 *   hot-load N OBJ...
 * Pin paths are cleared, as everywhere in this benchmark. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <time.h>
#include <bpf/libbpf.h>

static int print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN && getenv("V") ? vfprintf(stderr, fmt, args) : 0;
}

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void once(const char *path, int load)
{
	struct bpf_object *o = bpf_object__open_file(path, NULL);
	struct bpf_map *m;

	if (!o) {
		fprintf(stderr, "open %s failed\n", path);
		exit(1);
	}
	bpf_object__for_each_map(m, o)
		bpf_map__set_pin_path(m, NULL);
	if (load && bpf_object__load(o)) {
		fprintf(stderr, "load %s failed\n", path);
		exit(1);
	}
	bpf_object__close(o);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	int load;

	libbpf_set_print(print);
	if (!strcmp(verb, "start"))
		return 0;
	load = strstr(verb, "load") != NULL;
	if (argc == 3) {
		once(argv[2], load);
		return 0;
	}
	for (int n = argc > 3 ? atoi(argv[2]) : 0; n > 0; n--)
		for (int i = 3; i < argc; i++) {
			long long begin = now();
			once(argv[i], load);
			printf("%lld\n", now() - begin);
		}
	return 0;
}
