package nolink

import (
	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// SetFlowDissector makes the program the flow dissector of the calling thread's network namespace
// (libbpf bpf_prog_attach; 4.20). It replaces one that was set the same way. EEXIST if one is
// attached by a link.
func SetFlowDissector(p *bpf.Program) error {
	return attach(p, threadNetns()).do(func(a *sys.ProgAttachAttr) error {
		a.AttachType = uapi.AttachFlowDissector
		return sys.ProgAttach(a)
	})
}

// UnsetFlowDissector detaches the program from the calling thread's network namespace, where
// SetFlowDissector attached it (libbpf bpf_prog_detach2). ErrNotExist if it isn't attached there.
func UnsetFlowDissector(p *bpf.Program) error {
	r := detach(p, threadNetns())
	return r.do(func(a *sys.ProgAttachAttr) error {
		a.AttachType = uapi.AttachFlowDissector
		// Before 5.8 the kernel doesn't compare programs.
		if err := r.requireAttached(kernel.ThreadNetns, a.AttachType, a.ProgFD); err != nil {
			return err
		}
		return sys.ProgDetach(a)
	})
}

func threadNetns() *explain.Place {
	return explain.NetnsPlace(kernel.ThreadNetns, uapi.AttachFlowDissector)
}

// AddLIRC attaches a SEC("lirc_mode2") program to an infrared receiver, /dev/lircN (libbpf
// bpf_prog_attach; 4.18). The program decodes what the receiver sees, in parallel with other
// programs (E2BIG after 64). Needs CAP_NET_ADMIN. EINVAL if the file isn't an infrared receiver or
// CONFIG_BPF_LIRC_MODE2 is off. It is off in every kernel that this was tested on, so the tests
// check the request to the kernel and have not run such a program.
func AddLIRC(p *bpf.Program, path string) error {
	return attach(p, explain.LIRCPlace(path)).onFile(path, sys.ProgAttach, lircHook)
}

// RemoveLIRC detaches the program from an infrared receiver where AddLIRC attached it (libbpf
// bpf_prog_detach2). ErrNotExist if it isn't attached there.
func RemoveLIRC(p *bpf.Program, path string) error {
	return detach(p, explain.LIRCPlace(path)).onFile(path, sys.ProgDetach, lircHook)
}

func lircHook(a *sys.ProgAttachAttr) { a.AttachType = uapi.AttachLIRCMode2 }
