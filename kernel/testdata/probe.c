/* Prints what C libbpf finds out about this kernel, a line each: "feature NAME 0|1", "prog N R", "map N R",
 * "version N", "cpus N". R is 1, 0 or a negative errno. */
#include <stdio.h>
#include <stdbool.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* Inside of libbpf.a: the features of its object loader. */
struct kern_feature_cache;
bool feat_supported(struct kern_feature_cache *cache, int feature);
unsigned int get_kernel_version(void);

/* enum kern_feature_id of libbpf 1.5, in order. */
static const char *const features[] = {
	"PROG_NAME", "GLOBAL_DATA", "BTF", "BTF_FUNC", "BTF_DATASEC", "BTF_GLOBAL_FUNC", "ARRAY_MMAP", "EXP_ATTACH_TYPE",
	"PROBE_READ_KERN", "PROG_BIND_MAP", "MODULE_BTF", "BTF_FLOAT", "PERF_LINK", "BTF_DECL_TAG", "BTF_TYPE_TAG",
	"MEMCG_ACCOUNT", "BPF_COOKIE", "BTF_ENUM64", "SYSCALL_WRAPPER", "UPROBE_MULTI_LINK", "ARG_CTX_TAG", "BTF_QMARK_DATASEC",
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args) { return 0; }

int main(void)
{
	libbpf_set_print(quiet);
	for (int i = 0; i < sizeof(features) / sizeof(*features); i++)
		printf("feature %s %d\n", features[i], feat_supported(NULL, i));
	for (int type = 1; type <= 32 /* NETFILTER */; type++)
		printf("prog %d %d\n", type, libbpf_probe_bpf_prog_type(type, NULL));
	for (int type = 1; type <= 33 /* ARENA */; type++)
		printf("map %d %d\n", type, libbpf_probe_bpf_map_type(type, NULL));
	printf("version %u\n", get_kernel_version());
	printf("cpus %d\n", libbpf_num_possible_cpus());
	return 0;
}
