package uapi

// NetfilterFamily is a protocol family of netfilter (enum in linux/netfilter.h).
type NetfilterFamily uint32

const (
	NetfilterIPv4 NetfilterFamily = 2  // NFPROTO_IPV4
	NetfilterIPv6 NetfilterFamily = 10 // NFPROTO_IPV6
)

// NetfilterHook is a place on a packet's way (enum nf_inet_hooks).
type NetfilterHook uint32

const (
	NetfilterPreRouting  NetfilterHook = 0 // NF_INET_PRE_ROUTING
	NetfilterLocalIn     NetfilterHook = 1 // NF_INET_LOCAL_IN
	NetfilterForward     NetfilterHook = 2 // NF_INET_FORWARD
	NetfilterLocalOut    NetfilterHook = 3 // NF_INET_LOCAL_OUT
	NetfilterPostRouting NetfilterHook = 4 // NF_INET_POST_ROUTING
)
