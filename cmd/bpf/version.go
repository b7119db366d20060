package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/kernel"
)

func newVersionCommand() *cobra.Command {
	v := tool.Verb{
		Name:  "version",
		Short: "Print the version of this tool and of the running kernel",
		Run: func(r *tool.Run) error {
			if err := r.End(); err != nil {
				return err
			}
			if r.JSON != nil {
				versionJSON(r.JSON)
				return nil
			}
			versionText(r)
			return nil
		},
	}
	return v.Command()
}

func versionText(r *tool.Run) {
	r.Printf("bpf %s %s/%s, %s\n", buildVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	k := kernel.Running()
	r.Printf("kernel %s", dotted(k.Version()))
	if spec, err := k.BTF(); err != nil {
		r.Printf(", no BTF: %v\n", err)
	} else {
		r.Printf(", BTF with %d types\n", spec.Len()-1)
	}
}

// versionJSON prints bpftool's keys, and that of the kernel.
func versionJSON(j *tool.JSON) {
	j.Object()
	j.StringKey("version", buildVersion())
	j.StringKey("libbpf_version", libbpfVersion)
	j.Key("features")
	j.Object()
	for _, f := range []struct {
		name string
		has  bool
	}{{"libbfd", false}, {"llvm", false}, {"skeletons", true}, {"bootstrap", false}} {
		j.BoolKey(f.name, f.has)
	}
	j.EndObject()
	j.StringKey("kernel", dotted(kernel.Running().Version()))
	j.EndObject()
}

// libbpfVersion is the version of C libbpf whose behaviour the library has.
const libbpfVersion = "1.8"

func dotted(v uint32) string { return fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff) }

// stamp is the version that scripts/release.sh gives the linker.
var stamp string

// buildVersion returns the stamp, the module's version, or the revision that it was built from.
func buildVersion() string {
	if stamp != "" {
		return stamp
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel " + s.Value[:12]
		}
	}
	return "(devel)"
}
