// relocs OBJ [BTF]: lets C libbpf open OBJ and "load" it against the BTF file, or the running kernel's, and prints all
// that libbpf says on the way, its decision about each CO-RE relocation included. No program reaches the kernel: the
// bpf system call is answered here, so that the outcome depends on libbpf alone and needs no privileges.
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static long fake_bpf(int cmd)
{
	int fd;

	switch (cmd) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
		fd = memfd_create("fake", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, 1L << 33))
			return -1;
		return fd;
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_FREEZE:
	case BPF_PROG_BIND_MAP:
		return 0;
	case BPF_BTF_GET_NEXT_ID: // no modules
		errno = ENOENT;
		return -1;
	default:
		errno = EINVAL;
		return -1;
	}
}

long __real_syscall(long nr, ...);

// Takes the place of libc's function for libbpf (the linker's --wrap=syscall).
long __wrap_syscall(long nr, ...)
{
	va_list ap;
	long a[6];

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_bpf)
		return fake_bpf(a[0]);
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int say(enum libbpf_print_level level, const char *format, va_list ap)
{
	return vprintf(format, ap);
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	struct bpf_object *obj;
	struct bpf_program *prog;

	if (argc < 2)
		return 2;
	if (argc > 2)
		opts.btf_custom_path = argv[2];
	libbpf_set_print(say);
	obj = bpf_object__open_file(argv[1], &opts);
	if (!obj) {
		printf("open: %d\n", -errno);
		return 0;
	}
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, true);
	printf("load: %d\n", bpf_object__load(obj));
	return 0;
}
