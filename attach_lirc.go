package bpf

import (
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// AddLIRC attaches a SEC("lirc_mode2") program to an infrared receiver, /dev/lircN (libbpf
// bpf_prog_attach; 4.18). It decodes what the receiver sees, in parallel with other programs (E2BIG
// after 64). There are no links of this kind. It stays attached when the process ends: RemoveLIRC
// detaches it. Needs CAP_NET_ADMIN. EINVAL if the file isn't an infrared receiver or
// CONFIG_BPF_LIRC_MODE2 is off. It is off in every kernel that this was tested on, so the tests
// check the request to the kernel and have not run such a program.
func (p *Program) AddLIRC(path string) error {
	at := p.lircPlace(path)
	if err := p.setPath(path, &sys.ProgAttachAttr{AttachType: uapi.AttachLIRCMode2},
		sys.ProgAttach); err != nil {
		return p.refused(at, err)
	}
	return nil
}

// RemoveLIRC detaches the program from an infrared receiver where AddLIRC attached it (libbpf
// bpf_prog_detach2). ErrNotExist if it isn't attached there.
func (p *Program) RemoveLIRC(path string) error {
	if err := p.setPath(path, &sys.ProgAttachAttr{AttachType: uapi.AttachLIRCMode2},
		sys.ProgDetach); err != nil {
		return p.notDetached(p.lircPlace(path), err)
	}
	return nil
}

var lircPrograms = [...]uapi.ProgType{uapi.ProgLIRCMode2}

func (p *Program) lircPlace(path string) *place {
	return &place{
		name: path, types: lircPrograms[:], need: []kernel.Capability{kernel.CapNetAdmin},
		query: func() (*hooks.Hook, error) {
			return hooks.QueryFile(path, uapi.AttachLIRCMode2, 0)
		},
	}
}
