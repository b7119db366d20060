// guards.bpf.c: programs that use what no kernel has, with and without asking first. The test loads each by itself and compares
// the kernel's verdict with the prediction, which the program's name tells as well: ok_* load, bad_* do not.
#include <linux/bpf.h>
#include <linux/version.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct___none {
	int no_such_field;
	int pid;
} __attribute__((preserve_access_index));

struct no_such_struct {
	int field;
} __attribute__((preserve_access_index));

enum no_such_enum { NO_SUCH_VALUE = 1 };

const volatile bool wanted = false;
const volatile int level = 3;
int result;

extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;
extern void bpf_no_such_kfunc(void) __ksym __weak;
extern const int no_such_symbol __ksym __weak;

static struct task_struct___none *task(void)
{
	return (void *)bpf_get_current_task();
}

SEC("raw_tp/sys_enter")
int bad_field(void *ctx)
{
	result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_field_exists(void *ctx)
{
	struct task_struct___none *t = task();

	if (bpf_core_field_exists(t->no_such_field))
		result = BPF_CORE_READ(t, no_such_field);
	return 0;
}

// The other way round: reads it if it does not exist.
SEC("raw_tp/sys_enter")
int bad_guard(void *ctx)
{
	struct task_struct___none *t = task();

	if (!bpf_core_field_exists(t->no_such_field))
		result = BPF_CORE_READ(t, no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_type_exists(void *ctx)
{
	struct no_such_struct *s = (void *)bpf_get_current_task();

	if (bpf_core_type_exists(struct no_such_struct))
		result = BPF_CORE_READ(s, field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_rodata(void *ctx)
{
	if (wanted)
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int bad_rodata(void *ctx)
{
	if (level > 2)
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_version(void *ctx)
{
	if (LINUX_KERNEL_VERSION < KERNEL_VERSION(4, 0, 0))
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int bad_version(void *ctx)
{
	if (LINUX_KERNEL_VERSION > KERNEL_VERSION(4, 0, 0))
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_kconfig(void *ctx)
{
	if (CONFIG_NO_SUCH_OPTION)
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_ksym(void *ctx)
{
	if (&no_such_symbol)
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_kfunc(void *ctx)
{
	if (bpf_ksym_exists(bpf_no_such_kfunc))
		bpf_no_such_kfunc();
	return 0;
}

SEC("raw_tp/sys_enter")
int bad_kfunc(void *ctx)
{
	bpf_no_such_kfunc();
	return 0;
}

static __noinline int has_field(void)
{
	return bpf_core_field_exists(struct task_struct___none, no_such_field);
}

static __noinline int read_field(struct task_struct___none *t, int really)
{
	if (!really)
		return 0;
	return BPF_CORE_READ(t, no_such_field);
}

SEC("raw_tp/sys_enter")
int ok_returned(void *ctx)
{
	if (has_field())
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_passed(void *ctx)
{
	result = read_field(task(), has_field());
	return 0;
}

SEC("raw_tp/sys_enter")
int bad_passed(void *ctx)
{
	result = read_field(task(), level);
	return 0;
}

// The answer waits on the stack while registers are in use.
SEC("raw_tp/sys_enter")
int ok_spilled(void *ctx)
{
	volatile int has = bpf_core_field_exists(struct task_struct___none, no_such_field);
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm));
	if (comm[0] == 'x')
		result = bpf_get_smp_processor_id();
	if (has)
		result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int bad_enum(void *ctx)
{
	result = bpf_core_enum_value(enum no_such_enum, NO_SUCH_VALUE);
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_enum(void *ctx)
{
	if (bpf_core_enum_value_exists(enum no_such_enum, NO_SUCH_VALUE))
		result = bpf_core_enum_value(enum no_such_enum, NO_SUCH_VALUE);
	return 0;
}

static int (*bpf_no_such_helper)(void) = (void *)9999;

SEC("raw_tp/sys_enter")
int bad_helper(void *ctx)
{
	result = bpf_no_such_helper();
	return 0;
}

SEC("raw_tp/sys_enter")
int ok_helper(void *ctx)
{
	if (bpf_core_enum_value_exists(enum no_such_enum, NO_SUCH_VALUE))
		result = bpf_no_such_helper();
	return 0;
}

// A helper of networking programs.
SEC("raw_tp/sys_enter")
int bad_helper_type(void *ctx)
{
	bpf_set_hash_invalid(ctx);
	return 0;
}

static long callback(__u32 i, void *data)
{
	result = BPF_CORE_READ(task(), no_such_field);
	return 0;
}

SEC("raw_tp/sys_enter")
int bad_callback(void *ctx)
{
	bpf_loop(3, callback, 0, 0);
	return 0;
}

// A pointer that is NULL or goes to the stack: the verifier follows both sides.
SEC("raw_tp/sys_enter")
int bad_optional(void *ctx)
{
	int local = level;
	int *p = 0;

	if (bpf_get_smp_processor_id() & 1) {
		result = bpf_get_prandom_u32();
		p = &local;
	}
	barrier_var(p);
	if (p)
		*(volatile int *)p = 1;
	else
		result = bpf_no_such_helper();
	result += local;
	return 0;
}

// It does so even if the pointer always goes to the stack.
static __attribute__((noinline)) int increment(int *p)
{
	barrier_var(p);
	if (!p)
		return bpf_no_such_helper();
	return ++*(volatile int *)p;
}

SEC("raw_tp/sys_enter")
int bad_by_address(void *ctx)
{
	int local = 1;

	result = increment(&local);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
