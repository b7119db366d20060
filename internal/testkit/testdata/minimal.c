/* minimal SEC...: loads a program of two instructions, "return 0", as C libbpf's SEC() table has it
 * for each section name, and prints the errno of each on a line: 0 if the kernel takes it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int load(const char *section)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K }, /* r0 = 0 */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	const char *slash = strchr(section, '/');
	enum bpf_prog_type type;
	size_t kind = slash ? slash - section : strlen(section);
	int fd, err;

	err = libbpf_prog_type_by_name(section, &type, &opts.expected_attach_type);
	if (err)
		return -err;
	if (kind > 2 && !strncmp(section + kind - 2, ".s", 2))
		opts.prog_flags |= BPF_F_SLEEPABLE;
	if (!strncmp(section, "xdp.frags", strlen("xdp.frags")))
		opts.prog_flags |= BPF_F_XDP_HAS_FRAGS;
	if (slash && (type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_LSM)) {
		err = libbpf_find_vmlinux_btf_id(slash + 1, opts.expected_attach_type);
		if (err <= 0)
			return -err;
		opts.attach_btf_id = err;
	}
	for (int i = 0; i < 2; i++) { /* some programs must return 1 */
		code[0].imm = i;
		fd = bpf_prog_load(type, "minimal", "GPL", code, 2, &opts);
		err = fd < 0 ? -fd : 0;
		if (fd >= 0)
			close(fd);
		if (!err)
			break;
	}
	return err;
}

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	for (int i = 1; i < argc; i++)
		printf("%d\n", load(argv[i]));
	return 0;
}
