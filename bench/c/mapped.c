/* mapped: linked with load.c and libbpf 1.5, makes it map the kernel's BTF as libbpf 1.8 does (Linux 6.16), instead of reading it.
 * libbpf 1.5 copies what btf__new is given into memory from malloc. Linked with --wrap for these functions, the malloc for that copy
 * returns the mapping itself, the memcpy onto itself does nothing, and free unmaps it. All else is libbpf's own. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <bpf/btf.h>

void *__real_malloc(size_t n);
void __real_free(void *p);
void *__real_memcpy(void *to, const void *from, size_t n);

static void *mapping;
static size_t size;
static int wanted; /* the next malloc of that size is for the copy */

void *__wrap_malloc(size_t n)
{
	if (!wanted || n != size)
		return __real_malloc(n);
	wanted = 0;
	return mapping;
}

void *__wrap_memcpy(void *to, const void *from, size_t n)
{
	return to == from ? to : __real_memcpy(to, from, n);
}

void __wrap_free(void *p)
{
	if (!p || p != mapping) {
		__real_free(p);
		return;
	}
	munmap(mapping, size);
	mapping = NULL;
}

struct btf *btf__load_vmlinux_btf(void)
{
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && !mapping && !fstat(fd, &st)) {
		size = st.st_size;
		mapping = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (mapping == MAP_FAILED)
			mapping = NULL;
	}
	if (fd >= 0)
		close(fd);
	if (!mapping)
		return NULL;
	wanted = 1;
	return btf__new(mapping, size);
}
