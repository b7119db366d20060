package uapi

// What the kernel reports.

// BuildIDStatus is the status of an entry of a stack with build ids: enum
// bpf_stack_build_id_status.
type BuildIDStatus int32

const (
	StackBuildIDEmpty BuildIDStatus = 0 // BPF_STACK_BUILD_ID_EMPTY
	StackBuildIDValid BuildIDStatus = 1 // BPF_STACK_BUILD_ID_VALID
	StackBuildIDIP    BuildIDStatus = 2 // BPF_STACK_BUILD_ID_IP
)

// Size of a build id, in bytes.
const BuildIDSize = 20 // BPF_BUILD_ID_SIZE

// TaskFDType is the kind of a perf event or raw tracepoint descriptor: enum bpf_task_fd_type.
type TaskFDType uint32

const (
	FDTypeRawTracepoint TaskFDType = 0 // BPF_FD_TYPE_RAW_TRACEPOINT
	FDTypeTracepoint    TaskFDType = 1 // BPF_FD_TYPE_TRACEPOINT
	FDTypeKprobe        TaskFDType = 2 // BPF_FD_TYPE_KPROBE
	FDTypeKretprobe     TaskFDType = 3 // BPF_FD_TYPE_KRETPROBE
	FDTypeUprobe        TaskFDType = 4 // BPF_FD_TYPE_UPROBE
	FDTypeUretprobe     TaskFDType = 5 // BPF_FD_TYPE_URETPROBE
)

var taskFDTypeNames = [...]string{
	FDTypeRawTracepoint: "raw_tracepoint", FDTypeTracepoint: "tracepoint", FDTypeKprobe: "kprobe",
	FDTypeKretprobe: "kretprobe", FDTypeUprobe: "uprobe", FDTypeUretprobe: "uretprobe",
}

// String returns the name that bpftool prints.
func (t TaskFDType) String() string { return name(taskFDTypeNames[:], uint32(t), "TaskFDType") }
