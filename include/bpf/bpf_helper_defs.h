/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/* purebpf header: "bpf headers" writes it. */
/* Code generated from internal/headergen/helpers.tsv. DO NOT EDIT. */
#ifndef __BPF_HELPER_DEFS_H__
#define __BPF_HELPER_DEFS_H__

/*
 * The kernel's helpers as C functions. Each comment tells what a helper does, the first kernel
 * that has it, for which programs, and whether only programs under a license that is compatible
 * with the GPL may call it.
 */

#ifndef __VMLINUX_H__
#if !defined(_ASM_GENERIC_INT_LL64_H) && !defined(_UAPI_ASM_GENERIC_INT_LL64_H)
typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
#endif
#if !defined(_LINUX_TYPES_H) && !defined(_UAPI_LINUX_TYPES_H)
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
#endif
#endif

struct __sk_buff;
struct bpf_dynptr;
struct bpf_fib_lookup;
struct bpf_perf_event_data;
struct bpf_perf_event_value;
struct bpf_pidns_info;
struct bpf_redir_neigh;
struct bpf_sock;
struct bpf_sock_addr;
struct bpf_sock_ops;
struct bpf_sock_tuple;
struct bpf_spin_lock;
struct bpf_sysctl;
struct bpf_tcp_sock;
struct bpf_timer;
struct bpf_tunnel_key;
struct bpf_xfrm_state;
struct btf_ptr;
struct cgroup;
struct file;
struct inode;
struct iphdr;
struct ipv6hdr;
struct linux_binprm;
struct mptcp_sock;
struct path;
struct pt_regs;
struct seq_file;
struct sk_msg_md;
struct sk_reuseport_md;
struct sockaddr;
struct socket;
struct task_struct;
struct tcp6_sock;
struct tcp_request_sock;
struct tcp_sock;
struct tcp_timewait_sock;
struct tcphdr;
struct udp6_sock;
struct unix_sock;
struct xdp_md;

/* A call of a fastcall helper keeps r1 to r5, where the compiler knows it (clang 20). */
#ifndef __bpf_fastcall
#if defined(__has_attribute) && __has_attribute(bpf_fastcall)
#define __bpf_fastcall __attribute__((bpf_fastcall))
#else
#define __bpf_fastcall
#endif
#endif

/* A helper is a constant pointer to a function at its id: a call of it compiles to "call id". */
#ifdef __cplusplus
#define ___bpf_helper(name, id) ((__typeof__(name))id)
#else
#define ___bpf_helper(name, id) ((void *)id)
#endif


/*
 * Finds the value of a key in a map; NULL if there is none. The pointer stays valid while the
 * program runs.
 * Linux 3.19; all programs.
 */
static void *(* const bpf_map_lookup_elem)(void *map, const void *key) =
		___bpf_helper(bpf_map_lookup_elem, 1);

/*
 * Stores a value for a key; flags BPF_ANY, BPF_NOEXIST or BPF_EXIST say whether the key may or
 * must be there.
 * Linux 3.19; all programs.
 */
static long (* const bpf_map_update_elem)(void *map, const void *key, const void *value,
		__u64 flags) = ___bpf_helper(bpf_map_update_elem, 2);

/*
 * Removes a key and its value from a map.
 * Linux 3.19; all programs.
 */
static long (* const bpf_map_delete_elem)(void *map, const void *key) =
		___bpf_helper(bpf_map_delete_elem, 3);

/*
 * Copies memory at an address that may be bad. Prefer bpf_probe_read_kernel or
 * bpf_probe_read_user, which know whose address it is.
 * Linux 4.1; tracing programs, lsm; GPL.
 */
static long (* const bpf_probe_read)(void *dst, __u32 size, const void *unsafe_ptr) =
		___bpf_helper(bpf_probe_read, 4);

/*
 * Nanoseconds since boot, without time asleep (CLOCK_MONOTONIC).
 * Linux 4.1; all programs.
 */
static __u64 (* const bpf_ktime_get_ns)(void) = ___bpf_helper(bpf_ktime_get_ns, 5);

/*
 * Formats a line into the kernel's trace_pipe, with at most three arguments. For debugging; see
 * bpf_printk.
 * Linux 4.1; all programs; GPL.
 */
static long (* const bpf_trace_printk)(const char *fmt, __u32 fmt_size, ...) =
		___bpf_helper(bpf_trace_printk, 6);

/*
 * A pseudo-random number.
 * Linux 4.1; all programs.
 */
static __u32 (* const bpf_get_prandom_u32)(void) = ___bpf_helper(bpf_get_prandom_u32, 7);

/*
 * Number of the CPU that runs the program.
 * Linux 4.1; all programs.
 */
static __bpf_fastcall __u32 (* const bpf_get_smp_processor_id)(void) =
		___bpf_helper(bpf_get_smp_processor_id, 8);

/*
 * Writes bytes into a packet; flags can have the checksum and hash brought up to date. Packet
 * pointers must be checked anew after it.
 * Linux 4.1; tc, sk_skb, lwt_xmit.
 */
static long (* const bpf_skb_store_bytes)(struct __sk_buff *skb, __u32 offset, const void *from,
		__u32 len, __u64 flags) = ___bpf_helper(bpf_skb_store_bytes, 9);

/*
 * Brings the IP checksum at an offset up to date after a field changed from one value to another.
 * Linux 4.1; tc, lwt_xmit.
 */
static long (* const bpf_l3_csum_replace)(struct __sk_buff *skb, __u32 offset, __u64 from,
		__u64 to, __u64 size) = ___bpf_helper(bpf_l3_csum_replace, 10);

/*
 * Brings the TCP or UDP checksum at an offset up to date; flags tell the field's size and whether
 * the pseudo header is meant.
 * Linux 4.1; tc, lwt_xmit.
 */
static long (* const bpf_l4_csum_replace)(struct __sk_buff *skb, __u32 offset, __u64 from,
		__u64 to, __u64 flags) = ___bpf_helper(bpf_l4_csum_replace, 11);

/*
 * Goes on in another program of a PROG_ARRAY and does not return; continues here when the slot is
 * empty.
 * Linux 4.2; all programs.
 */
static long (* const bpf_tail_call)(void *ctx, void *prog_array_map, __u32 index) =
		___bpf_helper(bpf_tail_call, 12);

/*
 * Sends a copy of the packet out of, or with BPF_F_INGRESS into, another interface.
 * Linux 4.2; tc, lwt_xmit.
 */
static long (* const bpf_clone_redirect)(struct __sk_buff *skb, __u32 ifindex, __u64 flags) =
		___bpf_helper(bpf_clone_redirect, 13);

/*
 * Process (tgid) in the upper and thread (pid) in the lower 32 bits of the current task.
 * Linux 4.2; all programs.
 */
static __u64 (* const bpf_get_current_pid_tgid)(void) =
		___bpf_helper(bpf_get_current_pid_tgid, 14);

/*
 * Group in the upper and user in the lower 32 bits of the current task.
 * Linux 4.2; tracing programs, lsm, cgroup/sock, cgroup socket addresses, cgroup/dev,
 * cgroup/sysctl, cgroup socket options, sk_msg.
 */
static __u64 (* const bpf_get_current_uid_gid)(void) = ___bpf_helper(bpf_get_current_uid_gid, 15);

/*
 * Copies the current task's name, at most 16 bytes with the final NUL.
 * Linux 4.2; tracing programs, lsm, cgroup/sock, cgroup socket addresses, cgroup/dev,
 * cgroup/sysctl, cgroup socket options.
 */
static long (* const bpf_get_current_comm)(void *buf, __u32 size_of_buf) =
		___bpf_helper(bpf_get_current_comm, 16);

/*
 * The net_cls class of the task that sent the packet (cgroup v1).
 * Linux 4.3; tc, lwt programs, cgroup/sock, cgroup socket addresses, cgroup/dev, cgroup/sysctl,
 * cgroup socket options, sk_msg.
 */
static __u32 (* const bpf_get_cgroup_classid)(struct __sk_buff *skb) =
		___bpf_helper(bpf_get_cgroup_classid, 17);

/*
 * Adds a VLAN tag to a packet.
 * Linux 4.3; tc.
 */
static long (* const bpf_skb_vlan_push)(struct __sk_buff *skb, __be16 vlan_proto, __u16 vlan_tci) =
		___bpf_helper(bpf_skb_vlan_push, 18);

/*
 * Removes the outermost VLAN tag of a packet.
 * Linux 4.3; tc.
 */
static long (* const bpf_skb_vlan_pop)(struct __sk_buff *skb) =
		___bpf_helper(bpf_skb_vlan_pop, 19);

/*
 * Reads from which tunnel a packet came: key, addresses, type of service.
 * Linux 4.3; tc, lwt_xmit.
 */
static long (* const bpf_skb_get_tunnel_key)(struct __sk_buff *skb, struct bpf_tunnel_key *key,
		__u32 size, __u64 flags) = ___bpf_helper(bpf_skb_get_tunnel_key, 20);

/*
 * Sets the tunnel that a packet is to go through.
 * Linux 4.3; tc, lwt_xmit.
 */
static long (* const bpf_skb_set_tunnel_key)(struct __sk_buff *skb, struct bpf_tunnel_key *key,
		__u32 size, __u64 flags) = ___bpf_helper(bpf_skb_set_tunnel_key, 21);

/*
 * Value of the perf counter in a slot of a PERF_EVENT_ARRAY. bpf_perf_event_read_value tells
 * errors apart from counts.
 * Linux 4.3; tracing programs, lsm; GPL.
 */
static __u64 (* const bpf_perf_event_read)(void *map, __u64 flags) =
		___bpf_helper(bpf_perf_event_read, 22);

/*
 * Has the packet go to another interface; return its result from the program.
 * Linux 4.4; tc, XDP, lwt_xmit.
 */
static long (* const bpf_redirect)(__u32 ifindex, __u64 flags) = ___bpf_helper(bpf_redirect, 23);

/*
 * The realm of the route that the packet takes.
 * Linux 4.4; tc, lwt programs.
 */
static __u32 (* const bpf_get_route_realm)(struct __sk_buff *skb) =
		___bpf_helper(bpf_get_route_realm, 24);

/*
 * Writes a sample into a perf buffer, and with packets a part of the packet behind it.
 * Linux 4.4; tracing programs, lsm, socket filters, tc, XDP, cgroup programs, lwt programs,
 * sockops, sk_skb, sk_msg, sk_lookup, syscall; GPL.
 */
static long (* const bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data,
		__u64 size) = ___bpf_helper(bpf_perf_event_output, 25);

/*
 * Copies bytes out of a packet, wherever they lie.
 * Linux 4.5; socket filters, tc, cgroup_skb, sk_skb, sk_reuseport, flow_dissector, lwt programs.
 */
static long (* const bpf_skb_load_bytes)(const void *skb, __u32 offset, void *to, __u32 len) =
		___bpf_helper(bpf_skb_load_bytes, 26);

/*
 * Stores the kernel's or the user's call stack in a STACK_TRACE map and returns its key there.
 * Linux 4.6; tracing programs, lsm; GPL.
 */
static long (* const bpf_get_stackid)(void *ctx, void *map, __u64 flags) =
		___bpf_helper(bpf_get_stackid, 27);

/*
 * Checksum difference between an old and a new piece of data, to be given to the csum_replace
 * helpers.
 * Linux 4.6; tc, XDP, lwt programs.
 */
static __s64 (* const bpf_csum_diff)(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size,
		__wsum seed) = ___bpf_helper(bpf_csum_diff, 28);

/*
 * Reads the options of the tunnel that a packet came from.
 * Linux 4.6; tc, lwt_xmit.
 */
static long (* const bpf_skb_get_tunnel_opt)(struct __sk_buff *skb, void *opt, __u32 size) =
		___bpf_helper(bpf_skb_get_tunnel_opt, 29);

/*
 * Sets options of the tunnel that a packet is to go through.
 * Linux 4.6; tc, lwt_xmit.
 */
static long (* const bpf_skb_set_tunnel_opt)(struct __sk_buff *skb, void *opt, __u32 size) =
		___bpf_helper(bpf_skb_set_tunnel_opt, 30);

/*
 * Turns an IPv4 packet into IPv6 or back; the program fills the new header in.
 * Linux 4.8; tc.
 */
static long (* const bpf_skb_change_proto)(struct __sk_buff *skb, __be16 proto, __u64 flags) =
		___bpf_helper(bpf_skb_change_proto, 31);

/*
 * Changes for whom the packet is: PACKET_HOST, PACKET_BROADCAST and so on.
 * Linux 4.8; tc.
 */
static long (* const bpf_skb_change_type)(struct __sk_buff *skb, __u32 type) =
		___bpf_helper(bpf_skb_change_type, 32);

/*
 * Whether the packet's socket is below the cgroup in a slot of a CGROUP_ARRAY.
 * Linux 4.8; tc, lwt programs.
 */
static long (* const bpf_skb_under_cgroup)(struct __sk_buff *skb, void *map, __u32 index) =
		___bpf_helper(bpf_skb_under_cgroup, 33);

/*
 * The packet's flow hash, computed if it has none.
 * Linux 4.8; tc, lwt programs.
 */
static __u32 (* const bpf_get_hash_recalc)(struct __sk_buff *skb) =
		___bpf_helper(bpf_get_hash_recalc, 34);

/*
 * Address of the current task's struct task_struct, to be read with BPF_CORE_READ.
 * Linux 4.8; all programs; GPL.
 */
static __u64 (* const bpf_get_current_task)(void) = ___bpf_helper(bpf_get_current_task, 35);

/*
 * Writes into the current task's memory. For experiments: the kernel warns when such a program is
 * loaded.
 * Linux 4.8; tracing programs, lsm; GPL.
 */
static long (* const bpf_probe_write_user)(void *dst, const void *src, __u32 len) =
		___bpf_helper(bpf_probe_write_user, 36);

/*
 * Whether the current task is below the cgroup in a slot of a CGROUP_ARRAY.
 * Linux 4.9; tracing programs, lsm, cgroup/sock, cgroup socket addresses, cgroup/dev,
 * cgroup/sysctl, cgroup socket options.
 */
static long (* const bpf_current_task_under_cgroup)(void *map, __u32 index) =
		___bpf_helper(bpf_current_task_under_cgroup, 37);

/*
 * Makes the packet longer or shorter at its end.
 * Linux 4.9; tc, sk_skb, lwt_xmit.
 */
static long (* const bpf_skb_change_tail)(struct __sk_buff *skb, __u32 len, __u64 flags) =
		___bpf_helper(bpf_skb_change_tail, 38);

/*
 * Makes the first bytes of a packet accessible through data and data_end.
 * Linux 4.9; tc, sk_skb, lwt programs.
 */
static long (* const bpf_skb_pull_data)(struct __sk_buff *skb, __u32 len) =
		___bpf_helper(bpf_skb_pull_data, 39);

/*
 * Adds a difference to the checksum that the device computed of the whole packet.
 * Linux 4.9; tc, lwt_xmit.
 */
static __s64 (* const bpf_csum_update)(struct __sk_buff *skb, __wsum csum) =
		___bpf_helper(bpf_csum_update, 40);

/*
 * Forgets the packet's flow hash; the next who wants it computes it.
 * Linux 4.9; tc, lwt_xmit.
 */
static void (* const bpf_set_hash_invalid)(struct __sk_buff *skb) =
		___bpf_helper(bpf_set_hash_invalid, 41);

/*
 * Number of the NUMA node that runs the program.
 * Linux 4.10; all programs.
 */
static long (* const bpf_get_numa_node_id)(void) = ___bpf_helper(bpf_get_numa_node_id, 42);

/*
 * Makes room before the packet, for a link-layer header.
 * Linux 4.10; tc, sk_skb, lwt_xmit.
 */
static long (* const bpf_skb_change_head)(struct __sk_buff *skb, __u32 len, __u64 flags) =
		___bpf_helper(bpf_skb_change_head, 43);

/*
 * Moves the start of the packet: negative makes room for headers, positive takes them off.
 * Linux 4.10; XDP.
 */
static long (* const bpf_xdp_adjust_head)(struct xdp_md *xdp_md, int delta) =
		___bpf_helper(bpf_xdp_adjust_head, 44);

/*
 * Copies a string at an address that may be bad. Prefer the _kernel_str and _user_str helpers.
 * Linux 4.11; tracing programs, lsm; GPL.
 */
static long (* const bpf_probe_read_str)(void *dst, __u32 size, const void *unsafe_ptr) =
		___bpf_helper(bpf_probe_read_str, 45);

/*
 * A number of a socket's own, the same as long as it lives.
 * Linux 4.12; socket filters, tc, cgroup_skb, cgroup/sock, cgroup socket addresses, sockops,
 * sk_skb, sk_reuseport, fentry, fexit, tp_btf, lsm.
 */
static __u64 (* const bpf_get_socket_cookie)(void *ctx) = ___bpf_helper(bpf_get_socket_cookie, 46);

/*
 * User that owns the packet's socket; overflowuid if none is known.
 * Linux 4.12; socket filters, tc, cgroup_skb, sk_skb.
 */
static __u32 (* const bpf_get_socket_uid)(struct __sk_buff *skb) =
		___bpf_helper(bpf_get_socket_uid, 47);

/*
 * Sets the packet's flow hash.
 * Linux 4.13; tc.
 */
static long (* const bpf_set_hash)(struct __sk_buff *skb, __u32 hash) =
		___bpf_helper(bpf_set_hash, 48);

/*
 * Sets an option of a socket, as setsockopt(2) does; a part of the options.
 * Linux 4.13; sockops, cgroup socket addresses, cgroup socket options, lsm.
 */
static long (* const bpf_setsockopt)(void *bpf_socket, int level, int optname, void *optval,
		int optlen) = ___bpf_helper(bpf_setsockopt, 49);

/*
 * Makes room in a packet, or takes it away, behind its MAC or network header.
 * Linux 4.13; tc, sk_skb.
 */
static long (* const bpf_skb_adjust_room)(struct __sk_buff *skb, __s32 len_diff, __u32 mode,
		__u64 flags) = ___bpf_helper(bpf_skb_adjust_room, 50);

/*
 * Has the packet go where a slot of a DEVMAP, CPUMAP or XSKMAP says; the flags' low bits are the
 * result for an empty slot.
 * Linux 4.14; XDP.
 */
static long (* const bpf_redirect_map)(void *map, __u64 key, __u64 flags) =
		___bpf_helper(bpf_redirect_map, 51);

/*
 * Has the packet go to the socket in a slot of a SOCKMAP.
 * Linux 4.14; sk_skb.
 */
static long (* const bpf_sk_redirect_map)(struct __sk_buff *skb, void *map, __u32 key,
		__u64 flags) = ___bpf_helper(bpf_sk_redirect_map, 52);

/*
 * Puts the socket of the context into a SOCKMAP.
 * Linux 4.14; sockops.
 */
static long (* const bpf_sock_map_update)(struct bpf_sock_ops *skops, void *map, void *key,
		__u64 flags) = ___bpf_helper(bpf_sock_map_update, 53);

/*
 * Makes room for data of one's own before the packet, which tc programs read as data_meta.
 * Linux 4.15; XDP.
 */
static long (* const bpf_xdp_adjust_meta)(struct xdp_md *xdp_md, int delta) =
		___bpf_helper(bpf_xdp_adjust_meta, 54);

/*
 * Reads the perf counter in a slot of a PERF_EVENT_ARRAY, and how long it was enabled and running.
 * Linux 4.15; tracing programs, lsm; GPL.
 */
static long (* const bpf_perf_event_read_value)(void *map, __u64 flags,
		struct bpf_perf_event_value *buf, __u32 buf_size) =
		___bpf_helper(bpf_perf_event_read_value, 55);

/*
 * Reads the counter of the event that the program is attached to.
 * Linux 4.15; perf_event; GPL.
 */
static long (* const bpf_perf_prog_read_value)(struct bpf_perf_event_data *ctx,
		struct bpf_perf_event_value *buf, __u32 buf_size) =
		___bpf_helper(bpf_perf_prog_read_value, 56);

/*
 * Reads an option of a socket, as getsockopt(2) does; a part of the options.
 * Linux 4.15; sockops, cgroup socket addresses, cgroup socket options, lsm.
 */
static long (* const bpf_getsockopt)(void *bpf_socket, int level, int optname, void *optval,
		int optlen) = ___bpf_helper(bpf_getsockopt, 57);

/*
 * Has the probed function return a value at once. Only for functions that the kernel allows errors
 * to be injected into.
 * Linux 4.16; kprobe, uprobe; GPL.
 */
static long (* const bpf_override_return)(struct pt_regs *regs, __u64 rc) =
		___bpf_helper(bpf_override_return, 58);

/*
 * Says which further events of the connection this program is called for.
 * Linux 4.16; sockops.
 */
static long (* const bpf_sock_ops_cb_flags_set)(struct bpf_sock_ops *bpf_sock, int argval) =
		___bpf_helper(bpf_sock_ops_cb_flags_set, 59);

/*
 * Has the message go to the socket in a slot of a SOCKMAP.
 * Linux 4.17; sk_msg.
 */
static long (* const bpf_msg_redirect_map)(struct sk_msg_md *msg, void *map, __u32 key,
		__u64 flags) = ___bpf_helper(bpf_msg_redirect_map, 60);

/*
 * For how many bytes the program's verdict stands before it is asked again.
 * Linux 4.17; sk_msg.
 */
static long (* const bpf_msg_apply_bytes)(struct sk_msg_md *msg, __u32 bytes) =
		___bpf_helper(bpf_msg_apply_bytes, 61);

/*
 * Has the program called again only when so many bytes have come together.
 * Linux 4.17; sk_msg.
 */
static long (* const bpf_msg_cork_bytes)(struct sk_msg_md *msg, __u32 bytes) =
		___bpf_helper(bpf_msg_cork_bytes, 62);

/*
 * Makes a part of the message accessible through data and data_end.
 * Linux 4.17; sk_msg.
 */
static long (* const bpf_msg_pull_data)(struct sk_msg_md *msg, __u32 start, __u32 end,
		__u64 flags) = ___bpf_helper(bpf_msg_pull_data, 63);

/*
 * Binds the socket that is about to connect to a local address.
 * Linux 4.17; cgroup socket addresses.
 */
static long (* const bpf_bind)(struct bpf_sock_addr *ctx, struct sockaddr *addr, int addr_len) =
		___bpf_helper(bpf_bind, 64);

/*
 * Moves the end of the packet: negative cuts, positive makes room where the driver has it.
 * Linux 4.18; XDP.
 */
static long (* const bpf_xdp_adjust_tail)(struct xdp_md *xdp_md, int delta) =
		___bpf_helper(bpf_xdp_adjust_tail, 65);

/*
 * Reads one of the IPsec transformations that the packet went through.
 * Linux 4.18; tc.
 */
static long (* const bpf_skb_get_xfrm_state)(struct __sk_buff *skb, __u32 index,
		struct bpf_xfrm_state *xfrm_state, __u32 size, __u64 flags) =
		___bpf_helper(bpf_skb_get_xfrm_state, 66);

/*
 * Copies the kernel's or the user's call stack into a buffer.
 * Linux 4.18; tracing programs, lsm; GPL.
 */
static long (* const bpf_get_stack)(void *ctx, void *buf, __u32 size, __u64 flags) =
		___bpf_helper(bpf_get_stack, 67);

/*
 * Copies bytes out of a packet, counted from its MAC or network header.
 * Linux 4.18; socket filters, tc, cgroup_skb, sk_reuseport.
 */
static long (* const bpf_skb_load_bytes_relative)(const void *skb, __u32 offset, void *to,
		__u32 len, __u32 start_header) = ___bpf_helper(bpf_skb_load_bytes_relative, 68);

/*
 * Looks up where the routing table sends a packet: interface, next hop and MAC addresses.
 * Linux 4.18; tc, XDP; GPL.
 */
static long (* const bpf_fib_lookup)(void *ctx, struct bpf_fib_lookup *params, int plen,
		__u32 flags) = ___bpf_helper(bpf_fib_lookup, 69);

/*
 * Puts the socket of the context into a SOCKHASH.
 * Linux 4.18; sockops.
 */
static long (* const bpf_sock_hash_update)(struct bpf_sock_ops *skops, void *map, void *key,
		__u64 flags) = ___bpf_helper(bpf_sock_hash_update, 70);

/*
 * Has the message go to the socket under a key of a SOCKHASH.
 * Linux 4.18; sk_msg.
 */
static long (* const bpf_msg_redirect_hash)(struct sk_msg_md *msg, void *map, void *key,
		__u64 flags) = ___bpf_helper(bpf_msg_redirect_hash, 71);

/*
 * Has the packet go to the socket under a key of a SOCKHASH.
 * Linux 4.18; sk_skb.
 */
static long (* const bpf_sk_redirect_hash)(struct __sk_buff *skb, void *map, void *key,
		__u64 flags) = ___bpf_helper(bpf_sk_redirect_hash, 72);

/*
 * Wraps the packet into another protocol: segment routing (from lwt_in) or IP.
 * Linux 4.18; lwt_in, lwt_xmit.
 */
static long (* const bpf_lwt_push_encap)(struct __sk_buff *skb, __u32 type, void *hdr, __u32 len) =
		___bpf_helper(bpf_lwt_push_encap, 73);

/*
 * Writes into the parts of the segment routing header that may change.
 * Linux 4.18; lwt_seg6local.
 */
static long (* const bpf_lwt_seg6_store_bytes)(struct __sk_buff *skb, __u32 offset,
		const void *from, __u32 len) = ___bpf_helper(bpf_lwt_seg6_store_bytes, 74);

/*
 * Makes room for TLVs in the segment routing header, or takes it away.
 * Linux 4.18; lwt_seg6local.
 */
static long (* const bpf_lwt_seg6_adjust_srh)(struct __sk_buff *skb, __u32 offset, __s32 delta) =
		___bpf_helper(bpf_lwt_seg6_adjust_srh, 75);

/*
 * Applies one of the segment routing actions to the packet.
 * Linux 4.18; lwt_seg6local.
 */
static long (* const bpf_lwt_seg6_action)(struct __sk_buff *skb, __u32 action, void *param,
		__u32 param_len) = ___bpf_helper(bpf_lwt_seg6_action, 76);

/*
 * Tells the input layer that the last key of the remote control is repeated.
 * Linux 4.18; lirc_mode2; GPL.
 */
static long (* const bpf_rc_repeat)(void *ctx) = ___bpf_helper(bpf_rc_repeat, 77);

/*
 * Tells the input layer that a key of the remote control is pressed.
 * Linux 4.18; lirc_mode2; GPL.
 */
static long (* const bpf_rc_keydown)(void *ctx, __u32 protocol, __u64 scancode, __u32 toggle) =
		___bpf_helper(bpf_rc_keydown, 78);

/*
 * Id of the cgroup v2 that the packet's socket belongs to.
 * Linux 4.18; tc, cgroup_skb.
 */
static __u64 (* const bpf_skb_cgroup_id)(struct __sk_buff *skb) =
		___bpf_helper(bpf_skb_cgroup_id, 79);

/*
 * Id of the cgroup v2 that the current task belongs to.
 * Linux 4.18; all programs.
 */
static __u64 (* const bpf_get_current_cgroup_id)(void) =
		___bpf_helper(bpf_get_current_cgroup_id, 80);

/*
 * Memory that the cgroup has for this program (CGROUP_STORAGE maps). Never NULL.
 * Linux 4.19; cgroup_skb, cgroup/sock, cgroup socket addresses, cgroup/dev, cgroup/sysctl, cgroup
 * socket options, sockops, lsm.
 */
static void *(* const bpf_get_local_storage)(void *map, __u64 flags) =
		___bpf_helper(bpf_get_local_storage, 81);

/*
 * Chooses the socket of the reuseport group in a slot of a map.
 * Linux 4.19; sk_reuseport.
 */
static long (* const bpf_sk_select_reuseport)(struct sk_reuseport_md *reuse, void *map, void *key,
		__u64 flags) = ___bpf_helper(bpf_sk_select_reuseport, 82);

/*
 * Id of the packet's cgroup or of one above it, by its depth in the tree.
 * Linux 4.19; tc, cgroup_skb.
 */
static __u64 (* const bpf_skb_ancestor_cgroup_id)(struct __sk_buff *skb, int ancestor_level) =
		___bpf_helper(bpf_skb_ancestor_cgroup_id, 83);

/*
 * Finds a TCP socket by addresses and ports. Release it with bpf_sk_release.
 * Linux 4.20; tc, XDP, cgroup_skb, cgroup socket addresses, sk_skb.
 */
static struct bpf_sock *(* const bpf_sk_lookup_tcp)(void *ctx, struct bpf_sock_tuple *tuple,
		__u32 tuple_size, __u64 netns, __u64 flags) = ___bpf_helper(bpf_sk_lookup_tcp, 84);

/*
 * Finds a UDP socket by addresses and ports. Release it with bpf_sk_release.
 * Linux 4.20; tc, XDP, cgroup_skb, cgroup socket addresses, sk_skb.
 */
static struct bpf_sock *(* const bpf_sk_lookup_udp)(void *ctx, struct bpf_sock_tuple *tuple,
		__u32 tuple_size, __u64 netns, __u64 flags) = ___bpf_helper(bpf_sk_lookup_udp, 85);

/*
 * Gives back a socket that a lookup returned.
 * Linux 4.20; tc, XDP, cgroup_skb, cgroup socket addresses, sk_skb, sk_lookup.
 */
static long (* const bpf_sk_release)(void *sock) = ___bpf_helper(bpf_sk_release, 86);

/*
 * Adds a value to a QUEUE, STACK or BLOOM_FILTER map.
 * Linux 4.20; all programs.
 */
static long (* const bpf_map_push_elem)(void *map, const void *value, __u64 flags) =
		___bpf_helper(bpf_map_push_elem, 87);

/*
 * Takes the next value out of a QUEUE or STACK map.
 * Linux 4.20; all programs.
 */
static long (* const bpf_map_pop_elem)(void *map, void *value) =
		___bpf_helper(bpf_map_pop_elem, 88);

/*
 * Reads the next value of a QUEUE or STACK map, or asks a BLOOM_FILTER whether it may hold a
 * value.
 * Linux 4.20; all programs.
 */
static long (* const bpf_map_peek_elem)(void *map, void *value) =
		___bpf_helper(bpf_map_peek_elem, 89);

/*
 * Makes room inside a message.
 * Linux 4.20; sk_msg.
 */
static long (* const bpf_msg_push_data)(struct sk_msg_md *msg, __u32 start, __u32 len,
		__u64 flags) = ___bpf_helper(bpf_msg_push_data, 90);

/*
 * Takes bytes out of a message.
 * Linux 5.0; sk_msg.
 */
static long (* const bpf_msg_pop_data)(struct sk_msg_md *msg, __u32 start, __u32 len,
		__u64 flags) = ___bpf_helper(bpf_msg_pop_data, 91);

/*
 * Tells the input layer that the remote control moved a pointer.
 * Linux 5.0; lirc_mode2; GPL.
 */
static long (* const bpf_rc_pointer_rel)(void *ctx, __s32 rel_x, __s32 rel_y) =
		___bpf_helper(bpf_rc_pointer_rel, 92);

/*
 * Takes a lock that lies in a map's value. At most one at a time, and no calls while it is held.
 * Linux 5.1; all programs.
 */
static long (* const bpf_spin_lock)(struct bpf_spin_lock *lock) = ___bpf_helper(bpf_spin_lock, 93);

/*
 * Gives back a lock that bpf_spin_lock took.
 * Linux 5.1; all programs.
 */
static long (* const bpf_spin_unlock)(struct bpf_spin_lock *lock) =
		___bpf_helper(bpf_spin_unlock, 94);

/*
 * The same socket with all fields of struct bpf_sock readable; NULL if it is no full socket.
 * Linux 5.1; tc, cgroup_skb.
 */
static struct bpf_sock *(* const bpf_sk_fullsock)(struct bpf_sock *sk) =
		___bpf_helper(bpf_sk_fullsock, 95);

/*
 * The TCP part of a socket; NULL if it is no TCP socket.
 * Linux 5.1; tc, cgroup_skb, cgroup socket options, sockops.
 */
static struct bpf_tcp_sock *(* const bpf_tcp_sock)(struct bpf_sock *sk) =
		___bpf_helper(bpf_tcp_sock, 96);

/*
 * Marks the packet as having met congestion, if its sender takes part in ECN.
 * Linux 5.1; tc, cgroup_skb.
 */
static long (* const bpf_skb_ecn_set_ce)(struct __sk_buff *skb) =
		___bpf_helper(bpf_skb_ecn_set_ce, 97);

/*
 * The listening socket that a socket came from.
 * Linux 5.1; tc, cgroup_skb.
 */
static struct bpf_sock *(* const bpf_get_listener_sock)(struct bpf_sock *sk) =
		___bpf_helper(bpf_get_listener_sock, 98);

/*
 * Finds a TCP socket, also one in TIME_WAIT or a request. Release it with bpf_sk_release.
 * Linux 5.2; tc, XDP, cgroup_skb, cgroup socket addresses, sk_skb.
 */
static struct bpf_sock *(* const bpf_skc_lookup_tcp)(void *ctx, struct bpf_sock_tuple *tuple,
		__u32 tuple_size, __u64 netns, __u64 flags) =
		___bpf_helper(bpf_skc_lookup_tcp, 99);

/*
 * Whether an ACK carries a SYN cookie that this listener sent.
 * Linux 5.2; tc, XDP; GPL.
 */
static long (* const bpf_tcp_check_syncookie)(void *sk, void *iph, __u32 iph_len,
		struct tcphdr *th, __u32 th_len) = ___bpf_helper(bpf_tcp_check_syncookie, 100);

/*
 * Copies the name of the sysctl, with its folders or without.
 * Linux 5.2; cgroup/sysctl.
 */
static long (* const bpf_sysctl_get_name)(struct bpf_sysctl *ctx, char *buf, unsigned long buf_len,
		__u64 flags) = ___bpf_helper(bpf_sysctl_get_name, 101);

/*
 * Copies the value that the sysctl has.
 * Linux 5.2; cgroup/sysctl.
 */
static long (* const bpf_sysctl_get_current_value)(struct bpf_sysctl *ctx, char *buf,
		unsigned long buf_len) = ___bpf_helper(bpf_sysctl_get_current_value, 102);

/*
 * Copies the value that is about to be written to the sysctl.
 * Linux 5.2; cgroup/sysctl.
 */
static long (* const bpf_sysctl_get_new_value)(struct bpf_sysctl *ctx, char *buf,
		unsigned long buf_len) = ___bpf_helper(bpf_sysctl_get_new_value, 103);

/*
 * Puts another value in place of the one about to be written.
 * Linux 5.2; cgroup/sysctl.
 */
static long (* const bpf_sysctl_set_new_value)(struct bpf_sysctl *ctx, const char *buf,
		unsigned long buf_len) = ___bpf_helper(bpf_sysctl_set_new_value, 104);

/*
 * Reads a signed number from the start of a string; returns how many characters it took.
 * Linux 5.2; all programs.
 */
static long (* const bpf_strtol)(const char *buf, unsigned long buf_len, __u64 flags, long *res) =
		___bpf_helper(bpf_strtol, 105);

/*
 * Reads an unsigned number from the start of a string; returns how many characters it took.
 * Linux 5.2; all programs.
 */
static long (* const bpf_strtoul)(const char *buf, unsigned long buf_len, __u64 flags,
		unsigned long *res) = ___bpf_helper(bpf_strtoul, 106);

/*
 * Memory that a socket has in an SK_STORAGE map; a flag creates it.
 * Linux 5.2; tc, cgroup_skb, cgroup/sock, cgroup socket addresses, cgroup socket options, sockops,
 * sk_msg, fentry, fexit, tp_btf, lsm.
 */
static void *(* const bpf_sk_storage_get)(void *map, void *sk, void *value, __u64 flags) =
		___bpf_helper(bpf_sk_storage_get, 107);

/*
 * Removes a socket's memory from an SK_STORAGE map.
 * Linux 5.2; tc, cgroup_skb, cgroup socket addresses, cgroup socket options, sockops, sk_msg,
 * fentry, fexit, tp_btf, lsm.
 */
static long (* const bpf_sk_storage_delete)(void *map, void *sk) =
		___bpf_helper(bpf_sk_storage_delete, 108);

/*
 * Sends a signal to the current process; any of its threads may get it.
 * Linux 5.3; tracing programs, lsm.
 */
static long (* const bpf_send_signal)(__u32 sig) = ___bpf_helper(bpf_send_signal, 109);

/*
 * Makes a SYN cookie and the segment size to answer a SYN with, for a listener.
 * Linux 5.3; tc, XDP; GPL.
 */
static __s64 (* const bpf_tcp_gen_syncookie)(void *sk, void *iph, __u32 iph_len, struct tcphdr *th,
		__u32 th_len) = ___bpf_helper(bpf_tcp_gen_syncookie, 110);

/*
 * Writes a sample and a part of a struct sk_buff into a perf buffer.
 * Linux 5.5; fentry, fexit, tp_btf, lsm; GPL.
 */
static long (* const bpf_skb_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) =
		___bpf_helper(bpf_skb_output, 111);

/*
 * Copies memory of the current process at an address that may be bad.
 * Linux 5.5; all programs; GPL.
 */
static long (* const bpf_probe_read_user)(void *dst, __u32 size, const void *unsafe_ptr) =
		___bpf_helper(bpf_probe_read_user, 112);

/*
 * Copies the kernel's memory at an address that may be bad.
 * Linux 5.5; all programs; GPL.
 */
static long (* const bpf_probe_read_kernel)(void *dst, __u32 size, const void *unsafe_ptr) =
		___bpf_helper(bpf_probe_read_kernel, 113);

/*
 * Copies a string of the current process; returns its length with the final NUL.
 * Linux 5.5; all programs; GPL.
 */
static long (* const bpf_probe_read_user_str)(void *dst, __u32 size, const void *unsafe_ptr) =
		___bpf_helper(bpf_probe_read_user_str, 114);

/*
 * Copies a string of the kernel; returns its length with the final NUL.
 * Linux 5.5; all programs; GPL.
 */
static long (* const bpf_probe_read_kernel_str)(void *dst, __u32 size, const void *unsafe_ptr) =
		___bpf_helper(bpf_probe_read_kernel_str, 115);

/*
 * Sends an ACK, from a congestion control algorithm.
 * Linux 5.6; struct_ops.
 */
static long (* const bpf_tcp_send_ack)(void *tp, __u32 rcv_nxt) =
		___bpf_helper(bpf_tcp_send_ack, 116);

/*
 * Sends a signal to the current thread.
 * Linux 5.6; tracing programs, lsm.
 */
static long (* const bpf_send_signal_thread)(__u32 sig) =
		___bpf_helper(bpf_send_signal_thread, 117);

/*
 * The kernel's jiffies, as 64 bits.
 * Linux 5.6; all programs.
 */
static __u64 (* const bpf_jiffies64)(void) = ___bpf_helper(bpf_jiffies64, 118);

/*
 * Copies the branch records that the CPU took for the event.
 * Linux 5.6; perf_event; GPL.
 */
static long (* const bpf_read_branch_records)(struct bpf_perf_event_data *ctx, void *buf,
		__u32 size, __u64 flags) = ___bpf_helper(bpf_read_branch_records, 119);

/*
 * Process and thread of the current task as numbered in a PID namespace, which device and inode of
 * its /proc file name.
 * Linux 5.7; all programs.
 */
static long (* const bpf_get_ns_current_pid_tgid)(__u64 dev, __u64 ino,
		struct bpf_pidns_info *nsdata, __u32 size) =
		___bpf_helper(bpf_get_ns_current_pid_tgid, 120);

/*
 * Writes a sample and a part of an XDP packet into a perf buffer, from tracing programs.
 * Linux 5.7; fentry, fexit, tp_btf, lsm; GPL.
 */
static long (* const bpf_xdp_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) =
		___bpf_helper(bpf_xdp_output, 121);

/*
 * A number of the socket's network namespace's own; without a context that of the first.
 * Linux 5.7; cgroup/sock, cgroup socket addresses, cgroup socket options, sockops, sk_msg.
 */
static __u64 (* const bpf_get_netns_cookie)(void *ctx) = ___bpf_helper(bpf_get_netns_cookie, 122);

/*
 * Id of the current task's cgroup or of one above it, by its depth in the tree.
 * Linux 5.7; all programs.
 */
static __u64 (* const bpf_get_current_ancestor_cgroup_id)(int ancestor_level) =
		___bpf_helper(bpf_get_current_ancestor_cgroup_id, 123);

/*
 * Has the packet delivered to a certain socket.
 * Linux 5.7; tc, sk_lookup.
 */
static long (* const bpf_sk_assign)(void *ctx, void *sk, __u64 flags) =
		___bpf_helper(bpf_sk_assign, 124);

/*
 * Nanoseconds since boot, with time asleep (CLOCK_BOOTTIME).
 * Linux 5.8; all programs.
 */
static __u64 (* const bpf_ktime_get_boot_ns)(void) = ___bpf_helper(bpf_ktime_get_boot_ns, 125);

/*
 * Formats a line into the iterator's output. See BPF_SEQ_PRINTF.
 * Linux 5.8; iter; GPL.
 */
static long (* const bpf_seq_printf)(struct seq_file *m, const char *fmt, __u32 fmt_size,
		const void *data, __u32 data_len) = ___bpf_helper(bpf_seq_printf, 126);

/*
 * Writes bytes into the iterator's output.
 * Linux 5.8; iter; GPL.
 */
static long (* const bpf_seq_write)(struct seq_file *m, const void *data, __u32 len) =
		___bpf_helper(bpf_seq_write, 127);

/*
 * Id of the cgroup v2 that a socket belongs to.
 * Linux 5.8; cgroup_skb.
 */
static __u64 (* const bpf_sk_cgroup_id)(void *sk) = ___bpf_helper(bpf_sk_cgroup_id, 128);

/*
 * Id of a socket's cgroup or of one above it, by its depth in the tree.
 * Linux 5.8; cgroup_skb.
 */
static __u64 (* const bpf_sk_ancestor_cgroup_id)(void *sk, int ancestor_level) =
		___bpf_helper(bpf_sk_ancestor_cgroup_id, 129);

/*
 * Copies a sample into a ring buffer.
 * Linux 5.8; all programs.
 */
static long (* const bpf_ringbuf_output)(void *ringbuf, void *data, __u64 size, __u64 flags) =
		___bpf_helper(bpf_ringbuf_output, 130);

/*
 * Reserves room for a sample in a ring buffer; NULL if it is full. Submit or discard it.
 * Linux 5.8; all programs.
 */
static void *(* const bpf_ringbuf_reserve)(void *ringbuf, __u64 size, __u64 flags) =
		___bpf_helper(bpf_ringbuf_reserve, 131);

/*
 * Hands a reserved sample to its reader.
 * Linux 5.8; all programs.
 */
static void (* const bpf_ringbuf_submit)(void *data, __u64 flags) =
		___bpf_helper(bpf_ringbuf_submit, 132);

/*
 * Gives up a reserved sample.
 * Linux 5.8; all programs.
 */
static void (* const bpf_ringbuf_discard)(void *data, __u64 flags) =
		___bpf_helper(bpf_ringbuf_discard, 133);

/*
 * Size or positions of a ring buffer, as they are at this moment.
 * Linux 5.8; all programs.
 */
static __u64 (* const bpf_ringbuf_query)(void *ringbuf, __u64 flags) =
		___bpf_helper(bpf_ringbuf_query, 134);

/*
 * Reads or changes how many checksums of a packet are known to be right.
 * Linux 5.8; tc, lwt_xmit.
 */
static long (* const bpf_csum_level)(struct __sk_buff *skb, __u64 level) =
		___bpf_helper(bpf_csum_level, 135);

/*
 * A socket as struct tcp6_sock; NULL if it is none.
 * Linux 5.9; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static struct tcp6_sock *(* const bpf_skc_to_tcp6_sock)(void *sk) =
		___bpf_helper(bpf_skc_to_tcp6_sock, 136);

/*
 * A socket as struct tcp_sock; NULL if it is none.
 * Linux 5.9; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static struct tcp_sock *(* const bpf_skc_to_tcp_sock)(void *sk) =
		___bpf_helper(bpf_skc_to_tcp_sock, 137);

/*
 * A socket as struct tcp_timewait_sock; NULL if it is none.
 * Linux 5.9; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static struct tcp_timewait_sock *(* const bpf_skc_to_tcp_timewait_sock)(void *sk) =
		___bpf_helper(bpf_skc_to_tcp_timewait_sock, 138);

/*
 * A socket as struct tcp_request_sock; NULL if it is none.
 * Linux 5.9; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static struct tcp_request_sock *(* const bpf_skc_to_tcp_request_sock)(void *sk) =
		___bpf_helper(bpf_skc_to_tcp_request_sock, 139);

/*
 * A socket as struct udp6_sock; NULL if it is none.
 * Linux 5.9; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static struct udp6_sock *(* const bpf_skc_to_udp6_sock)(void *sk) =
		___bpf_helper(bpf_skc_to_udp6_sock, 140);

/*
 * Copies a task's kernel or user call stack into a buffer.
 * Linux 5.9; tracing programs, lsm.
 */
static long (* const bpf_get_task_stack)(struct task_struct *task, void *buf, __u32 size,
		__u64 flags) = ___bpf_helper(bpf_get_task_stack, 141);

/*
 * Reads a TCP header option.
 * Linux 5.10; sockops.
 */
static long (* const bpf_load_hdr_opt)(struct bpf_sock_ops *skops, void *searchby_res, __u32 len,
		__u64 flags) = ___bpf_helper(bpf_load_hdr_opt, 142);

/*
 * Writes a TCP header option into room that was reserved.
 * Linux 5.10; sockops.
 */
static long (* const bpf_store_hdr_opt)(struct bpf_sock_ops *skops, const void *from, __u32 len,
		__u64 flags) = ___bpf_helper(bpf_store_hdr_opt, 143);

/*
 * Reserves room for a TCP header option.
 * Linux 5.10; sockops.
 */
static long (* const bpf_reserve_hdr_opt)(struct bpf_sock_ops *skops, __u32 len, __u64 flags) =
		___bpf_helper(bpf_reserve_hdr_opt, 144);

/*
 * Memory that an inode has in an INODE_STORAGE map; a flag creates it.
 * Linux 5.10; lsm.
 */
static void *(* const bpf_inode_storage_get)(void *map, void *inode, void *value, __u64 flags) =
		___bpf_helper(bpf_inode_storage_get, 145);

/*
 * Removes an inode's memory from an INODE_STORAGE map.
 * Linux 5.10; lsm.
 */
static int (* const bpf_inode_storage_delete)(void *map, void *inode) =
		___bpf_helper(bpf_inode_storage_delete, 146);

/*
 * Writes out the full path of a struct path. Only in functions that the kernel allows it for.
 * Linux 5.10; fentry, fexit, tp_btf, lsm.
 */
static long (* const bpf_d_path)(const struct path *path, char *buf, __u32 sz) =
		___bpf_helper(bpf_d_path, 147);

/*
 * Copies memory of the current process, paged in if need be. Only in sleepable programs.
 * Linux 5.10; tracing programs, lsm.
 */
static long (* const bpf_copy_from_user)(void *dst, __u32 size, const void *user_ptr) =
		___bpf_helper(bpf_copy_from_user, 148);

/*
 * Writes a kernel object as text, with names of its fields.
 * Linux 5.10; all programs.
 */
static long (* const bpf_snprintf_btf)(char *str, __u32 str_size, struct btf_ptr *ptr,
		__u32 btf_ptr_size, __u64 flags) = ___bpf_helper(bpf_snprintf_btf, 149);

/*
 * Writes a kernel object as text into the iterator's output.
 * Linux 5.10; iter; GPL.
 */
static long (* const bpf_seq_printf_btf)(struct seq_file *m, struct btf_ptr *ptr, __u32 ptr_size,
		__u64 flags) = ___bpf_helper(bpf_seq_printf_btf, 150);

/*
 * The net_cls class of the packet's socket (cgroup v1).
 * Linux 5.10; tc.
 */
static __u64 (* const bpf_skb_cgroup_classid)(struct __sk_buff *skb) =
		___bpf_helper(bpf_skb_cgroup_classid, 151);

/*
 * Has the packet go out of another interface, with the MAC addresses filled in by the kernel.
 * Linux 5.10; tc.
 */
static long (* const bpf_redirect_neigh)(__u32 ifindex, struct bpf_redir_neigh *params, int plen,
		__u64 flags) = ___bpf_helper(bpf_redirect_neigh, 152);

/*
 * Address of a per-CPU variable of the kernel on a certain CPU; NULL if there is no such CPU.
 * Linux 5.10; all programs.
 */
static void *(* const bpf_per_cpu_ptr)(const void *percpu_ptr, __u32 cpu) =
		___bpf_helper(bpf_per_cpu_ptr, 153);

/*
 * Address of a per-CPU variable of the kernel on this CPU. Never NULL.
 * Linux 5.10; all programs.
 */
static void *(* const bpf_this_cpu_ptr)(const void *percpu_ptr) =
		___bpf_helper(bpf_this_cpu_ptr, 154);

/*
 * Has the packet come in at the other end of a veth or netkit device, in its namespace.
 * Linux 5.10; tc.
 */
static long (* const bpf_redirect_peer)(__u32 ifindex, __u64 flags) =
		___bpf_helper(bpf_redirect_peer, 155);

/*
 * Memory that a task has in a TASK_STORAGE map; a flag creates it.
 * Linux 5.11; tracing programs, lsm.
 */
static void *(* const bpf_task_storage_get)(void *map, struct task_struct *task, void *value,
		__u64 flags) = ___bpf_helper(bpf_task_storage_get, 156);

/*
 * Removes a task's memory from a TASK_STORAGE map.
 * Linux 5.11; tracing programs, lsm.
 */
static long (* const bpf_task_storage_delete)(void *map, struct task_struct *task) =
		___bpf_helper(bpf_task_storage_delete, 157);

/*
 * The current task as a typed pointer, whose fields can be read without helpers.
 * Linux 5.11; all programs; GPL.
 */
static struct task_struct *(* const bpf_get_current_task_btf)(void) =
		___bpf_helper(bpf_get_current_task_btf, 158);

/*
 * Sets or clears the secure-execution flag of a program about to start.
 * Linux 5.11; lsm.
 */
static long (* const bpf_bprm_opts_set)(struct linux_binprm *bprm, __u64 flags) =
		___bpf_helper(bpf_bprm_opts_set, 159);

/*
 * As bpf_ktime_get_ns, cheaper and with the resolution of a tick.
 * Linux 5.11; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static __u64 (* const bpf_ktime_get_coarse_ns)(void) = ___bpf_helper(bpf_ktime_get_coarse_ns, 160);

/*
 * Copies the hash that IMA has of an inode; returns the algorithm.
 * Linux 5.11; lsm.
 */
static long (* const bpf_ima_inode_hash)(struct inode *inode, void *dst, __u32 size) =
		___bpf_helper(bpf_ima_inode_hash, 161);

/*
 * The socket that a file is; NULL if it is none.
 * Linux 5.11; fentry, fexit, tp_btf, lsm.
 */
static struct socket *(* const bpf_sock_from_file)(struct file *file) =
		___bpf_helper(bpf_sock_from_file, 162);

/*
 * Whether the packet, made longer by a difference, fits the MTU of an interface.
 * Linux 5.12; tc, XDP; GPL.
 */
static long (* const bpf_check_mtu)(void *ctx, __u32 ifindex, __u32 *mtu_len, __s32 len_diff,
		__u64 flags) = ___bpf_helper(bpf_check_mtu, 163);

/*
 * Calls a function for each element of a map until it returns 1.
 * Linux 5.13; all programs.
 */
static long (* const bpf_for_each_map_elem)(void *map, void *callback_fn, void *callback_ctx,
		__u64 flags) = ___bpf_helper(bpf_for_each_map_elem, 164);

/*
 * Formats text into a buffer. See BPF_SNPRINTF.
 * Linux 5.13; all programs; GPL.
 */
static long (* const bpf_snprintf)(char *str, __u32 str_size, const char *fmt, __u64 *data,
		__u32 data_len) = ___bpf_helper(bpf_snprintf, 165);

/*
 * The bpf(2) system call.
 * Linux 5.14; syscall.
 */
static long (* const bpf_sys_bpf)(__u32 cmd, void *attr, __u32 attr_size) =
		___bpf_helper(bpf_sys_bpf, 166);

/*
 * Id of a type of the kernel's BTF by name and kind.
 * Linux 5.14; syscall.
 */
static long (* const bpf_btf_find_by_name_kind)(char *name, int name_sz, __u32 kind, int flags) =
		___bpf_helper(bpf_btf_find_by_name_kind, 167);

/*
 * Closes a file descriptor.
 * Linux 5.14; syscall.
 */
static long (* const bpf_sys_close)(__u32 fd) = ___bpf_helper(bpf_sys_close, 168);

/*
 * Prepares a timer that lies in a map's value, with a clock.
 * Linux 5.15; all programs; GPL.
 */
static long (* const bpf_timer_init)(struct bpf_timer *timer, void *map, __u64 flags) =
		___bpf_helper(bpf_timer_init, 169);

/*
 * Says which function a timer calls.
 * Linux 5.15; all programs; GPL.
 */
static long (* const bpf_timer_set_callback)(struct bpf_timer *timer, void *callback_fn) =
		___bpf_helper(bpf_timer_set_callback, 170);

/*
 * Starts a timer, to go off in so many nanoseconds.
 * Linux 5.15; all programs; GPL.
 */
static long (* const bpf_timer_start)(struct bpf_timer *timer, __u64 nsecs, __u64 flags) =
		___bpf_helper(bpf_timer_start, 171);

/*
 * Stops a timer and waits for its function to end.
 * Linux 5.15; all programs; GPL.
 */
static long (* const bpf_timer_cancel)(struct bpf_timer *timer) =
		___bpf_helper(bpf_timer_cancel, 172);

/*
 * Address of the function that is traced.
 * Linux 5.15; kprobe, uprobe, fentry, fexit, tp_btf; GPL.
 */
static __u64 (* const bpf_get_func_ip)(void *ctx) = ___bpf_helper(bpf_get_func_ip, 173);

/*
 * The number that was given with the attachment.
 * Linux 5.15; tracing programs, lsm.
 */
static __u64 (* const bpf_get_attach_cookie)(void *ctx) =
		___bpf_helper(bpf_get_attach_cookie, 174);

/*
 * The user's registers of a task.
 * Linux 5.15; all programs; GPL.
 */
static long (* const bpf_task_pt_regs)(struct task_struct *task) =
		___bpf_helper(bpf_task_pt_regs, 175);

/*
 * Copies the branch records of the CPU as they are now.
 * Linux 5.16; tracing programs, lsm; GPL.
 */
static long (* const bpf_get_branch_snapshot)(void *entries, __u32 size, __u64 flags) =
		___bpf_helper(bpf_get_branch_snapshot, 176);

/*
 * As bpf_trace_printk, with up to twelve arguments in an array. See bpf_printk.
 * Linux 5.16; all programs; GPL.
 */
static long (* const bpf_trace_vprintk)(const char *fmt, __u32 fmt_size, const void *data,
		__u32 data_len) = ___bpf_helper(bpf_trace_vprintk, 177);

/*
 * A socket as struct unix_sock; NULL if it is none.
 * Linux 5.16; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static struct unix_sock *(* const bpf_skc_to_unix_sock)(void *sk) =
		___bpf_helper(bpf_skc_to_unix_sock, 178);

/*
 * Address of a symbol of the kernel.
 * Linux 5.16; syscall.
 */
static long (* const bpf_kallsyms_lookup_name)(const char *name, int name_sz, int flags,
		__u64 *res) = ___bpf_helper(bpf_kallsyms_lookup_name, 179);

/*
 * Calls a function with the memory area of a task that holds an address.
 * Linux 5.17; tracing programs, lsm.
 */
static long (* const bpf_find_vma)(struct task_struct *task, __u64 addr, void *callback_fn,
		void *callback_ctx, __u64 flags) = ___bpf_helper(bpf_find_vma, 180);

/*
 * Calls a function so many times, or until it returns 1. See bpf_for, which needs no function.
 * Linux 5.17; all programs.
 */
static long (* const bpf_loop)(__u32 nr_loops, void *callback_fn, void *callback_ctx,
		__u64 flags) = ___bpf_helper(bpf_loop, 181);

/*
 * Compares a string of the program's with a constant one.
 * Linux 5.17; all programs.
 */
static long (* const bpf_strncmp)(const char *s1, __u32 s1_sz, const char *s2) =
		___bpf_helper(bpf_strncmp, 182);

/*
 * An argument of the traced function, by number.
 * Linux 5.17; fentry, fexit, tp_btf.
 */
static long (* const bpf_get_func_arg)(void *ctx, __u32 n, __u64 *value) =
		___bpf_helper(bpf_get_func_arg, 183);

/*
 * The result of the traced function.
 * Linux 5.17; fexit, fmod_ret.
 */
static long (* const bpf_get_func_ret)(void *ctx, __u64 *value) =
		___bpf_helper(bpf_get_func_ret, 184);

/*
 * How many arguments the traced function has.
 * Linux 5.17; fentry, fexit, tp_btf.
 */
static long (* const bpf_get_func_arg_cnt)(void *ctx) = ___bpf_helper(bpf_get_func_arg_cnt, 185);

/*
 * The result that the system call will have, as programs before this one set it.
 * Linux 5.18; cgroup_skb, cgroup/sock, cgroup socket addresses, cgroup/dev, cgroup/sysctl, cgroup
 * socket options, sockops, lsm.
 */
static int (* const bpf_get_retval)(void) = ___bpf_helper(bpf_get_retval, 186);

/*
 * Sets the result that the system call will have.
 * Linux 5.18; cgroup_skb, cgroup/sock, cgroup socket addresses, cgroup/dev, cgroup/sysctl, cgroup
 * socket options, sockops, lsm.
 */
static int (* const bpf_set_retval)(int retval) = ___bpf_helper(bpf_set_retval, 187);

/*
 * Length of the packet with all its fragments.
 * Linux 5.18; XDP, fentry, fexit, tp_btf, lsm.
 */
static __u64 (* const bpf_xdp_get_buff_len)(struct xdp_md *xdp_md) =
		___bpf_helper(bpf_xdp_get_buff_len, 188);

/*
 * Copies bytes out of a packet, also out of its fragments.
 * Linux 5.18; XDP.
 */
static long (* const bpf_xdp_load_bytes)(struct xdp_md *xdp_md, __u32 offset, void *buf,
		__u32 len) = ___bpf_helper(bpf_xdp_load_bytes, 189);

/*
 * Writes bytes into a packet, also into its fragments.
 * Linux 5.18; XDP.
 */
static long (* const bpf_xdp_store_bytes)(struct xdp_md *xdp_md, __u32 offset, void *buf,
		__u32 len) = ___bpf_helper(bpf_xdp_store_bytes, 190);

/*
 * Copies memory of a task, paged in if need be. Only in sleepable programs.
 * Linux 5.18; tracing programs, lsm; GPL.
 */
static long (* const bpf_copy_from_user_task)(void *dst, __u32 size, const void *user_ptr,
		struct task_struct *tsk, __u64 flags) =
		___bpf_helper(bpf_copy_from_user_task, 191);

/*
 * Sets the packet's time of delivery, or forgets it.
 * Linux 5.18; tc.
 */
static long (* const bpf_skb_set_tstamp)(struct __sk_buff *skb, __u64 tstamp, __u32 tstamp_type) =
		___bpf_helper(bpf_skb_set_tstamp, 192);

/*
 * Copies the hash that IMA computes of a file; returns the algorithm.
 * Linux 5.18; lsm.
 */
static long (* const bpf_ima_file_hash)(struct file *file, void *dst, __u32 size) =
		___bpf_helper(bpf_ima_file_hash, 193);

/*
 * Puts a pointer into a kptr field and returns the one that was there; NULL takes it out.
 * Linux 5.19; all programs.
 */
static void *(* const bpf_kptr_xchg)(void *dst, void *ptr) = ___bpf_helper(bpf_kptr_xchg, 194);

/*
 * Finds the value of a key in a per-CPU map as a certain CPU has it.
 * Linux 5.19; all programs.
 */
static void *(* const bpf_map_lookup_percpu_elem)(void *map, const void *key, __u32 cpu) =
		___bpf_helper(bpf_map_lookup_percpu_elem, 195);

/*
 * A socket as struct mptcp_sock; NULL if it is none.
 * Linux 5.19; network programs with sockets, fentry, fexit, tp_btf, lsm.
 */
static struct mptcp_sock *(* const bpf_skc_to_mptcp_sock)(void *sk) =
		___bpf_helper(bpf_skc_to_mptcp_sock, 196);

/*
 * Makes a dynptr of a piece of a map's value.
 * Linux 5.19; all programs.
 */
static long (* const bpf_dynptr_from_mem)(void *data, __u64 size, __u64 flags,
		struct bpf_dynptr *ptr) = ___bpf_helper(bpf_dynptr_from_mem, 197);

/*
 * Reserves room in a ring buffer, of a size that need not be constant. Submit or discard it, even
 * after an error.
 * Linux 5.19; all programs.
 */
static long (* const bpf_ringbuf_reserve_dynptr)(void *ringbuf, __u32 size, __u64 flags,
		struct bpf_dynptr *ptr) = ___bpf_helper(bpf_ringbuf_reserve_dynptr, 198);

/*
 * Hands a sample reserved as a dynptr to its reader.
 * Linux 5.19; all programs.
 */
static void (* const bpf_ringbuf_submit_dynptr)(struct bpf_dynptr *ptr, __u64 flags) =
		___bpf_helper(bpf_ringbuf_submit_dynptr, 199);

/*
 * Gives up a sample reserved as a dynptr.
 * Linux 5.19; all programs.
 */
static void (* const bpf_ringbuf_discard_dynptr)(struct bpf_dynptr *ptr, __u64 flags) =
		___bpf_helper(bpf_ringbuf_discard_dynptr, 200);

/*
 * Copies out of the memory that a dynptr stands for.
 * Linux 5.19; all programs.
 */
static long (* const bpf_dynptr_read)(void *dst, __u64 len, const struct bpf_dynptr *src,
		__u64 offset, __u64 flags) = ___bpf_helper(bpf_dynptr_read, 201);

/*
 * Copies into the memory that a dynptr stands for.
 * Linux 5.19; all programs.
 */
static long (* const bpf_dynptr_write)(const struct bpf_dynptr *dst, __u64 offset, void *src,
		__u64 len, __u64 flags) = ___bpf_helper(bpf_dynptr_write, 202);

/*
 * Address of a piece, of constant length, of a dynptr's memory; NULL if it is out of bounds.
 * Linux 5.19; all programs.
 */
static void *(* const bpf_dynptr_data)(const struct bpf_dynptr *ptr, __u64 offset, __u64 len) =
		___bpf_helper(bpf_dynptr_data, 203);

/*
 * Makes a SYN cookie for an IPv4 SYN without a listener at hand.
 * Linux 6.0; tc, XDP; GPL.
 */
static __s64 (* const bpf_tcp_raw_gen_syncookie_ipv4)(struct iphdr *iph, struct tcphdr *th,
		__u32 th_len) = ___bpf_helper(bpf_tcp_raw_gen_syncookie_ipv4, 204);

/*
 * Makes a SYN cookie for an IPv6 SYN without a listener at hand.
 * Linux 6.0; tc, XDP; GPL.
 */
static __s64 (* const bpf_tcp_raw_gen_syncookie_ipv6)(struct ipv6hdr *iph, struct tcphdr *th,
		__u32 th_len) = ___bpf_helper(bpf_tcp_raw_gen_syncookie_ipv6, 205);

/*
 * Whether an IPv4 ACK carries a SYN cookie of bpf_tcp_raw_gen_syncookie_ipv4.
 * Linux 6.0; tc, XDP; GPL.
 */
static long (* const bpf_tcp_raw_check_syncookie_ipv4)(struct iphdr *iph, struct tcphdr *th) =
		___bpf_helper(bpf_tcp_raw_check_syncookie_ipv4, 206);

/*
 * Whether an IPv6 ACK carries a SYN cookie of bpf_tcp_raw_gen_syncookie_ipv6.
 * Linux 6.0; tc, XDP; GPL.
 */
static long (* const bpf_tcp_raw_check_syncookie_ipv6)(struct ipv6hdr *iph, struct tcphdr *th) =
		___bpf_helper(bpf_tcp_raw_check_syncookie_ipv6, 207);

/*
 * International atomic time in nanoseconds (CLOCK_TAI).
 * Linux 6.1; all programs.
 */
static __u64 (* const bpf_ktime_get_tai_ns)(void) = ___bpf_helper(bpf_ktime_get_tai_ns, 208);

/*
 * Calls a function for each sample that user space wrote into a USER_RINGBUF.
 * Linux 6.1; all programs.
 */
static long (* const bpf_user_ringbuf_drain)(void *map, void *callback_fn, void *ctx,
		__u64 flags) = ___bpf_helper(bpf_user_ringbuf_drain, 209);

/*
 * Memory that a cgroup has in a CGRP_STORAGE map; a flag creates it.
 * Linux 6.2; all programs.
 */
static void *(* const bpf_cgrp_storage_get)(void *map, struct cgroup *cgroup, void *value,
		__u64 flags) = ___bpf_helper(bpf_cgrp_storage_get, 210);

/*
 * Removes a cgroup's memory from a CGRP_STORAGE map.
 * Linux 6.2; all programs.
 */
static long (* const bpf_cgrp_storage_delete)(void *map, struct cgroup *cgroup) =
		___bpf_helper(bpf_cgrp_storage_delete, 211);

#endif
