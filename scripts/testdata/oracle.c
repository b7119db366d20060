/* oracle OBJ...: what C libbpf makes of each object: verdict, failing stage, the program it failed at, and per program and
 * map the facts that relocation decides. One JSON line an object, the shape of `bpf verify -j` (internal/verify). Pin paths
 * are cleared: nothing of a file system decides a verdict, and nothing is left behind. V=1 prints libbpf's messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <errno.h>
#include <bpf/libbpf.h>
#include <bpf/bpf.h>

static char last[4096];   /* libbpf's last message of the object */
static char failed[256];  /* the first program that the kernel refused */

static int print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	static char buf[65536];
	char name[256];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(buf, sizeof(buf), fmt, args);
	if (getenv("V"))
		fputs(buf, stderr);
	if (!strstr(buf, "failed to load object"))
		snprintf(last, sizeof(last), "%s", buf);
	if (!failed[0] && strstr(buf, ": failed to load: ") && sscanf(buf, "libbpf: prog '%255[^']'", name) == 1)
		strcpy(failed, name);
	return 0;
}

static void str(const char *s)
{
	putchar('"');
	for (; s && *s; s++)
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 32)
			putchar(' ');
		else
			putchar(*s);
	putchar('"');
}

static void head(const char *path, const char *stage, int err)
{
	printf("{\"object\":"); str(path);
	printf(",\"ok\":%s,\"stage\":\"%s\",\"errno\":%d,\"program\":", err ? "false" : "true", stage, err); str(failed);
	printf(",\"error\":"); str(err ? last : "");
}

static void program(struct bpf_program *p, int loaded)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_program__fd(p);

	loaded = loaded && fd >= 0;
	printf("{\"name\":"); str(bpf_program__name(p));
	printf(",\"section\":"); str(bpf_program__section_name(p));
	printf(",\"type\":%d,\"autoload\":%s,\"loaded\":%s", bpf_program__type(p), bpf_program__autoload(p) ? "true" : "false", loaded ? "true" : "false");
	if (loaded && !bpf_prog_get_info_by_fd(fd, &info, &len)) {
		printf(",\"tag\":\"");
		for (int i = 0; i < 8; i++)
			printf("%02x", info.tag[i]);
		printf("\",\"xlated\":%u,\"maps\":%u,\"func_info\":%u,\"line_info\":%u", info.xlated_prog_len, info.nr_map_ids, info.nr_func_info, info.nr_line_info);
	}
	printf("}");
}

static void map(struct bpf_map *m, int loaded)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_map__fd(m);

	printf("{\"name\":"); str(bpf_map__name(m));
	if (loaded && fd >= 0 && !bpf_map_get_info_by_fd(fd, &info, &len)) {
		printf(",\"kernel_name\":"); str(info.name);
		printf(",\"type\":%u,\"key\":%u,\"value\":%u,\"max\":%u,\"flags\":%u,\"btf\":%s", info.type, info.key_size, info.value_size, info.max_entries, info.map_flags, info.btf_id ? "true" : "false");
	}
	printf("}");
}

static void one(const char *path)
{
	struct bpf_object *o;
	struct bpf_program *p;
	struct bpf_map *m;
	const char *comma = "";
	int err;

	last[0] = failed[0] = 0;
	o = bpf_object__open_file(path, NULL);
	if (!o) {
		head(path, "open", errno);
		printf("}\n");
		return;
	}
	bpf_object__for_each_map(m, o)
		bpf_map__set_pin_path(m, NULL);
	err = -bpf_object__load(o);
	head(path, err ? "load" : "ok", err);
	printf(",\"programs\":[");
	bpf_object__for_each_program(p, o) {
		printf("%s", comma); comma = ",";
		program(p, !err);
	}
	printf("],\"maps\":["); comma = "";
	bpf_object__for_each_map(m, o) {
		printf("%s", comma); comma = ",";
		map(m, !err);
	}
	printf("]}\n");
	bpf_object__close(o);
}

int main(int argc, char **argv)
{
	libbpf_set_print(print);
	for (int i = 1; i < argc; i++) {
		one(argv[i]);
		fflush(stdout);
	}
	return 0;
}
