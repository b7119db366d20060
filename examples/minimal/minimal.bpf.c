//go:build ignore

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile int process;
const volatile long number;
__u64 calls;

SEC("raw_tp/sys_enter")
int count_calls(struct bpf_raw_tracepoint_args *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == process && ctx->args[1] == number)
		__sync_fetch_and_add(&calls, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
