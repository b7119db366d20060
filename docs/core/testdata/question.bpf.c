// Questions about types, which are answered before the kernel sees the program.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct {} __attribute__((preserve_access_index));
struct no_such_struct {} __attribute__((preserve_access_index));

enum cgroup_subsys_id {
	memory_cgrp_id = 1000, /* any value: the kernel's replaces it */
};

unsigned int task_size;
_Bool has_task, has_other, has_memory;
int memory;

SEC("raw_tp")
int example(void *ctx)
{
	task_size = bpf_core_type_size(struct task_struct);
	has_task = bpf_core_type_exists(struct task_struct);
	has_other = bpf_core_type_exists(struct no_such_struct);
	has_memory = bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id);
	if (has_memory)
		memory = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
