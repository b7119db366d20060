// linfo ID prints what C libbpf finds in the line information of the loaded program with that id:
// for each instruction, and for each second byte of machine code.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(const char *what, unsigned long long at, const struct bpf_line_info *l)
{
	if (l)
		printf("%s %llu %u %u\n", what, at, BPF_LINE_INFO_LINE_NUM(l->line_col),
		       BPF_LINE_INFO_LINE_COL(l->line_col));
	else
		printf("%s %llu none\n", what, at);
}

int main(int argc, char **argv)
{
	struct bpf_prog_info sizes = {}, info = {};
	__u32 len = sizeof(info);
	int fd = argc == 2 ? bpf_prog_get_fd_by_id(atoi(argv[1])) : -1;

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &sizes, &len))
		return 1;
	info.nr_line_info = sizes.nr_line_info;
	info.line_info_rec_size = sizeof(struct bpf_line_info);
	info.line_info = (long)calloc(sizes.nr_line_info, sizeof(struct bpf_line_info));
	info.nr_jited_line_info = sizes.nr_jited_line_info;
	info.jited_line_info_rec_size = 8;
	info.jited_line_info = (long)calloc(sizes.nr_jited_line_info, 8);
	info.nr_jited_ksyms = sizes.nr_jited_ksyms;
	info.jited_ksyms = (long)calloc(sizes.nr_jited_ksyms, 8);
	info.nr_jited_func_lens = sizes.nr_jited_func_lens;
	info.jited_func_lens = (long)calloc(sizes.nr_jited_func_lens, 4);
	len = sizeof(info);
	if (bpf_prog_get_info_by_fd(fd, &info, &len))
		return 2;
	struct bpf_prog_linfo *linfo = bpf_prog_linfo__new(&info);
	if (!linfo)
		return 3;
	for (__u32 i = 0; i < sizes.xlated_prog_len / 8; i++)
		show("insn", i, bpf_prog_linfo__lfind(linfo, i, 0));
	for (__u32 f = 0; f < info.nr_jited_func_lens; f++) {
		__u64 start = ((__u64 *)info.jited_ksyms)[f];

		for (__u64 at = 0; at < ((__u32 *)info.jited_func_lens)[f]; at += 2)
			show("addr", start + at,
			     bpf_prog_linfo__lfind_addr_func(linfo, start + at, f, 0));
	}
	bpf_prog_linfo__free(linfo);
	return 0;
}
