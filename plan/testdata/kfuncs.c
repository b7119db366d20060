/* What running kernels really have: kfuncs, typed and typeless symbols, and weak ones that no kernel has. */
#include "defs.h"

struct task_struct { int pid; } __attribute__((preserve_access_index));
struct rq { int cpu; } __attribute__((preserve_access_index));

extern const void bpf_prog_put __ksym;
extern const void no_such_symbol __ksym __weak;
extern const int bpf_prog_active __ksym;
extern const struct rq runqueues __ksym __weak;
extern const int no_such_variable __ksym __weak;
extern struct task_struct *bpf_task_acquire(struct task_struct *) __ksym;
extern void bpf_task_release___flavour(struct task_struct *p) __ksym;
extern int bpf_no_such_kfunc(int, void *) __ksym __weak;
extern void *bpf_task_from_pid(long, long, long) __ksym __weak; /* another prototype than the kernel's */

static __noinline int release(struct task_struct *t)
{
	bpf_task_release___flavour(t);
	return bpf_task_from_pid ? bpf_task_from_pid(1, 2, 3) != 0 : 0;
}

SEC("tp_btf/task_newtask") int do_call(__u64 *ctx)
{
	struct task_struct *t = bpf_task_acquire((void *)ctx[0]);

	if (bpf_no_such_kfunc)
		bpf_no_such_kfunc(1, t);
	return t ? release(t) : 0;
}
SEC("raw_tp/sys_enter") int do_use(void *ctx)
{
	return (long)&bpf_prog_put + (long)&no_such_symbol + (long)&bpf_prog_active + (long)&runqueues + (long)&no_such_variable;
}
