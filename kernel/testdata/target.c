// target prints the ids that C libbpf finds for pairs of a name and an attach type.
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	libbpf_set_print(NULL);
	for (int i = 1; i + 1 < argc; i += 2)
		printf("%d\n", libbpf_find_vmlinux_btf_id(argv[i], atoi(argv[i + 1])));
	return 0;
}
