package hooks

import (
	"fmt"
	"strings"

	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// AtFunction lists the programs that are attached to a function by tracing links, for messages. The
// function is a type of the BTF with that id, of the kernel, a module or a program. It returns ""
// if there are none or if the kernel doesn't report them.
func AtFunction(btfID, function uint32) string {
	return tracing(func(d *linkinfo.Tracing) bool {
		return d.TargetBTFID == function &&
			(d.TargetID == btfID || btfOfProgram(d.TargetID) == btfID)
	})
}

// AtProgramFunction does the same for a function of the program with that id.
func AtProgramFunction(program, function uint32) string {
	return tracing(func(d *linkinfo.Tracing) bool {
		return d.TargetID == program && d.TargetBTFID == function
	})
}

func tracing(is func(*linkinfo.Tracing) bool) string {
	var there []string
	for info, err := range linkinfo.All(uapi.LinkTracing) {
		if err != nil {
			return ""
		}
		if d, ok := info.Detail.(*linkinfo.Tracing); ok && is(d) {
			there = append(there, fmt.Sprintf("program %d by link %d", info.ProgramID, info.ID))
		}
	}
	if len(there) == 0 {
		return ""
	}
	return "attached there: " + strings.Join(there, ", ")
}

// btfOfProgram returns the id of the BTF that the program with that id was loaded with, 0 if there
// is none.
func btfOfProgram(id uint32) uint32 {
	fd, err := sys.ProgFDByID(id)
	if err != nil {
		return 0
	}
	defer fd.Close()
	info, err := sys.ProgInfoByFD(fd.Int())
	if err != nil {
		return 0
	}
	return info.BTFID
}
