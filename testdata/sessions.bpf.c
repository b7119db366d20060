// SPDX-License-Identifier: BSD-2-Clause
// Programs whose kinds few kernels have. clang -O2 -g -target bpf -fdebug-compilation-dir=. -c sessions.bpf.c -o sessions.bpf.o
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("fsession/vfs_read")
int session(void *ctx)
{
	return 0;
}

SEC("fsession.s/vfs_write")
int session_sleepable(void *ctx)
{
	return 0;
}

SEC("lsm_cgroup/socket_bind")
int bind(void *ctx)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
