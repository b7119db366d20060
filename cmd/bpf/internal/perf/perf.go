// Package perf is the command bpf perf: programs attached by perf events and raw tracepoints that
// processes have open.
package perf

import (
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/uapi"
)

// Command returns the command bpf perf.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "perf", Short: "Show programs that processes attached to events",
		Default: "show",
		Verbs: []tool.Verb{{
			Name: "show", Alias: "list",
			Short: "Show tracepoints, kprobes and uprobes with programs, by process", Run: show,
		}},
	}
	return n.Command()
}

// types has bpftool's names.
var types = [...]string{
	uapi.FDTypeRawTracepoint: "raw_tracepoint",
	uapi.FDTypeTracepoint:    "tracepoint",
	uapi.FDTypeKprobe:        "kprobe",
	uapi.FDTypeKretprobe:     "kretprobe",
	uapi.FDTypeUprobe:        "uprobe",
	uapi.FDTypeUretprobe:     "uretprobe",
}

func show(r *tool.Run) error {
	if err := r.End(); err != nil {
		return err
	}
	list, err := inspect.PerfAttachments()
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Array()
		defer r.JSON.EndArray()
	}
	for _, a := range list {
		if int(a.Type) >= len(types) {
			continue
		}
		if r.JSON != nil {
			showJSON(r.JSON, &a)
		} else {
			showPlain(r, &a)
		}
	}
	return nil
}

func showJSON(j *tool.JSON, a *inspect.PerfAttachment) {
	j.Object()
	j.IntKey("pid", int64(a.PID))
	j.IntKey("fd", int64(a.FD))
	j.UintKey("prog_id", uint64(a.ProgramID))
	j.StringKey("fd_type", types[a.Type])
	switch a.Type {
	case uapi.FDTypeRawTracepoint, uapi.FDTypeTracepoint:
		j.StringKey("tracepoint", a.Name)
	case uapi.FDTypeKprobe, uapi.FDTypeKretprobe:
		if a.Name != "" {
			j.StringKey("func", a.Name)
			j.UintKey("offset", a.Offset)
		} else {
			j.UintKey("addr", a.Address)
		}
	default:
		j.StringKey("filename", a.Name)
		j.UintKey("offset", a.Offset)
	}
	j.EndObject()
}

func showPlain(r *tool.Run, a *inspect.PerfAttachment) {
	r.Printf("pid %d  fd %d: prog_id %d  %s  ", a.PID, a.FD, a.ProgramID, types[a.Type])
	switch a.Type {
	case uapi.FDTypeRawTracepoint, uapi.FDTypeTracepoint:
		r.Printf("%s\n", a.Name)
	case uapi.FDTypeKprobe, uapi.FDTypeKretprobe:
		if a.Name != "" {
			r.Printf("func %s  offset %d\n", a.Name, a.Offset)
		} else {
			r.Printf("addr %d\n", a.Address)
		}
	default:
		r.Printf("filename %s  offset %d\n", a.Name, a.Offset)
	}
}
