// SPDX-License-Identifier: BSD-2-Clause
// What C libbpf says is attached: hook TARGET TYPE prints "revision PROGRAM/LINK PROGRAM/LINK ...". TARGET is an interface index.
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	__u32 programs[64] = {}, links[64] = {};
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = programs, .link_ids = links, .prog_cnt = 64);
	int err, i;

	if (argc != 3)
		return 2;
	err = bpf_prog_query_opts(atoi(argv[1]), atoi(argv[2]), &opts);
	if (err)
		return 1;
	printf("%llu", (unsigned long long)opts.revision);
	for (i = 0; i < (int)opts.prog_cnt; i++)
		printf(" %u/%u", programs[i], links[i]);
	printf("\n");
	return 0;
}
