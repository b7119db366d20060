/* What the kernel supplies: configuration, symbols, functions; strong and weak. */
#include "defs.h"

typedef enum libbpf_tristate tristate_t;

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig;
extern tristate_t CONFIG_IP_NF_IPTABLES __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[37] __kconfig __weak;
extern char CONFIG_LETTER __kconfig __weak;
extern unsigned long CONFIG_HZ __kconfig;
extern short CONFIG_SHORT __kconfig __weak;
extern unsigned int CONFIG_NO_SUCH_THING __kconfig __weak;
extern bool LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;

struct task_struct;
extern const void bpf_prog_put __ksym;
extern const void no_such_symbol __ksym __weak;
extern const int bpf_prog_active __ksym;
extern const struct rq runqueues __ksym __weak;
extern struct task_struct *bpf_task_acquire(struct task_struct *) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern int bpf_no_such_kfunc___flavor(int, void *) __ksym __weak;

SEC("raw_tp/sys_enter") int use(void *ctx)
{
	long n = LINUX_KERNEL_VERSION + CONFIG_BPF_SYSCALL + CONFIG_IP_NF_IPTABLES + CONFIG_DEFAULT_HOSTNAME[1] + CONFIG_LETTER +
		 CONFIG_HZ + CONFIG_SHORT + CONFIG_NO_SUCH_THING + LINUX_HAS_BPF_COOKIE + LINUX_HAS_SYSCALL_WRAPPER;
	n += (long)&bpf_prog_put + (long)&no_such_symbol + (long)&bpf_prog_active + (long)&runqueues;
	return n;
}
SEC("tp_btf/task_newtask") int call(__u64 *ctx)
{
	struct task_struct *t = bpf_task_acquire((void *)ctx[0]);

	if (bpf_no_such_kfunc___flavor)
		bpf_no_such_kfunc___flavor(1, t);
	if (t)
		bpf_task_release(t);
	return 0;
}
