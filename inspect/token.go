package inspect

import (
	"os"
	"strings"
)

// Delegation is a BPF file system whose mount options delegate bpf(2) commands to a user namespace,
// for which BPF tokens can be made there. Names are the kernel's; "any" stands for all, and bits
// that have no name are a hexadecimal number.
type Delegation struct {
	Path        string // where it is mounted
	Commands    []string
	MapTypes    []string
	ProgTypes   []string
	AttachTypes []string
}

// Delegations lists the BPF file systems, among those that this process sees, that delegate
// something (bpftool token show; 6.9). No privileges.
func Delegations() ([]Delegation, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, failed("list delegations", "", err)
	}
	return delegations(string(mounts)), nil
}

// delegations reads the text of /proc/self/mounts.
func delegations(mounts string) []Delegation {
	var list []Delegation
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 || f[2] != "bpf" {
			continue
		}
		d := Delegation{Path: mountPoint(f[1])}
		delegates := false
		for option := range strings.SplitSeq(f[3], ",") {
			name, value, _ := strings.Cut(option, "=")
			var to *[]string
			switch name {
			case "delegate_cmds":
				to = &d.Commands
			case "delegate_maps":
				to = &d.MapTypes
			case "delegate_progs":
				to = &d.ProgTypes
			case "delegate_attachs":
				to = &d.AttachTypes
			default:
				continue
			}
			*to, delegates = strings.Split(value, ":"), true
		}
		if delegates {
			list = append(list, d)
		}
	}
	return list
}
