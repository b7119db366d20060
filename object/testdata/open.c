/* open: what C libbpf knows about each object after opening it, before it asks anything of a kernel. One JSON line an object.
 * An argument MAP=SIZE resizes a map's value in the objects after it.
 * cc open.c -o open libbpf.a -lelf -lz */
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <bpf/libbpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

/* Sections that libbpf says it skips, separated by NULs. */
static char skipped[1 << 16];
static size_t skipped_len;

static int listen(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[4096], name[4096];
	const char *at;

	vsnprintf(line, sizeof(line), fmt, args);
	at = strstr(line, "elf: skipping ");
	if (!at || !(at = strstr(at, "section(")) || sscanf(at, "section(%*d) %4095s", name) != 1)
		return 0;
	if (skipped_len + strlen(name) + 1 < sizeof(skipped)) {
		strcpy(skipped + skipped_len, name);
		skipped_len += strlen(name) + 1;
	}
	return 0;
}

static unsigned long long fnv(const void *data, size_t n)
{
	const unsigned char *p = data;
	unsigned long long h = 14695981039346656037ull;

	while (n--)
		h = (h ^ *p++) * 1099511628211ull;
	return h;
}
static void str(const char *s)
{
	putchar('"');
	for (; s && *s; s++)
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else
			putchar(*s);
	putchar('"');
}
static void numbers(const struct bpf_map *m)
{
	printf("\"type\":%u,\"key\":%u,\"value\":%u,\"max\":%u,\"flags\":%u,\"extra\":%llu,\"numa\":%u,\"key_type\":%u,\"value_type\":%u",
	       bpf_map__type(m), bpf_map__key_size(m), bpf_map__value_size(m), bpf_map__max_entries(m), bpf_map__map_flags(m),
	       (unsigned long long)bpf_map__map_extra(m), bpf_map__numa_node(m), bpf_map__btf_key_type_id(m), bpf_map__btf_value_type_id(m));
}
/* The image of a struct_ops variable holds pointers to programs: name them and take them out. */
static void image(struct bpf_object *o, const struct bpf_map *m)
{
	size_t n = 0;
	unsigned char *v = bpf_map__initial_value(m, &n), copy[1 << 16];
	struct bpf_program *p;
	int first = 1;

	if (!v)
		return;
	printf(",\"size\":%zu", n);
	if (bpf_map__type(m) == BPF_MAP_TYPE_STRUCT_OPS && n <= sizeof(copy)) {
		memcpy(copy, v, n);
		v = copy;
		printf(",\"slots\":[");
		for (size_t off = 0; off + 8 <= n; off += 8)
			bpf_object__for_each_program(p, o)
				if (!memcmp(v + off, &p, 8)) {
					memset(v + off, 0, 8);
					printf("%s{\"offset\":%zu,\"program\":", first ? "" : ",", off);
					str(bpf_program__name(p));
					printf("}");
					first = 0;
					break;
				}
		printf("]");
	}
	printf(",\"hash\":\"%llx\"", fnv(v, n));
}
static char resize_map[64];
static unsigned int resize_to;

static void one(const char *path)
{
	struct bpf_object *o = (skipped_len = 0, bpf_object__open_file(path, NULL));
	struct bpf_program *p;
	struct bpf_map *m;
	const struct btf *btf;
	const char *sep = "";
	__u32 n = 0;

	if (!o) {
		printf("{\"errno\":%d}\n", errno);
		return;
	}
	if (resize_map[0] && bpf_map__set_value_size(bpf_object__find_map_by_name(o, resize_map), resize_to)) {
		printf("{\"errno\":%d}\n", errno);
		return;
	}
	printf("{\"name\":");
	str(bpf_object__name(o));
	printf(",\"version\":%u,\"programs\":[", bpf_object__kversion(o));
	bpf_object__for_each_program(p, o) {
		printf("%s{\"name\":", sep), sep = ",";
		str(bpf_program__name(p));
		printf(",\"section\":");
		str(bpf_program__section_name(p));
		printf(",\"type\":%u,\"attach\":%u,\"autoload\":%s,\"autoattach\":%s,\"insns\":%zu,\"hash\":\"%llx\"}",
		       bpf_program__type(p), bpf_program__expected_attach_type(p), bpf_program__autoload(p) ? "true" : "false",
		       bpf_program__autoattach(p) ? "true" : "false", bpf_program__insn_cnt(p),
		       fnv(bpf_program__insns(p), bpf_program__insn_cnt(p) * 8));
	}
	printf("],\"maps\":["), sep = "";
	bpf_object__for_each_map(m, o) {
		struct bpf_map *inner = bpf_map__inner_map(m);

		printf("%s{\"name\":", sep), sep = ",";
		str(bpf_map__name(m));
		printf(",\"pin\":");
		str(bpf_map__pin_path(m));
		printf(",\"internal\":%s,\"autocreate\":%s,", bpf_map__is_internal(m) ? "true" : "false", bpf_map__autocreate(m) ? "true" : "false");
		numbers(m);
		image(o, m);
		if (inner) {
			printf(",\"inner\":{\"name\":");
			str(bpf_map__name(inner));
			printf(","), numbers(inner);
			printf("}");
		}
		printf("}");
	}
	printf("]");
	btf = bpf_object__btf(o);
	if (btf) {
		const void *data = btf__raw_data(btf, &n);

		printf(",\"btf\":{\"size\":%u,\"hash\":\"%llx\"}", n, fnv(data, n));
	}
	printf(",\"skipped\":["), sep = "";
	for (size_t i = 0; i < skipped_len; i += strlen(skipped + i) + 1)
		printf("%s", sep), str(skipped + i), sep = ",";
	printf("]}\n");
	fflush(stdout);
	bpf_object__close(o);
}
int main(int argc, char **argv)
{
	libbpf_set_print(listen);
	for (int i = 1; i < argc; i++)
		if (!strchr(argv[i], '='))
			one(argv[i]);
		else
			sscanf(argv[i], "%63[^=]=%u", resize_map, &resize_to);
	return 0;
}
