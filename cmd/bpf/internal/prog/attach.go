package prog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// hooks are where bpf prog attaches programs, with the names that bpftool had before.
var hooks = [...]struct {
	typ uapi.AttachType
	old string
}{
	{uapi.AttachSKMsgVerdict, "msg_verdict"},
	{uapi.AttachSKSKBVerdict, "skb_verdict"},
	{uapi.AttachSKSKBStreamVerdict, "stream_verdict"},
	{uapi.AttachSKSKBStreamParser, "stream_parser"},
	{uapi.AttachFlowDissector, ""},
}

func hookNames() (list []string) {
	for _, h := range hooks {
		list = append(list, h.typ.String())
	}
	return list
}

const attachHelp = `
ATTACH_TYPE is sk_msg_verdict, sk_skb_verdict, sk_skb_stream_verdict or sk_skb_stream_parser, with
MAP, a map of sockets; or flow_dissector, for this network namespace. bpf attach and bpf detach know
all other hooks.`

func attachVerb() tool.Verb {
	return tool.Verb{
		Name: "attach", Args: "PROG ATTACH_TYPE [MAP]",
		Short: "Attach a program to a map of sockets, or as flow dissector",
		Long: "Attach attaches a program until it is detached, or the map ends." +
			attachHelp,
		Keywords: append([]string{"id", "tag", "name", "pinned"}, hookNames()...),
		Run: func(r *tool.Run) error {
			return hooked(r, nolink.SetSockMap, nolink.SetFlowDissector)
		},
	}
}

func detachVerb() tool.Verb {
	return tool.Verb{
		Name: "detach", Args: "PROG ATTACH_TYPE [MAP]",
		Short:    "Detach a program from a map of sockets, or as flow dissector",
		Long:     "Detach detaches a program that was attached without a link." + attachHelp,
		Keywords: append([]string{"id", "tag", "name", "pinned"}, hookNames()...),
		Run: func(r *tool.Run) error {
			return hooked(r, nolink.UnsetSockMap, nolink.UnsetFlowDissector)
		},
	}
}

// hooked parses the words and does what toMap or alone does.
func hooked(r *tool.Run, toMap func(*bpf.Program, *bpf.Map, *bpf.SockMapOptions) error,
	alone func(*bpf.Program) error) error {
	h, err := r.Program()
	if err != nil {
		return err
	}
	typ, err := attachType(r)
	if err != nil {
		return err
	}
	var m *bpf.Map
	if typ != uapi.AttachFlowDissector {
		if m, err = r.OpenMap(0); err != nil {
			return err
		}
		defer m.Close()
	}
	if err := r.End(); err != nil {
		return err
	}
	p, err := h.OneProgram()
	if err != nil {
		return err
	}
	defer p.Close()
	if m == nil {
		return alone(p)
	}
	return toMap(p, m, &bpf.SockMapOptions{Type: typ})
}

// attachType takes the name of an attach type, in full or as the beginning of its old name.
func attachType(r *tool.Run) (uapi.AttachType, error) {
	word, err := r.Next("attach type")
	if err != nil {
		return 0, err
	}
	for _, h := range hooks {
		if h.typ.String() == word || h.old != "" && strings.HasPrefix(h.old, word) {
			return h.typ, nil
		}
	}
	names := hookNames()
	slices.Sort(names)
	return 0, fmt.Errorf("attach type %q is not one of %s: bpf attach knows all others", word,
		strings.Join(names, ", "))
}
