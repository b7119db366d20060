// flags.bpf.c: a program or map for each flag and field that kernels know or do not. The test loads each by itself and compares the
// kernel's verdict with the prediction.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define PROG(section, name) SEC(section) int name(void *ctx) { return 0; }

PROG("?tp_btf/sys_enter", tp_btf)
PROG("?tp_btf.s/sys_enter", tp_btf_s)
PROG("?tp.s/syscalls/sys_enter_getpid", tp_s)
PROG("?raw_tp.s/sys_enter", raw_tp_s)
PROG("?fentry/__x64_sys_getpgid", fentry)
PROG("?fentry.s/__x64_sys_getpgid", fentry_s_call)
PROG("?fentry.s/vfs_read", fentry_s)
PROG("?fexit.s/__x64_sys_getpgid", fexit_s_call)
PROG("?fmod_ret.s/__x64_sys_getpgid", fmod_ret_s_call)
PROG("?lsm/bpf", lsm)
PROG("?lsm.s/bpf", lsm_s)
PROG("?lsm.s/file_mprotect", lsm_s_atomic)
PROG("?iter/task", iter)
PROG("?iter.s/task", iter_s)
PROG("?uprobe.s", uprobe_s)
PROG("?uprobe.multi.s//proc/self/exe:main", uprobe_multi_s)
PROG("?kprobe.session/vfs_read", kprobe_session)
PROG("?syscall", syscall_)
PROG("?xdp", xdp)
PROG("?xdp.frags", xdp_frags)
PROG("?xdp.frags/devmap", xdp_frags_devmap)
PROG("?fentry.multi/vfs_*", fentry_multi)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(map_flags, BPF_F_MMAPABLE);
} mmapable SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(map_flags, BPF_F_MMAPABLE);
} mmapable_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1);
	__type(value, __u64);
	__uint(map_extra, 3);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1);
	__type(value, __u64);
	__uint(map_extra, 99);
} bloom_bad SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(map_flags, BPF_F_INNER_MAP);
} inner SEC(".maps");

struct {
	__uint(type, 33); // BPF_MAP_TYPE_ARENA
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | (1U << 17)); // BPF_F_SEGV_ON_FAULT
} arena_segv SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(map_flags, 1U << 24);
} unknown_flag SEC(".maps");

SEC("struct_ops") __u32 ssthresh(void *ctx) { return 2; }
SEC("struct_ops") __u32 undo_cwnd(void *ctx) { return 2; }
SEC("struct_ops") void cong_avoid(void *ctx) {}

struct tcp_congestion_ops { // no more members than are used
	char name[16];
	__u32 (*ssthresh)(void *);
	__u32 (*undo_cwnd)(void *);
	void (*cong_avoid)(void *);
};

SEC(".struct_ops")
struct tcp_congestion_ops plain = { .name = "bpf_plain", .ssthresh = ssthresh, .undo_cwnd = undo_cwnd, .cong_avoid = cong_avoid };

SEC(".struct_ops.link")
struct tcp_congestion_ops linked = { .name = "bpf_linked", .ssthresh = ssthresh, .undo_cwnd = undo_cwnd, .cong_avoid = cong_avoid };

char _license[] SEC("license") = "GPL";
