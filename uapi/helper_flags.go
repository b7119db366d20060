package uapi

// Arguments and results of helpers, for programs that are written with package asm.

// Flags of bpf_skb_store_bytes.
const (
	FRecomputeCsum  = 1 // BPF_F_RECOMPUTE_CSUM
	FInvalidateHash = 2 // BPF_F_INVALIDATE_HASH
)

// Flags of bpf_l3_csum_replace and bpf_l4_csum_replace.
const (
	FHdrFieldMask = 15  // BPF_F_HDR_FIELD_MASK
	FPseudoHdr    = 16  // BPF_F_PSEUDO_HDR
	FMarkMangled0 = 32  // BPF_F_MARK_MANGLED_0
	FMarkEnforce  = 64  // BPF_F_MARK_ENFORCE
	FIPv6         = 128 // BPF_F_IPV6
)

// Flags of bpf_skb_get_tunnel_key and bpf_skb_set_tunnel_key.
const (
	FTunInfoIPv6  = 1  // BPF_F_TUNINFO_IPV6
	FZeroCsumTX   = 2  // BPF_F_ZERO_CSUM_TX
	FDontFragment = 4  // BPF_F_DONT_FRAGMENT
	FSeqNumber    = 8  // BPF_F_SEQ_NUMBER
	FNoTunnelKey  = 16 // BPF_F_NO_TUNNEL_KEY
	FTunInfoFlags = 16 // BPF_F_TUNINFO_FLAGS
)

// Flags of bpf_get_stackid and bpf_get_stack.
const (
	FSkipFieldMask = 255  // BPF_F_SKIP_FIELD_MASK
	FUserStack     = 256  // BPF_F_USER_STACK
	FFastStackCmp  = 512  // BPF_F_FAST_STACK_CMP
	FReuseStackid  = 1024 // BPF_F_REUSE_STACKID
	FUserBuildID   = 2048 // BPF_F_USER_BUILD_ID
)

// Flags of bpf_perf_event_output, bpf_perf_event_read and the like.
const (
	FIndexMask  = 0xffffffff      // BPF_F_INDEX_MASK
	FCurrentCPU = 0xffffffff      // BPF_F_CURRENT_CPU
	FCtxLenMask = 0xfffff00000000 // BPF_F_CTXLEN_MASK
)

// Flag of bpf_sk_lookup_tcp and the like: the network namespace of the context.
const FCurrentNetns = -1 // BPF_F_CURRENT_NETNS

// Levels of bpf_csum_level.
const (
	CsumLevelQuery = 0 // BPF_CSUM_LEVEL_QUERY
	CsumLevelInc   = 1 // BPF_CSUM_LEVEL_INC
	CsumLevelDec   = 2 // BPF_CSUM_LEVEL_DEC
	CsumLevelReset = 3 // BPF_CSUM_LEVEL_RESET
)

// Flags and modes of bpf_skb_adjust_room.
const (
	FAdjRoomFixedGSO    = 1   // BPF_F_ADJ_ROOM_FIXED_GSO
	FAdjRoomEncapL3IPv4 = 2   // BPF_F_ADJ_ROOM_ENCAP_L3_IPV4
	FAdjRoomEncapL3IPv6 = 4   // BPF_F_ADJ_ROOM_ENCAP_L3_IPV6
	FAdjRoomEncapL4GRE  = 8   // BPF_F_ADJ_ROOM_ENCAP_L4_GRE
	FAdjRoomEncapL4UDP  = 16  // BPF_F_ADJ_ROOM_ENCAP_L4_UDP
	FAdjRoomNoCsumReset = 32  // BPF_F_ADJ_ROOM_NO_CSUM_RESET
	FAdjRoomEncapL2Eth  = 64  // BPF_F_ADJ_ROOM_ENCAP_L2_ETH
	FAdjRoomDecapL3IPv4 = 128 // BPF_F_ADJ_ROOM_DECAP_L3_IPV4
	FAdjRoomDecapL3IPv6 = 256 // BPF_F_ADJ_ROOM_DECAP_L3_IPV6
	AdjRoomEncapL2Mask  = 255 // BPF_ADJ_ROOM_ENCAP_L2_MASK
	AdjRoomEncapL2Shift = 56  // BPF_ADJ_ROOM_ENCAP_L2_SHIFT
	AdjRoomNet          = 0   // BPF_ADJ_ROOM_NET
	AdjRoomMAC          = 1   // BPF_ADJ_ROOM_MAC
)

// Flag of bpf_sysctl_get_name.
const FSysctlBaseName = 1 // BPF_F_SYSCTL_BASE_NAME

// Flags of bpf_sk_storage_get, bpf_task_storage_get and the like.
const (
	LocalStorageGetFCreate = 1 // BPF_LOCAL_STORAGE_GET_F_CREATE
	SKStorageGetFCreate    = 1 // BPF_SK_STORAGE_GET_F_CREATE
)

// Flag of bpf_read_branch_records.
const FGetBranchRecordsSize = 1 // BPF_F_GET_BRANCH_RECORDS_SIZE

// Flags of bpf_ringbuf_output and bpf_ringbuf_submit.
const (
	RBNoWakeup    = 1 // BPF_RB_NO_WAKEUP
	RBForceWakeup = 2 // BPF_RB_FORCE_WAKEUP
)

// What bpf_ringbuf_query returns.
const (
	RBAvailData    = 0 // BPF_RB_AVAIL_DATA
	RBRingSize     = 1 // BPF_RB_RING_SIZE
	RBConsPos      = 2 // BPF_RB_CONS_POS
	RBProdPos      = 3 // BPF_RB_PROD_POS
	RBOverwritePos = 4 // BPF_RB_OVERWRITE_POS
)

// Flags of bpf_sk_assign.
const (
	SKLookupFReplace     = 1 // BPF_SK_LOOKUP_F_REPLACE
	SKLookupFNoReuseport = 2 // BPF_SK_LOOKUP_F_NO_REUSEPORT
)

// Where bpf_skb_load_bytes_relative begins: enum bpf_hdr_start_off.
const (
	HdrStartMAC = 0 // BPF_HDR_START_MAC
	HdrStartNet = 1 // BPF_HDR_START_NET
)

// Modes of bpf_lwt_push_encap: enum bpf_lwt_encap_mode.
const (
	LWTEncapSeg6       = 0 // BPF_LWT_ENCAP_SEG6
	LWTEncapSeg6Inline = 1 // BPF_LWT_ENCAP_SEG6_INLINE
	LWTEncapIP         = 2 // BPF_LWT_ENCAP_IP
)

// Flag of bpf_bprm_opts_set.
const FBprmSecureexec = 1 // BPF_F_BPRM_SECUREEXEC

// Flags of bpf_redirect, bpf_clone_redirect and bpf_redirect_map.
const (
	FIngress        = 1  // BPF_F_INGRESS
	FEgress         = 2  // BPF_F_EGRESS
	FBroadcast      = 8  // BPF_F_BROADCAST
	FExcludeIngress = 16 // BPF_F_EXCLUDE_INGRESS
	FRedirectFlags  = 27 // BPF_F_REDIRECT_FLAGS
)

// Clocks of bpf_skb_set_tstamp.
const (
	SkbTimestampUnspec       = 0 // BPF_SKB_TSTAMP_UNSPEC
	SkbTimestampDeliveryMono = 1 // BPF_SKB_TSTAMP_DELIVERY_MONO
	SkbClockRealtime         = 0 // BPF_SKB_CLOCK_REALTIME
	SkbClockMonotonic        = 1 // BPF_SKB_CLOCK_MONOTONIC
	SkbClockTAI              = 2 // BPF_SKB_CLOCK_TAI
)

// Flags of bpf_fib_lookup.
const (
	FIBLookupDirect    = 1  // BPF_FIB_LOOKUP_DIRECT
	FIBLookupOutput    = 2  // BPF_FIB_LOOKUP_OUTPUT
	FIBLookupSkipNeigh = 4  // BPF_FIB_LOOKUP_SKIP_NEIGH
	FIBLookupTBID      = 8  // BPF_FIB_LOOKUP_TBID
	FIBLookupSrc       = 16 // BPF_FIB_LOOKUP_SRC
	FIBLookupMark      = 32 // BPF_FIB_LOOKUP_MARK
)

// What bpf_fib_lookup returns.
const (
	FIBLkupRetSuccess     = 0 // BPF_FIB_LKUP_RET_SUCCESS
	FIBLkupRetBlackhole   = 1 // BPF_FIB_LKUP_RET_BLACKHOLE
	FIBLkupRetUnreachable = 2 // BPF_FIB_LKUP_RET_UNREACHABLE
	FIBLkupRetProhibit    = 3 // BPF_FIB_LKUP_RET_PROHIBIT
	FIBLkupRetNotFwded    = 4 // BPF_FIB_LKUP_RET_NOT_FWDED
	FIBLkupRetFwdDisabled = 5 // BPF_FIB_LKUP_RET_FWD_DISABLED
	FIBLkupRetUnsuppLWT   = 6 // BPF_FIB_LKUP_RET_UNSUPP_LWT
	FIBLkupRetNoNeigh     = 7 // BPF_FIB_LKUP_RET_NO_NEIGH
	FIBLkupRetFragNeeded  = 8 // BPF_FIB_LKUP_RET_FRAG_NEEDED
	FIBLkupRetNoSrcAddr   = 9 // BPF_FIB_LKUP_RET_NO_SRC_ADDR
)

// Flags of bpf_check_mtu, and what it returns.
const (
	MTUChkSegs          = 1 // BPF_MTU_CHK_SEGS
	MTUChkRetSuccess    = 0 // BPF_MTU_CHK_RET_SUCCESS
	MTUChkRetFragNeeded = 1 // BPF_MTU_CHK_RET_FRAG_NEEDED
	MTUChkRetSegsToobig = 2 // BPF_MTU_CHK_RET_SEGS_TOOBIG
)

// Flags of bpf_flow_keys for flow dissectors.
const (
	FlowDissectorFParse1stFrag    = 1 // BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG
	FlowDissectorFStopAtFlowLabel = 2 // BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL
	FlowDissectorFStopAtEncap     = 4 // BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP
)

// Flags of bpf_snprintf_btf.
const (
	BTFFCompact = 1 // BTF_F_COMPACT
	BTFFNoname  = 2 // BTF_F_NONAME
	BTFFPtrRaw  = 4 // BTF_F_PTR_RAW
	BTFFZero    = 8 // BTF_F_ZERO
)

// Flags of bpf_timer_start.
const (
	FTimerAbs    = 1 // BPF_F_TIMER_ABS
	FTimerCPUPin = 2 // BPF_F_TIMER_CPU_PIN
)

// Flag of bpf_strncpy_from_user_str and the like.
const FPadZeros = 1 // BPF_F_PAD_ZEROS

// Bytes that XDP programs have before the packet.
const XDPPacketHeadroom = 256 // XDP_PACKET_HEADROOM
