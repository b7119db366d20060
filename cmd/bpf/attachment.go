package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// attachment is an attached program, possibly of another process.
type attachment struct {
	program uint32
	links   []uint32     // one of them holds the program; none: it is attached without a link
	detach  func() error // detaches a program without a link
}

// String returns the program and the link that holds it.
func (a attachment) String() string {
	if len(a.links) == 0 {
		return fmt.Sprintf("program %d", a.program)
	}
	return fmt.Sprintf("program %d by link %s", a.program,
		strings.Trim(strings.ReplaceAll(fmt.Sprint(a.links), " ", " or "), "[]"))
}

// programsThere lists the programs that bpf detach HOOK can detach, and the others that are
// attached.
func programsThere(list []attachment) string {
	var free, held []string
	for _, a := range list {
		if len(a.links) == 0 {
			free = append(free, a.String())
		} else {
			held = append(held, a.String())
		}
	}
	text := "nothing is attached there without a link"
	if len(free) > 0 {
		text = "attached there: " + strings.Join(free, ", ")
	}
	if len(held) > 0 {
		text += "; with links, which bpf detach takes by their ids: " + strings.Join(held, ", ")
	}
	return text
}

// hookedThere returns the programs of a hook.
func hookedThere(there *inspect.Hook, detach func(*bpf.Program) error) (list []attachment) {
	for _, p := range there.Programs {
		a := attachment{program: p.ProgramID, detach: withProgram(p.ProgramID, detach)}
		if p.LinkID != 0 {
			a.links = []uint32{p.LinkID}
		}
		list = append(list, a)
	}
	return list
}

// findLinks finds the links of a hook's programs, where the hook doesn't list them: the links that
// are attached at.
func findLinks(there *inspect.Hook, typ uapi.LinkType, at linkinfo.Detail) error {
	if len(there.Programs) == 0 {
		return nil
	}
	links, err := linksAt(typ, at)
	for _, l := range links {
		i := slices.IndexFunc(there.Programs, func(p inspect.HookedProgram) bool {
			return p.ProgramID == l.ProgramID && p.LinkID == 0
		})
		if i >= 0 {
			there.Programs[i].LinkID = l.ID
		}
	}
	return err
}

// linksAt returns the links in the kernel that are attached at.
func linksAt(typ uapi.LinkType, at linkinfo.Detail) ([]*linkinfo.Info, error) {
	links, err := inspect.Links(typ)
	if errors.Is(err, syscall.EINVAL) {
		return nil, nil // before 5.8, where links have no ids
	}
	return slices.DeleteFunc(links, func(l *linkinfo.Info) bool {
		return !reflect.DeepEqual(l.Detail, at)
	}), err
}

// withProgram opens a program for one call.
func withProgram(id uint32, call func(*bpf.Program) error) func() error {
	return func() error {
		p, err := bpf.ProgramFromID(id)
		if err != nil {
			return err
		}
		return errors.Join(call(p), p.Close())
	}
}
