/* One variable in the section ?.struct_ops: what libbpf and we agree on. */
#include "defs.h"

struct sock;
struct tcp_congestion_ops { __u32 (*ssthresh)(struct sock *sk); char name[16]; };

SEC("?struct_ops") __u32 ssthresh(__u64 *ctx) { return 2; }
SEC("?.struct_ops") struct tcp_congestion_ops only = { .ssthresh = (void *)ssthresh, .name = "only" };
