package bpf

import (
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// SetLIRC attaches a SEC("lirc_mode2") program to an infrared receiver, /dev/lircN (libbpf bpf_prog_attach; 4.18). It decodes what the
// receiver sees, beside others (E2BIG after 64). There are no links of this kind. It stays when the process ends: UnsetLIRC takes it
// away. Needs CAP_NET_ADMIN. EINVAL if the file is no infrared receiver or the kernel has CONFIG_BPF_LIRC_MODE2 off, as all that this was
// tested on: what the tests show is the request to the kernel, not a program that ran.
func (p *Program) SetLIRC(path string) error {
	at := p.lircPlace(path)
	if err := p.setPath(path, &sys.ProgAttachAttr{AttachType: uapi.AttachLIRCMode2}, sys.ProgAttach); err != nil {
		return p.refused(at, err)
	}
	return nil
}

// UnsetLIRC takes the program away from an infrared receiver where SetLIRC put it (libbpf bpf_prog_detach2). ErrNotExist if it isn't
// there.
func (p *Program) UnsetLIRC(path string) error {
	if err := p.setPath(path, &sys.ProgAttachAttr{AttachType: uapi.AttachLIRCMode2}, sys.ProgDetach); err != nil {
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
