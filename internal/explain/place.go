package explain

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Place is a hook to attach a program to or detach it from, and what explains the kernel's refusal:
// bare errnos don't say which program is in the way or what type would fit.
type Place struct {
	Name     string
	Types    []uapi.ProgType             // of programs that fit
	Attach   uapi.AttachType             // that kernels may lack; 0 if that is not checked
	Query    func() (*hooks.Hook, error) // the attached programs; nil if the kernel has no query
	Revision uint64                      // that the caller expects
	Anchor   Anchor
	LinkIDs  bool // Query reports the ids of links
	// Target is what the kernel takes as target: the explanation of EBADF, which never means a
	// closed program.
	Target string
	// Rule is a rule of the hook that the options break: the explanation of EINVAL.
	Rule    string
	Need    []kernel.Capability
	Netlink bool // rtnetlink needs CAP_NET_ADMIN, instead of Need
}

// Anchor is a place among the programs of a hook, as bpf(2) takes it. While a refusal is explained
// the descriptor in it is open.
type Anchor struct {
	Flags    uapi.AttachFlags
	Relative uint32 // a descriptor or, with uapi.FID, an id; 0 for none
}

// Attempt is the attempt to do op there.
func (at *Place) Attempt(op Op) *Attempt {
	if at.Netlink {
		op |= Netlink
	}
	return &Attempt{Op: op, Need: at.Need, At: at}
}

// Cause returns err without the text that the name of the place has already.
func (at *Place) Cause(err error) error {
	if file, ok := err.(*os.PathError); ok && strings.HasSuffix(at.Name, " "+file.Path) {
		return fmt.Errorf("%s it: %w", file.Op, file.Err)
	}
	return err
}

// Ask returns the programs attached to the hook of a file. Its error names the query.
func (at *Place) Ask(path string, where uapi.AttachType) (*hooks.Hook, error) {
	hook, err := hooks.QueryFile(path, where, 0)
	if err != nil {
		err = fmt.Errorf("query the attached programs: %w", at.Cause(err))
	}
	return hook, err
}

func (at *Place) isNetkit() bool {
	return at.Attach == uapi.AttachNetkitPrimary || at.Attach == uapi.AttachNetkitPeer
}

func isOfWrongType(a *Attempt) string {
	if len(a.At.Types) == 0 || slices.Contains(a.At.Types, a.Program.Type) {
		return ""
	}
	return fmt.Sprintf("the program is of type %v, want %s",
		a.Program.Type, TypeNames(a.At.Types))
}

func kernelLacksAttachType(a *Attempt) string {
	if a.At.Attach == 0 || !lacksAttachType(a.Program.Kernel, a.At.Attach) {
		return ""
	}
	return fmt.Sprintf("this kernel has no attach type %v", a.At.Attach)
}

func isNoNetkit(a *Attempt) string {
	if !a.At.isNetkit() {
		return ""
	}
	return "the interface is no netkit device"
}

func isNetkitPeer(a *Attempt) string {
	if !a.At.isNetkit() {
		return ""
	}
	return "the interface is the peer of a netkit pair: give the primary device"
}

// hook queries what is attached to the place, nil if that isn't possible.
func (a *Attempt) hook() *hooks.Hook {
	if a.At.Query == nil {
		return nil
	}
	hook, err := a.At.Query()
	if err != nil {
		return nil
	}
	return hook
}

func anchorIsAbsent(a *Attempt) string {
	hook := a.hook()
	if hook == nil || !a.At.LinkIDs {
		return ""
	}
	return a.At.Anchor.absentFrom(hook)
}

func revisionChanged(a *Attempt) string {
	hook := a.hook()
	if hook == nil {
		return ""
	}
	return fmt.Sprintf("programs were attached or detached there meanwhile: the hook's revision "+
		"is %d, not %d",
		hook.Revision, a.At.Revision)
}

func isAttachedAlready(a *Attempt) string { return a.isIn(a.hook()) }

// isIn returns a text if the program is attached to the hook already.
func (a *Attempt) isIn(hook *hooks.Hook) string {
	info, err := sys.ProgInfoByFD(a.Program.FD)
	if hook == nil || err != nil || !hook.Has(info.ID) {
		return ""
	}
	return fmt.Sprintf("this program, %d, is attached there already", info.ID)
}

func isOccupied(a *Attempt) string {
	hook := a.hook()
	if hook == nil || len(hook.Programs) == 0 {
		return ""
	}
	if already := a.isIn(hook); already != "" {
		return already
	}
	return hook.Occupants() + " attached there" + hook.Detachment()
}

// absentFrom returns the name of the anchor if it isn't attached to that hook.
func (a Anchor) absentFrom(h *hooks.Hook) string {
	if a.Relative == 0 {
		return ""
	}
	kind, id := "program", a.Relative
	link, fd := a.Flags&uapi.FAnchorLink != 0, a.Flags&uapi.FID == 0
	switch {
	case link:
		kind = "link"
		if fd {
			info, err := sys.LinkInfoByFD(int(id))
			if err != nil {
				return ""
			}
			id = info.ID
		}
	case fd:
		info, err := sys.ProgInfoByFD(int(id))
		if err != nil {
			return ""
		}
		id = info.ID
	}
	there := func(p hooks.Program) bool { return p.LinkID == id && link || p.ID == id && !link }
	if slices.ContainsFunc(h.Programs, there) {
		return ""
	}
	return fmt.Sprintf("the anchor, %s %d, is not attached there", kind, id)
}

// lacksAttachType reports whether the kernel's BTF lacks that attach type.
func lacksAttachType(k *kernel.Facts, t uapi.AttachType) bool {
	spec, err := k.BTF()
	if err != nil {
		return false
	}
	has, known := facts.HasEnumerator(spec, "bpf_attach_type", "", int64(t))
	return known && !has
}

// TypeNames lists types of programs.
func TypeNames(types []uapi.ProgType) string {
	var names []string
	for _, t := range types {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}
