// Which inputs libbpf accepts as BTF: standard input is inputs, each behind its length (4 bytes); the output is a line for each, with the number of
// types or 0.
#include <stdio.h>
#include <stdlib.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

int main(void)
{
	__u32 size;

	libbpf_set_print(NULL);
	while (fread(&size, sizeof(size), 1, stdin) == 1) {
		void *data = malloc(size + 1);
		struct btf *btf;

		if (size && fread(data, size, 1, stdin) != 1)
			return 1;
		btf = btf__new(data, size);
		printf("%u\n", btf ? btf__type_cnt(btf) : 0);
		btf__free(btf);
		free(data);
	}
	return 0;
}
