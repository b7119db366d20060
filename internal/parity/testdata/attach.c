/* attach OBJ: loads an object with C libbpf, attaches it as its skeleton would be, and prints one line of JSON: whether it loaded, the
 * errno of attaching, and the programs and struct_ops maps that are attached. */
#include <stdio.h>
#include <stdlib.h>
#include <stdarg.h>
#include <bpf/libbpf.h>

static int print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_DEBUG || !getenv("V") ? 0 : vfprintf(stderr, fmt, args);
}

int main(int argc, char **argv)
{
	static struct bpf_program *programs[1024];
	static struct bpf_map *maps[1024];
	static struct bpf_link *links[2048];
	static struct bpf_prog_skeleton program_skeletons[1024];
	static struct bpf_map_skeleton map_skeletons[1024];
	struct bpf_object_skeleton s = {
		.sz = sizeof(s),
		.progs = program_skeletons, .prog_skel_sz = sizeof(program_skeletons[0]),
		.maps = map_skeletons, .map_skel_sz = sizeof(map_skeletons[0]),
	};
	const char *comma = "";
	struct bpf_program *p;
	struct bpf_object *o;
	struct bpf_map *m;
	int err;

	libbpf_set_print(print);
	o = bpf_object__open_file(argv[argc - 1], NULL);
	if (o)
		bpf_object__for_each_map(m, o)
			bpf_map__set_pin_path(m, NULL);
	if (!o || bpf_object__load(o)) {
		printf("{\"loaded\":false}\n");
		return 0;
	}
	bpf_object__for_each_program(p, o) {
		programs[s.prog_cnt] = p;
		program_skeletons[s.prog_cnt].name = bpf_program__name(p);
		program_skeletons[s.prog_cnt].prog = &programs[s.prog_cnt];
		program_skeletons[s.prog_cnt].link = &links[s.prog_cnt];
		s.prog_cnt++;
	}
	bpf_object__for_each_map(m, o) {
		maps[s.map_cnt] = m;
		map_skeletons[s.map_cnt].name = bpf_map__name(m);
		map_skeletons[s.map_cnt].map = &maps[s.map_cnt];
		map_skeletons[s.map_cnt].link = &links[1024 + s.map_cnt];
		s.map_cnt++;
	}
	err = -bpf_object__attach_skeleton(&s);
	printf("{\"loaded\":true,\"errno\":%d,\"attached\":[", err);
	for (int i = 0; !err && i < s.prog_cnt; i++)
		if (links[i]) {
			printf("%s\"%s\"", comma, bpf_program__name(programs[i]));
			comma = ",";
		}
	for (int i = 0; !err && i < s.map_cnt; i++)
		if (links[1024 + i]) {
			printf("%s\"%s\"", comma, bpf_map__name(maps[i]));
			comma = ",";
		}
	printf("]}\n");
	for (int i = 0; i < 2048; i++)
		bpf_link__destroy(links[i]);
	bpf_object__close(o);
	return 0;
}
