package uapi

// Cmd is enum bpf_cmd, the first argument of bpf(2).
type Cmd uint32

const (
	CmdMapCreate               Cmd = 0  // BPF_MAP_CREATE
	CmdMapLookupElem           Cmd = 1  // BPF_MAP_LOOKUP_ELEM
	CmdMapUpdateElem           Cmd = 2  // BPF_MAP_UPDATE_ELEM
	CmdMapDeleteElem           Cmd = 3  // BPF_MAP_DELETE_ELEM
	CmdMapGetNextKey           Cmd = 4  // BPF_MAP_GET_NEXT_KEY
	CmdProgLoad                Cmd = 5  // BPF_PROG_LOAD
	CmdObjPin                  Cmd = 6  // BPF_OBJ_PIN
	CmdObjGet                  Cmd = 7  // BPF_OBJ_GET
	CmdProgAttach              Cmd = 8  // BPF_PROG_ATTACH
	CmdProgDetach              Cmd = 9  // BPF_PROG_DETACH
	CmdProgTestRun             Cmd = 10 // BPF_PROG_TEST_RUN
	CmdProgGetNextID           Cmd = 11 // BPF_PROG_GET_NEXT_ID
	CmdMapGetNextID            Cmd = 12 // BPF_MAP_GET_NEXT_ID
	CmdProgGetFDByID           Cmd = 13 // BPF_PROG_GET_FD_BY_ID
	CmdMapGetFDByID            Cmd = 14 // BPF_MAP_GET_FD_BY_ID
	CmdObjGetInfoByFD          Cmd = 15 // BPF_OBJ_GET_INFO_BY_FD
	CmdProgQuery               Cmd = 16 // BPF_PROG_QUERY
	CmdRawTracepointOpen       Cmd = 17 // BPF_RAW_TRACEPOINT_OPEN
	CmdBTFLoad                 Cmd = 18 // BPF_BTF_LOAD
	CmdBTFGetFDByID            Cmd = 19 // BPF_BTF_GET_FD_BY_ID
	CmdTaskFDQuery             Cmd = 20 // BPF_TASK_FD_QUERY
	CmdMapLookupAndDeleteElem  Cmd = 21 // BPF_MAP_LOOKUP_AND_DELETE_ELEM
	CmdMapFreeze               Cmd = 22 // BPF_MAP_FREEZE
	CmdBTFGetNextID            Cmd = 23 // BPF_BTF_GET_NEXT_ID
	CmdMapLookupBatch          Cmd = 24 // BPF_MAP_LOOKUP_BATCH
	CmdMapLookupAndDeleteBatch Cmd = 25 // BPF_MAP_LOOKUP_AND_DELETE_BATCH
	CmdMapUpdateBatch          Cmd = 26 // BPF_MAP_UPDATE_BATCH
	CmdMapDeleteBatch          Cmd = 27 // BPF_MAP_DELETE_BATCH
	CmdLinkCreate              Cmd = 28 // BPF_LINK_CREATE
	CmdLinkUpdate              Cmd = 29 // BPF_LINK_UPDATE
	CmdLinkGetFDByID           Cmd = 30 // BPF_LINK_GET_FD_BY_ID
	CmdLinkGetNextID           Cmd = 31 // BPF_LINK_GET_NEXT_ID
	CmdEnableStats             Cmd = 32 // BPF_ENABLE_STATS
	CmdIterCreate              Cmd = 33 // BPF_ITER_CREATE
	CmdLinkDetach              Cmd = 34 // BPF_LINK_DETACH
	CmdProgBindMap             Cmd = 35 // BPF_PROG_BIND_MAP
	CmdTokenCreate             Cmd = 36 // BPF_TOKEN_CREATE
	CmdProgStreamReadByFD      Cmd = 37 // BPF_PROG_STREAM_READ_BY_FD
	CmdProgAssocStructOps      Cmd = 38 // BPF_PROG_ASSOC_STRUCT_OPS
)

var cmdNames = [...]string{
	CmdMapCreate:               "map_create",
	CmdMapLookupElem:           "map_lookup_elem",
	CmdMapUpdateElem:           "map_update_elem",
	CmdMapDeleteElem:           "map_delete_elem",
	CmdMapGetNextKey:           "map_get_next_key",
	CmdProgLoad:                "prog_load",
	CmdObjPin:                  "obj_pin",
	CmdObjGet:                  "obj_get",
	CmdProgAttach:              "prog_attach",
	CmdProgDetach:              "prog_detach",
	CmdProgTestRun:             "prog_test_run",
	CmdProgGetNextID:           "prog_get_next_id",
	CmdMapGetNextID:            "map_get_next_id",
	CmdProgGetFDByID:           "prog_get_fd_by_id",
	CmdMapGetFDByID:            "map_get_fd_by_id",
	CmdObjGetInfoByFD:          "obj_get_info_by_fd",
	CmdProgQuery:               "prog_query",
	CmdRawTracepointOpen:       "raw_tracepoint_open",
	CmdBTFLoad:                 "btf_load",
	CmdBTFGetFDByID:            "btf_get_fd_by_id",
	CmdTaskFDQuery:             "task_fd_query",
	CmdMapLookupAndDeleteElem:  "map_lookup_and_delete_elem",
	CmdMapFreeze:               "map_freeze",
	CmdBTFGetNextID:            "btf_get_next_id",
	CmdMapLookupBatch:          "map_lookup_batch",
	CmdMapLookupAndDeleteBatch: "map_lookup_and_delete_batch",
	CmdMapUpdateBatch:          "map_update_batch",
	CmdMapDeleteBatch:          "map_delete_batch",
	CmdLinkCreate:              "link_create",
	CmdLinkUpdate:              "link_update",
	CmdLinkGetFDByID:           "link_get_fd_by_id",
	CmdLinkGetNextID:           "link_get_next_id",
	CmdEnableStats:             "enable_stats",
	CmdIterCreate:              "iter_create",
	CmdLinkDetach:              "link_detach",
	CmdProgBindMap:             "prog_bind_map",
	CmdTokenCreate:             "token_create",
	CmdProgStreamReadByFD:      "prog_stream_read_by_fd",
	CmdProgAssocStructOps:      "prog_assoc_struct_ops",
}

// String returns the name that libbpf and bpftool print, or Cmd(N) for a value that is not in this
// table.
func (t Cmd) String() string { return name(cmdNames[:], uint32(t), "Cmd") }
