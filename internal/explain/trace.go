package explain

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/structops"
	"github.com/purebpf/bpf/sys"
)

func functionIsTraced(a *Attempt) string {
	own, err := sys.ProgInfoByFD(a.Program.FD)
	if err != nil || own.AttachBTFID == 0 {
		return ""
	}
	return hooks.AtFunction(own.AttachBTFObjID, own.AttachBTFID)
}

func functionIsReplaced(a *Attempt) string {
	target, err := sys.ProgInfoByFD(a.Target)
	if err != nil {
		return ""
	}
	return hooks.AtProgramFunction(target.ID, a.Function)
}

// typeIsRegistered lists the registered maps of the same type.
func typeIsRegistered(a *Attempt) string {
	own, err := sys.MapInfoByFD(a.Map.FD)
	if err != nil {
		return ""
	}
	there, err := structops.List(func(info *sys.MapInfo) bool {
		return info.BTFVmlinuxValueTypeID == own.BTFVmlinuxValueTypeID &&
			info.BTFVmlinuxID == own.BTFVmlinuxID
	})
	if err != nil || len(there) == 0 {
		return ""
	}
	var names []string
	for _, r := range there {
		if r.MapID == own.ID {
			return fmt.Sprintf("this map, %d, is registered already", own.ID)
		}
		names = append(names, r.String())
	}
	return "registered of this type: " + strings.Join(names, ", ")
}
