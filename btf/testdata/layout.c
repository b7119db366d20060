// What libbpf says about every type of the BTF file (raw or ELF) argv[1], declaring the name argv[2]: "pointer N", then "ID size align declaration" with 0 for an error, and the
// declaration only if it is one short line without type tags.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>

static char text[1 << 20];
static size_t used;

static void print(void *ctx, const char *fmt, va_list args)
{
	int n = vsnprintf(text + used, sizeof(text) - used, fmt, args);

	if (n > 0)
		used += n;
	if (used >= sizeof(text))
		used = sizeof(text) - 1;
}

int main(int argc, char **argv)
{
	struct btf *btf = btf__parse(argv[1], NULL);
	struct btf_dump *dump;
	static char out[1 << 20];

	if (!btf)
		return 1;
	libbpf_set_print(NULL);
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	dump = btf_dump__new(btf, print, NULL, NULL);
	printf("pointer %zu\n", btf__pointer_size(btf));
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		LIBBPF_OPTS(btf_dump_emit_type_decl_opts, opts, .field_name = argv[2]);
		__s64 size = btf__resolve_size(btf, id);
		int align = btf__align_of(btf, id);
		const struct btf_type *t = btf__type_by_id(btf, id);
		int kind = btf_kind(t);

		printf("%u %lld %d ", id, size < 0 ? 0 : (long long)size, align < 0 ? 0 : align);
		used = 0;
		text[0] = 0;
		if (kind != BTF_KIND_FUNC && kind != BTF_KIND_VAR && kind != BTF_KIND_DATASEC && kind != BTF_KIND_DECL_TAG)
			btf_dump__emit_type_decl(dump, id, &opts);
		if (used < 200 && !strchr(text, '\n') && !strchr(text, '{') && !strstr(text, "btf_type_tag"))
			printf("%s", text);
		printf("\n");
	}
	return 0;
}
