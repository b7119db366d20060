package explain

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

var netAdmin = [...]kernel.Capability{kernel.CapNetAdmin}

var cgroupPrograms = [...]uapi.ProgType{
	uapi.ProgCgroupSKB, uapi.ProgCgroupSock, uapi.ProgCgroupSockAddr, uapi.ProgCgroupSockOpt,
	uapi.ProgCgroupSysctl, uapi.ProgCgroupDevice, uapi.ProgSockOps, uapi.ProgLSM,
}

// CgroupPlace is a hook of the cgroup at path.
func CgroupPlace(path string, where uapi.AttachType, revision uint64) *Place {
	return &Place{
		Name: "cgroup " + path, Types: cgroupPrograms[:], Revision: revision, Need: netAdmin[:],
		Target: "want a directory of a cgroup2 file system",
		Query: func() (*hooks.Hook, error) {
			own, err := hooks.QueryFile(path, where, 0)
			if err != nil || len(own.Programs) > 0 {
				return own, err
			}
			return hooks.QueryFile(path, where, uapi.FQueryEffective)
		},
	}
}

var netnsPrograms = [...]uapi.ProgType{uapi.ProgFlowDissector, uapi.ProgSKLookup}

// NetnsPlace is a hook of the network namespace at path.
func NetnsPlace(path string, where uapi.AttachType) *Place {
	return &Place{
		Name: "network namespace " + path, Types: netnsPrograms[:], Need: netAdmin[:],
		Query: func() (*hooks.Hook, error) { return hooks.QueryFile(path, where, 0) },
	}
}

var lircPrograms = [...]uapi.ProgType{uapi.ProgLIRCMode2}

// LIRCPlace is the infrared receiver at path.
func LIRCPlace(path string) *Place {
	return &Place{
		Name: path, Types: lircPrograms[:], Need: netAdmin[:],
		Query: func() (*hooks.Hook, error) {
			return hooks.QueryFile(path, uapi.AttachLIRCMode2, 0)
		},
	}
}

var xdpPrograms = [...]uapi.ProgType{uapi.ProgXDP}

// XDPPlace is an interface for an XDP program, with its index. It returns a Place also with an
// error, for messages.
func XDPPlace(iface string, expected uapi.AttachType) (*Place, int, error) {
	at := &Place{Name: iface + " (xdp)", Types: xdpPrograms[:], Need: netAdmin[:]}
	switch expected {
	case uapi.AttachXDPDevMap, uapi.AttachXDPCPUMap:
		at.Rule = fmt.Sprintf("the program was loaded for a map (%v), not for an interface",
			expected)
	}
	index, err := rtnl.Interface(iface)
	if err == nil {
		at.Query = func() (*hooks.Hook, error) { return hooks.QueryXDP(index) }
	}
	return at, index, err
}

// InterfaceHooks are the two hooks of one kind of an interface.
type InterfaceHooks uint8

// The kinds of hooks of an interface.
const (
	TCX InterfaceHooks = iota
	Netkit
)

var interfaceHooks = [...]struct {
	name string
	of   [2]uapi.AttachType
}{
	TCX:    {"tcx", [...]uapi.AttachType{uapi.AttachTCXIngress, uapi.AttachTCXEgress}},
	Netkit: {"netkit", [...]uapi.AttachType{uapi.AttachNetkitPrimary, uapi.AttachNetkitPeer}},
}

var schedPrograms = [...]uapi.ProgType{uapi.ProgSchedCls}

// InterfacePlace is a hook of an interface, with its index. It returns a Place also with an error,
// for messages.
func InterfacePlace(kind InterfaceHooks, iface string, where uapi.AttachType,
	revision uint64) (*Place, uint32, error) {
	at := &Place{
		Name: fmt.Sprintf("%s (%v)", iface, where), Types: schedPrograms[:], Attach: where,
		Revision: revision, LinkIDs: true, Need: netAdmin[:],
	}
	k := &interfaceHooks[kind]
	if where != k.of[0] && where != k.of[1] {
		return at, 0, fmt.Errorf("%s has the hooks %v and %v: %w",
			k.name, k.of[0], k.of[1], syscall.EINVAL)
	}
	index, err := rtnl.Interface(iface)
	if err != nil {
		return at, 0, err
	}
	at.Query = func() (*hooks.Hook, error) { return hooks.Query(uint32(index), where, 0) }
	return at, uint32(index), nil
}

// SocketMap is a map that may hold sockets.
type SocketMap interface {
	Name() string
	Type() uapi.MapType
	UseFD(f func(fd int) error) error
}

// sockMapHook is a hook of maps of sockets, and the type of its programs.
type sockMapHook struct {
	program uapi.ProgType
	attach  uapi.AttachType
}

var sockMapHooks = [...]sockMapHook{
	{uapi.ProgSKSKB, uapi.AttachSKSKBStreamParser}, {uapi.ProgSKSKB, uapi.AttachSKSKBStreamVerdict},
	{uapi.ProgSKSKB, uapi.AttachSKSKBVerdict},
	{uapi.ProgSKMsg, uapi.AttachSKMsgVerdict},
}

var sockMapPrograms = [...]uapi.ProgType{uapi.ProgSKSKB, uapi.ProgSKMsg}

// SockMapPlace is a hook of a map of sockets, for a program of that type.
func SockMapPlace(m SocketMap, program uapi.ProgType, where uapi.AttachType) *Place {
	at := &Place{
		Name: "map " + m.Name(), Types: sockMapPrograms[:], Need: netAdmin[:],
		Query: func() (hook *hooks.Hook, err error) {
			err = m.UseFD(func(fd int) (err error) {
				hook, err = hooks.Query(uint32(fd), where, 0)
				return err
			})
			return hook, err
		},
	}
	switch {
	case m.Type() != uapi.MapSockMap && m.Type() != uapi.MapSockHash:
		at.Rule = fmt.Sprintf("the map is of type %v and holds no sockets", m.Type())
	case where == 0:
		at.Rule = "whether the program is a parser or a verdict is unknown; set the option Type"
	case !slices.Contains(sockMapHooks[:], sockMapHook{program, where}):
		at.Rule = fmt.Sprintf("programs of type %v have no attach type %v", program, where)
	}
	return at
}
