/* Helpers and SEC() flags that old kernels lack. */
#include "defs.h"

char buf[16];
static __noinline int read_user(void *p) { return bpf_probe_read_user(buf, 8, p) + bpf_probe_read_user_str(buf, 8, p); }

SEC("kprobe") int do_kernel(void *ctx) { return bpf_probe_read_kernel(buf, 8, ctx) + bpf_probe_read_kernel_str(buf, 8, ctx) + read_user(ctx); }
SEC("uprobe.s") int do_sleepable(void *ctx) { return bpf_copy_from_user(buf, 8, ctx); }
SEC("usdt") int do_usdt(void *ctx) { return bpf_probe_read(buf, 8, ctx); }
SEC("xdp.frags") int do_frags(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int do_optional(struct xdp_md *ctx) { return XDP_PASS; }
SEC("cgroup_skb/ingress") int do_ingress(void *ctx) { return 1; }
SEC("sockops") int do_sockops(void *ctx) { return 1; }
SEC("tcx/ingress") int do_tcx(void *ctx) { return 0; }
SEC("netfilter") int do_netfilter(void *ctx) { return 1; }
SEC("lsm/file_open") int do_lsm(void *ctx) { return 0; }
SEC("lsm.s/bpf") int do_lsm_sleepable(void *ctx) { return 0; }
SEC("lsm_cgroup/socket_bind") int do_lsm_cgroup(void *ctx) { return 1; }
SEC("iter/task") int do_iter(void *ctx) { return 0; }
SEC("iter.s/bpf_map") int do_iter_sleepable(void *ctx) { return 0; }
SEC("fentry/vfs_read") int do_fentry(void *ctx) { return 0; }
SEC("fexit.s/__x64_sys_getpid") int do_fexit(void *ctx) { return 0; }
SEC("fmod_ret/bpf_modify_return_test") int do_fmod_ret(void *ctx) { return 0; }
SEC("tp_btf/sched_switch") int do_tp_btf(void *ctx) { return 0; }
SEC("fentry/vmlinux:vfs_write") int do_in_vmlinux(void *ctx) { return 0; }
SEC("fentry/no_such_function_in_any_kernel") int do_missing(void *ctx) { return 0; }
SEC("fentry/after_the_missing_one") int do_after(void *ctx) { return 0; }
