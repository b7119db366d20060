package uapi

// Constants of sock_ops programs.

// Flags of bpf_sock_ops_cb_flags_set: which callbacks a socket has.
const (
	SockOpsRTOCBFlag                = 1   // BPF_SOCK_OPS_RTO_CB_FLAG
	SockOpsRetransCBFlag            = 2   // BPF_SOCK_OPS_RETRANS_CB_FLAG
	SockOpsStateCBFlag              = 4   // BPF_SOCK_OPS_STATE_CB_FLAG
	SockOpsRTTCBFlag                = 8   // BPF_SOCK_OPS_RTT_CB_FLAG
	SockOpsParseAllHdrOptCBFlag     = 16  // BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG
	SockOpsParseUnknownHdrOptCBFlag = 32  // BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG
	SockOpsWriteHdrOptCBFlag        = 64  // BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG
	SockOpsAllCBFlags               = 127 // BPF_SOCK_OPS_ALL_CB_FLAGS
)

// Flags of sockets that bpf_setsockopt sets with SK_BPF_CB_FLAGS.
const (
	SKBPFCBTXTimestamping = 1 // SK_BPF_CB_TX_TIMESTAMPING
	SKBPFCBMask           = 1 // SK_BPF_CB_MASK
)

// Values of op of struct bpf_sock_ops.
const (
	SockOpsVoid                 = 0  // BPF_SOCK_OPS_VOID
	SockOpsTimeoutInit          = 1  // BPF_SOCK_OPS_TIMEOUT_INIT
	SockOpsRwndInit             = 2  // BPF_SOCK_OPS_RWND_INIT
	SockOpsTCPConnectCB         = 3  // BPF_SOCK_OPS_TCP_CONNECT_CB
	SockOpsActiveEstablishedCB  = 4  // BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB
	SockOpsPassiveEstablishedCB = 5  // BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB
	SockOpsNeedsECN             = 6  // BPF_SOCK_OPS_NEEDS_ECN
	SockOpsBaseRTT              = 7  // BPF_SOCK_OPS_BASE_RTT
	SockOpsRTOCB                = 8  // BPF_SOCK_OPS_RTO_CB
	SockOpsRetransCB            = 9  // BPF_SOCK_OPS_RETRANS_CB
	SockOpsStateCB              = 10 // BPF_SOCK_OPS_STATE_CB
	SockOpsTCPListenCB          = 11 // BPF_SOCK_OPS_TCP_LISTEN_CB
	SockOpsRTTCB                = 12 // BPF_SOCK_OPS_RTT_CB
	SockOpsParseHdrOptCB        = 13 // BPF_SOCK_OPS_PARSE_HDR_OPT_CB
	SockOpsHdrOptLenCB          = 14 // BPF_SOCK_OPS_HDR_OPT_LEN_CB
	SockOpsWriteHdrOptCB        = 15 // BPF_SOCK_OPS_WRITE_HDR_OPT_CB
	SockOpsTimestampSchedCB     = 16 // BPF_SOCK_OPS_TSTAMP_SCHED_CB
	SockOpsTimestampSndSWCB     = 17 // BPF_SOCK_OPS_TSTAMP_SND_SW_CB
	SockOpsTimestampSndHWCB     = 18 // BPF_SOCK_OPS_TSTAMP_SND_HW_CB
	SockOpsTimestampACKCB       = 19 // BPF_SOCK_OPS_TSTAMP_ACK_CB
	SockOpsTimestampSendMsgCB   = 20 // BPF_SOCK_OPS_TSTAMP_SENDMSG_CB
)

// States of TCP, as in args of BPF_SOCK_OPS_STATE_CB.
const (
	TCPEstablished   = 1  // BPF_TCP_ESTABLISHED
	TCPSYNSent       = 2  // BPF_TCP_SYN_SENT
	TCPSYNRecv       = 3  // BPF_TCP_SYN_RECV
	TCPFinWait1      = 4  // BPF_TCP_FIN_WAIT1
	TCPFinWait2      = 5  // BPF_TCP_FIN_WAIT2
	TCPTimeWait      = 6  // BPF_TCP_TIME_WAIT
	TCPClose         = 7  // BPF_TCP_CLOSE
	TCPCloseWait     = 8  // BPF_TCP_CLOSE_WAIT
	TCPLastACK       = 9  // BPF_TCP_LAST_ACK
	TCPListen        = 10 // BPF_TCP_LISTEN
	TCPClosing       = 11 // BPF_TCP_CLOSING
	TCPNewSYNRecv    = 12 // BPF_TCP_NEW_SYN_RECV
	TCPBoundInactive = 13 // BPF_TCP_BOUND_INACTIVE
)

// Options of bpf_setsockopt and bpf_getsockopt.
const (
	TCPBPFIW             = 1001 // TCP_BPF_IW
	TCPBPFSndcwndClamp   = 1002 // TCP_BPF_SNDCWND_CLAMP
	TCPBPFDelackMax      = 1003 // TCP_BPF_DELACK_MAX
	TCPBPFRTOMin         = 1004 // TCP_BPF_RTO_MIN
	TCPBPFSYN            = 1005 // TCP_BPF_SYN
	TCPBPFSYNIP          = 1006 // TCP_BPF_SYN_IP
	TCPBPFSYNMAC         = 1007 // TCP_BPF_SYN_MAC
	TCPBPFSockOpsCBFlags = 1008 // TCP_BPF_SOCK_OPS_CB_FLAGS
	SKBPFCBFlags         = 1009 // SK_BPF_CB_FLAGS
	SKBPFBypassProtMem   = 1010 // SK_BPF_BYPASS_PROT_MEM
)

// Flags of bpf_load_hdr_opt and bpf_store_hdr_opt, and args of their callbacks.
const (
	LoadHdrOptTCPSYN        = 1 // BPF_LOAD_HDR_OPT_TCP_SYN
	WriteHdrTCPCurrentMSS   = 1 // BPF_WRITE_HDR_TCP_CURRENT_MSS
	WriteHdrTCPSYNACKCookie = 2 // BPF_WRITE_HDR_TCP_SYNACK_COOKIE
)
