/* record: what C libbpf asks of the kernel to load an object, one line a request. Program loads are answered here instead of
 * being verified, so it takes milliseconds. LACK=NAME,... makes this kernel look older: requests that use the named thing are
 * refused as a kernel without it refuses them, so that libbpf's fallbacks show.
 *
 * libbpf makes its system calls through syscall(3), which the linker (--wrap=syscall) turns into __wrap_syscall here. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <bpf/libbpf.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

long __real_syscall(long, ...);

static struct bpf_object *obj;
static char progs[1024][BPF_OBJ_NAME_LEN]; /* names of what stands for loaded programs, by descriptor */
static char ops[1024]; /* names of maps that stand for struct_ops maps, each with a comma behind it */
static int fake_btf = -1; /* stands for BTF that this kernel would not take */

static int lacks(const char *name)
{
	const char *s = getenv("LACK");
	size_t n = strlen(name);
	for (; s && *s; s = strchr(s, ',') ? strchr(s, ',') + 1 : "")
		if (!strncmp(s, name, n) && (s[n] == 0 || s[n] == ','))
			return 1;
	return 0;
}

static unsigned long long hash(const void *p, size_t n)
{
	unsigned long long h = 0xcbf29ce484222325ull;
	for (const unsigned char *b = p; n; n--, b++)
		h = (h ^ *b) * 0x100000001b3ull;
	return h;
}

/* old: whether a kernel that lacks what LACK names refuses this BTF. */
static int old_btf(const unsigned char *raw)
{
	const struct btf_header *h = (void *)raw;
	const unsigned char *p = raw + h->hdr_len + h->type_off, *end = p + h->type_len;
	const char *strs = (char *)raw + h->hdr_len + h->str_off;
	if (lacks("BTF"))
		return 1;
	while (p < end) {
		const struct btf_type *t = (void *)p;
		int kind = t->info >> 24 & 0x1f, vlen = t->info & 0xffff;
		p += sizeof(*t);
		switch (kind) {
		case BTF_KIND_INT: p += 4; break;
		case BTF_KIND_ARRAY: p += 12; break;
		case BTF_KIND_STRUCT: case BTF_KIND_UNION: p += 12 * vlen; break;
		case BTF_KIND_ENUM: p += 8 * vlen; if (lacks("BTF_ENUM64") && t->info >> 31) return 1; break;
		case BTF_KIND_FUNC:
			if (lacks("BTF_FUNC") || (lacks("BTF_GLOBAL_FUNC") && vlen)) return 1;
			break;
		case BTF_KIND_FUNC_PROTO: p += 8 * vlen; if (lacks("BTF_FUNC")) return 1; break;
		case BTF_KIND_VAR: p += 4; if (lacks("BTF_DATASEC")) return 1; break;
		case BTF_KIND_DATASEC:
			p += 12 * vlen;
			if (lacks("BTF_DATASEC") || (lacks("BTF_QMARK_DATASEC") && strs[t->name_off] == '?')) return 1;
			break;
		case BTF_KIND_FLOAT: if (lacks("BTF_FLOAT")) return 1; break;
		case BTF_KIND_DECL_TAG: p += 4; if (lacks("BTF_DECL_TAG")) return 1; break;
		case BTF_KIND_TYPE_TAG: if (lacks("BTF_TYPE_TAG")) return 1; break;
		case BTF_KIND_ENUM64: p += 12 * vlen; if (lacks("BTF_ENUM64")) return 1; break;
		}
	}
	return 0;
}

static int calls(const struct bpf_insn *insn, int n, int helper)
{
	for (int i = 0; i < n; i++)
		if (insn[i].code == (BPF_JMP | BPF_CALL) && insn[i].src_reg == 0 && insn[i].imm == helper)
			return 1;
	return 0;
}

/* old_prog: whether a kernel that lacks what LACK names refuses this probe. */
static int old_prog(const union bpf_attr *a)
{
	const struct bpf_insn *insn = (void *)(long)a->insns;
	if (lacks("PROG_NAME") && a->prog_name[0])
		return 1;
	if (lacks("GLOBAL_DATA"))
		for (unsigned i = 0; i < a->insn_cnt; i++)
			if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) && insn[i].src_reg == BPF_PSEUDO_MAP_VALUE)
				return 1;
	return (lacks("PROBE_READ_KERN") && calls(insn, a->insn_cnt, BPF_FUNC_probe_read_kernel)) ||
	       (lacks("BPF_COOKIE") && calls(insn, a->insn_cnt, BPF_FUNC_get_attach_cookie)) ||
	       (lacks("ARG_CTX_TAG") && calls(insn, a->insn_cnt, BPF_FUNC_get_func_ip)) ||
	       (lacks("EXP_ATTACH_TYPE") && a->prog_type == BPF_PROG_TYPE_CGROUP_SOCK && a->expected_attach_type);
}

static const char *map_name(int fd)
{
	static struct bpf_map_info info;
	union bpf_attr a = {};
	memset(&info, 0, sizeof(info));
	a.info.bpf_fd = fd;
	a.info.info_len = sizeof(info);
	a.info.info = (long)&info;
	if (__real_syscall(__NR_bpf, BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)))
		return "?";
	return info.name;
}

static int is_ops(const char *name)
{
	char with[32];

	snprintf(with, sizeof(with), "%s,", name);
	return *name && strstr(ops, with) != NULL;
}

static void log_insns(const struct bpf_insn *insn, int n)
{
	printf(" fds=");
	for (int i = 0; i < n; i++)
		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) && (insn[i].src_reg == BPF_PSEUDO_MAP_FD || insn[i].src_reg == BPF_PSEUDO_MAP_VALUE))
			printf("%d:%s,", i, map_name(insn[i].imm));
	printf(" insns=");
	for (int i = 0; i < n; i++) {
		struct bpf_insn in = insn[i];
		if (in.code == (BPF_LD | BPF_IMM | BPF_DW) && (in.src_reg == BPF_PSEUDO_MAP_FD || in.src_reg == BPF_PSEUDO_MAP_VALUE))
			in.imm = 0;
		for (unsigned b = 0; b < sizeof(in); b++)
			printf("%02x", ((unsigned char *)&in)[b]);
	}
}

static int is_program(const union bpf_attr *a)
{
	struct bpf_program *p;
	if (obj)
		bpf_object__for_each_program(p, obj)
			if ((long)bpf_program__insns(p) == (long)a->insns)
				return 1;
	return 0;
}

static long refuse(int err) { errno = err; return -1; }

static long on_bpf(int cmd, union bpf_attr *a, unsigned size)
{
	union bpf_attr copy = {};
	long ret;

	memcpy(&copy, a, size < sizeof(copy) ? size : sizeof(copy));
	switch (cmd) {
	case BPF_BTF_LOAD:
		if (old_btf((void *)(long)a->btf))
			return refuse(EINVAL);
		printf("btf size=%u hash=%llx\n", a->btf_size, hash((void *)(long)a->btf, a->btf_size));
		ret = __real_syscall(__NR_bpf, cmd, a, size);
		if (ret < 0 && a->btf_size > 300)
			ret = fake_btf = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return ret;
	case BPF_MAP_CREATE:
		if ((lacks("PROG_NAME") && copy.map_name[0]) ||
		    (lacks("ARRAY_MMAP") && copy.map_flags & BPF_F_MMAPABLE && !strncmp(copy.map_name, "libbpf_", 7)))
			return refuse(EINVAL);
		if (strncmp(copy.map_name, "libbpf_", 7))
			printf("map name=%s type=%u key=%u value=%u max=%u flags=%x numa=%u extra=%llx btf=%u/%u/%u inner=%s\n",
			       copy.map_name, copy.map_type, copy.key_size, copy.value_size, copy.max_entries, copy.map_flags, copy.numa_node,
			       copy.map_extra, copy.btf_key_type_id, copy.btf_value_type_id, copy.btf_vmlinux_value_type_id,
			       copy.inner_map_fd ? map_name(copy.inner_map_fd) : "");
		if (fake_btf >= 0)
			copy.btf_fd = copy.btf_key_type_id = copy.btf_value_type_id = 0;
		ret = __real_syscall(__NR_bpf, cmd, fake_btf >= 0 ? &copy : a, fake_btf >= 0 ? sizeof(copy) : size);
		if (ret < 0 && strncmp(copy.map_name, "libbpf_", 7)) {
			/* this kernel says no: what matters is what libbpf asks next, so something takes the map's place */
			union bpf_attr any = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .max_entries = 1, .map_flags = copy.map_flags & BPF_F_MMAPABLE};
			any.value_size = (copy.map_type == BPF_MAP_TYPE_ARRAY || copy.map_type == BPF_MAP_TYPE_STRUCT_OPS) && copy.value_size ? copy.value_size : 4;
			if (copy.map_type == BPF_MAP_TYPE_STRUCT_OPS)
				strcat(strcat(ops, copy.map_name), ",");
			memcpy(any.map_name, copy.map_name, sizeof(any.map_name));
			ret = __real_syscall(__NR_bpf, cmd, &any, sizeof(any));
		}
		return ret;
	case BPF_PROG_LOAD:
		if (!is_program(a))
			return old_prog(a) ? refuse(EINVAL) : __real_syscall(__NR_bpf, cmd, a, size);
		printf("prog name=%s type=%u attach=%u flags=%x btf_id=%u target_fd=%d version=%x license=%s func_info=%u/%u/%llx line_info=%u/%u/%llx",
		       copy.prog_name, copy.prog_type, copy.expected_attach_type, copy.prog_flags, copy.attach_btf_id, copy.attach_btf_obj_fd != 0,
		       copy.kern_version, (char *)(long)copy.license,
		       copy.func_info_cnt, copy.func_info_rec_size, hash((void *)(long)copy.func_info, copy.func_info_cnt * copy.func_info_rec_size),
		       copy.line_info_cnt, copy.line_info_rec_size, hash((void *)(long)copy.line_info, copy.line_info_cnt * copy.line_info_rec_size));
		log_insns((void *)(long)copy.insns, copy.insn_cnt);
		printf("\n");
		ret = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (ret >= 0 && ret < 1024)
			memcpy(progs[ret], copy.prog_name, sizeof(copy.prog_name));
		return ret;
	case BPF_PROG_BIND_MAP:
		if (lacks("PROG_BIND_MAP"))
			return refuse(EINVAL);
		return 0;
	case BPF_LINK_CREATE:
		if (lacks("UPROBE_MULTI_LINK") && a->link_create.attach_type == 48 /* BPF_TRACE_UPROBE_MULTI */)
			return refuse(EINVAL);
		break;
	case BPF_MAP_UPDATE_ELEM: {
		struct bpf_map_info info = {};
		union bpf_attr q = {};
		q.info.bpf_fd = a->map_fd;
		q.info.info_len = sizeof(info);
		q.info.info = (long)&info;
		if (__real_syscall(__NR_bpf, BPF_OBJ_GET_INFO_BY_FD, &q, sizeof(q)))
			break;
		if (info.type == BPF_MAP_TYPE_PROG_ARRAY) {
			printf("slot map=%s key=%u prog=%s\n", info.name, *(unsigned *)(long)a->key, progs[*(int *)(long)a->value]);
			return 0;
		}
		if (info.type == BPF_MAP_TYPE_STRUCT_OPS || is_ops(info.name)) {
			const unsigned long long *w = (void *)(long)a->value;
			printf("ops map=%s ", info.name);
			for (unsigned i = 0; i < info.value_size / 8; i++)
				if (w[i] < 1024 && progs[w[i]][0])
					printf("<%s>", progs[w[i]]);
				else
					printf("%llx.", w[i]);
			printf("\n");
			return 0;
		}
		if (info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS || info.type == BPF_MAP_TYPE_HASH_OF_MAPS)
			printf("slot map=%s key=%u inner=%s\n", info.name, *(unsigned *)(long)a->key, map_name(*(int *)(long)a->value));
		if (info.type == BPF_MAP_TYPE_ARRAY)
			printf("value map=%s size=%u hash=%llx\n", info.name, info.value_size, hash((void *)(long)a->value, info.value_size));
		break;
	}
	case BPF_MAP_FREEZE:
		printf("freeze map=%s\n", map_name(a->map_fd));
		break;
	}
	return __real_syscall(__NR_bpf, cmd, a, size);
}

long __wrap_syscall(long nr, ...)
{
	va_list ap;
	long a[6];

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == __NR_bpf)
		return on_bpf(a[0], (void *)a[1], a[2]);
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (getenv("V") && level != LIBBPF_DEBUG)
		vfprintf(stderr, fmt, ap);
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_map *m;
	const char *kconfig = NULL;
	int err;

	libbpf_set_print(quiet);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-k")) { /* Kconfig text for the objects that follow */
			kconfig = argv[++i];
			continue;
		}
		LIBBPF_OPTS(bpf_object_open_opts, opts, .kconfig = kconfig);
		struct bpf_object *o = bpf_object__open_file(argv[i], &opts);
		if (!o) {
			printf("end open=%d\n", errno);
			continue;
		}
		bpf_object__for_each_map(m, o)
			bpf_map__set_pin_path(m, NULL);
		obj = o;
		err = bpf_object__load(o);
		if (!err)
			bpf_object__for_each_map(m, o)
				if (bpf_map__type(m) == BPF_MAP_TYPE_STRUCT_OPS && bpf_map__autocreate(m))
					bpf_map__attach_struct_ops(m);
		printf("end load=%d\n", -err);
		obj = NULL;
		ops[0] = 0;
		bpf_object__close(o);
		if (fake_btf >= 0)
			fake_btf = -1;
	}
	return 0;
}
