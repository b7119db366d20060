package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// helper is a row of helpers.tsv.
type helper struct {
	id         int
	name       string
	since      string
	gpl        bool
	attributes []string
	result     string
	parameters string
	programs   []string
	does       string
}

func parseHelpers(text string) ([]helper, error) {
	rows, err := table("helpers.tsv", text, 9)
	if err != nil {
		return nil, err
	}
	var helpers []helper
	for i, row := range rows {
		id, err := strconv.Atoi(row[0])
		if err != nil || id != i+1 {
			return nil, fmt.Errorf("helpers.tsv: %s is %s where %d comes next", row[1], row[0], i+1)
		}
		h := helper{
			id: id, name: row[1], since: row[2], gpl: row[3] == "GPL",
			result: row[5], parameters: row[6], does: row[8],
		}
		if row[4] != "-" {
			h.attributes = strings.Fields(row[4])
		}
		for _, program := range strings.Fields(row[7]) {
			if program != "any" && programs[program] == "" {
				return nil, fmt.Errorf("helpers.tsv: %s is for unknown programs %q", h.name,
					program)
			}
			h.programs = append(h.programs, program)
		}
		helpers = append(helpers, h)
	}
	return helpers, nil
}

// programs are kinds of programs as the table has them and as a comment says them.
var programs = map[string]string{
	"XDP":              "XDP",
	"cgroup":           "cgroup programs",
	"cgroup_device":    "cgroup/dev",
	"cgroup_skb":       "cgroup_skb",
	"cgroup_sock":      "cgroup/sock",
	"cgroup_sock_addr": "cgroup socket addresses",
	"cgroup_sockopt":   "cgroup socket options",
	"cgroup_sysctl":    "cgroup/sysctl",
	"fentry":           "fentry, fexit, tp_btf",
	"fexit":            "fexit",
	"flow_dissector":   "flow_dissector",
	"fmod_ret":         "fmod_ret",
	"iter":             "iter",
	"kprobe":           "kprobe, uprobe",
	"lirc_mode2":       "lirc_mode2",
	"lsm":              "lsm",
	"lwt":              "lwt programs",
	"lwt_in":           "lwt_in",
	"lwt_seg6local":    "lwt_seg6local",
	"lwt_xmit":         "lwt_xmit",
	"perf_event":       "perf_event",
	"sk_lookup":        "sk_lookup",
	"sk_msg":           "sk_msg",
	"sk_reuseport":     "sk_reuseport",
	"sk_skb":           "sk_skb",
	"sock_ops":         "sockops",
	"socket_filter":    "socket filters",
	"sockets":          "network programs with sockets, fentry, fexit, tp_btf, lsm",
	"struct_ops":       "struct_ops",
	"syscall":          "syscall",
	"tc":               "tc",
	"tracing":          "tracing programs, lsm",
}

// structName finds the structs that the prototypes name.
var structName = regexp.MustCompile(`\bstruct (\w+)`)

func helperHeader(helpers []helper) []byte {
	var w bytes.Buffer
	header(&w, "__BPF_HELPER_DEFS_H__", "helpers.tsv",
		"The kernel's helpers as C functions. Each comment tells what a helper does, the first "+
			"kernel that has it, for which programs, and whether only programs under a license that "+
			"is compatible with the GPL may call it.")
	w.WriteString(typedefs)
	var structs []string
	for _, h := range helpers {
		for _, m := range structName.FindAllStringSubmatch(h.result+" "+h.parameters, -1) {
			structs = append(structs, m[1])
		}
	}
	slices.Sort(structs)
	for _, name := range slices.Compact(structs) {
		fmt.Fprintf(&w, "struct %s;\n", name)
	}
	w.WriteString(macros)
	for _, h := range helpers {
		w.WriteByte('\n')
		comment(&w, h.does+"\n"+h.where())
		h.define(&w)
	}
	w.WriteString("\n#endif\n")
	return w.Bytes()
}

// define writes the helper as a constant pointer to a function at its id.
func (h *helper) define(w *bytes.Buffer) {
	line := "static "
	for _, attribute := range h.attributes {
		line += "__bpf_" + attribute + " "
	}
	line += h.result
	if !strings.HasSuffix(line, "*") {
		line += " "
	}
	line += "(* const bpf_" + h.name + ")("
	pieces := strings.SplitAfter(h.parameters, ", ")
	pieces[len(pieces)-1] += ") = "
	pieces = append(pieces, fmt.Sprintf("___bpf_helper(bpf_%s, %d);", h.name, h.id))
	room := width
	for _, piece := range pieces {
		if len(line)+len(strings.TrimSpace(piece)) > room {
			w.WriteString(strings.TrimSpace(line) + "\n\t\t")
			line, room = "", width-2*8
		}
		line += piece
	}
	w.WriteString(line + "\n")
}

// where says since when, and for which programs, the kernel has a helper.
func (h *helper) where() string {
	text := "Linux " + h.since + "; "
	if h.programs[0] == "any" {
		text += "all programs"
	} else {
		var names []string
		for _, program := range h.programs {
			names = append(names, programs[program])
		}
		text += strings.Join(names, ", ")
	}
	if h.gpl {
		text += "; GPL"
	}
	return text + "."
}

// typedefs are for programs that include neither vmlinux.h nor linux/types.h before. The same
// typedefs may follow.
const typedefs = `
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

`

const macros = `
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

`
