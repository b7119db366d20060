// The state of the process that runs the program. Linux 5.14 renamed the field.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct {
	unsigned int __state;
} __attribute__((preserve_access_index));

struct task_struct___before_5_14 {
	long state;
} __attribute__((preserve_access_index));

long state = -1;

SEC("raw_tp")
int example(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (bpf_core_field_exists(task->__state)) {
		state = BPF_CORE_READ(task, __state);
	} else {
		struct task_struct___before_5_14 *old = (void *)task;

		state = BPF_CORE_READ(old, state);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
