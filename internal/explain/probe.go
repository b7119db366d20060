package explain

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
)

// eventIsOccupied names the programs that keep another from being attached to an event, where the
// kernel lists them.
func eventIsOccupied(a *Attempt) string {
	ids := make([]uint32, 64) // BPF_TRACE_MAX_PROGS
	n, err := sys.PerfEventQueryBPF(a.Event, ids)
	switch {
	// only events of tracepoints can be queried
	case err == syscall.EINVAL && errors.Is(a.err, syscall.EEXIST):
		return "a program is attached there; the kernel doesn't report which"
	case err != nil || n > len(ids):
		return ""
	}
	info, err := sys.ProgInfoByFD(a.Program.FD)
	if err == nil && slices.Contains(ids[:n], info.ID) {
		return fmt.Sprintf("this program, %d, is attached there already", info.ID)
	}
	return fmt.Sprintf("%d programs are attached there: %v", n, ids[:n])
}

func eventIsOfOtherKind(a *Attempt) string {
	return fmt.Sprintf("a clock or counter takes a perf_event program, a tracepoint's event a "+
		"tracepoint program, a probe's a kprobe program: it is of type %v", a.Program.Type)
}

func threadIsGone(a *Attempt) string {
	if a.PID == 0 {
		return ""
	}
	return fmt.Sprintf("there is no thread %d", a.PID)
}

func processIsGone(a *Attempt) string {
	if a.PID == 0 || errors.Is(a.err, errors.ErrUnsupported) {
		return ""
	}
	return "there is no process " + strconv.Itoa(a.PID)
}

func cpuIsBeyond(a *Attempt) string {
	n, err := kernel.Running().PossibleCPUs()
	if !a.OneCPU || err != nil || a.CPU >= 0 && a.CPU < n {
		return ""
	}
	return fmt.Sprintf("the machine has CPUs 0 to %d at most", n-1)
}

func offsetIsInside(a *Attempt) string {
	if len(a.Offsets) != 1 {
		return ""
	}
	return fmt.Sprintf("no instruction starts at offset %d", a.Offsets[0])
}

func returnHasOffset(a *Attempt) string {
	if a.Symbol == nil || !a.Returns || len(a.Offsets) != 1 || a.Offsets[0] == 0 {
		return ""
	}
	return "a kretprobe has no offset"
}

func symbolIsOdd(a *Attempt) string {
	if a.Symbol == nil || errors.Is(a.err, errors.ErrUnsupported) {
		return ""
	}
	return a.Symbol.Hint()
}

func functionsAreMissing(a *Attempt) string {
	if len(a.Symbols) == 0 {
		return ""
	}
	root, err := a.Tracefs.Tracefs()
	if err != nil {
		return ""
	}
	missing, near, err := kernel.MissingFunctions(root, a.Symbols)
	if err != nil || len(missing) == 0 {
		return ""
	}
	text := "no function to attach to is called " + missing[0]
	if len(missing) > 1 {
		text += fmt.Sprintf(", the first of %d such names", len(missing))
	}
	if near != "" {
		text += "; " + near
	}
	return text
}

func kernelLacksKprobeMulti(a *Attempt) string {
	if !errors.Is(a.err, errors.ErrUnsupported) {
		return ""
	}
	return "this needs Linux 5.18 with CONFIG_FPROBE"
}

func kernelLacksSession(a *Attempt) string {
	if a.Session == 0 || !lacksAttachType(a.Program.Kernel, a.Session) {
		return ""
	}
	return "this kernel has no sessions of uprobes (6.13)"
}

func offsetIsBeyond(a *Attempt) string {
	if errors.Is(a.err, errors.ErrUnsupported) {
		return ""
	}
	size, err := a.File.Size()
	beyond := func(offset uint64) bool { return offset > size }
	if err != nil || !slices.ContainsFunc(a.Offsets, beyond) {
		return ""
	}
	return fmt.Sprintf("the file ends at offset %#x", size)
}

// nearRawTracepoint proposes raw tracepoints for a name that doesn't exist: those for which the
// kernel and its modules have types.
func nearRawTracepoint(a *Attempt) string {
	k := a.Program.Kernel
	spec, err := k.BTF()
	if err != nil {
		return ""
	}
	near := nearest.To(a.Name)
	facts.EachTypeName(spec, "btf_trace_", btf.KindTypedef, near.Offer)
	modules, err := k.Modules()
	if err != nil {
		return near.Hint()
	}
	for _, m := range modules {
		facts.EachTypeName(m.BTF, "btf_trace_", btf.KindTypedef, near.Offer)
	}
	return near.Hint()
}
