package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/spf13/cobra"
)

// detacher is one `bpf detach`.
type detacher struct {
	stale   bool
	program uint32 // --program-id
	mapID   uint32 // --map-id
	asJSON  bool
	out     io.Writer
}

func newDetachCommand() *cobra.Command {
	var d detacher
	cmd := &cobra.Command{
		Use: "detach PIN|ID... | detach HOOK --program-id N | detach struct_ops --map-id N | " +
			"detach --stale",
		Short: "Detach programs by link or by hook, and remove what killed loaders left",
		Long: `Detach detaches programs.

  bpf detach /sys/fs/bpf/x/on_malloc          a link, by its pin, which is removed
  bpf detach 31                               a link, by its id, for all processes that hold it
  bpf detach tc-ingress:eth0 --program-id 42  a program without a link, by its hook and its id
  bpf detach struct_ops --map-id 42           a struct_ops map without a link
  bpf detach --stale                          what killed loaders left in tracefs

Filters of classic tc, XDP by netlink and everything attached with link=no have no links. "bpf
attach --help" lists hooks. Programs with another id stay attached. Without --program-id the command
lists what is attached to the hook: the programs, and the links of those that have one. "ip route"
shows which programs a route has (lwt-*).`,
		Args: func(cmd *cobra.Command, args []string) error {
			byHook := d.program != 0 || d.mapID != 0
			if d.program != 0 && d.mapID != 0 || d.stale == (len(args) > 0) || d.stale && byHook ||
				byHook && len(args) != 1 {
				return fmt.Errorf("usage: bpf %s", cmd.Use)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			d.out = cmd.OutOrStdout()
			switch {
			case d.stale:
				return d.removeStale()
			case d.mapID != 0:
				return d.unregister(args[0])
			case d.program != 0:
				return d.fromHook(args[0])
			}
			var errs []error
			for _, name := range args {
				errs = append(errs, d.link(name))
			}
			return errors.Join(errs...)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&d.stale, "stale", false, "remove probe events that killed loaders left in tracefs")
	f.Uint32Var(&d.program, "program-id", 0,
		"id of the program that is attached to HOOK without a link")
	f.Uint32Var(&d.mapID, "map-id", 0, "id of the struct_ops map that is registered without a link")
	f.BoolVarP(&d.asJSON, "json", "j", false,
		"print JSON: a document for each thing that was detached")
	return cmd
}

// detachedDocument is the --json output for a detached or removed object.
type detachedDocument struct {
	Detached  string `json:"detached,omitempty"`
	ProgramID uint32 `json:"program_id,omitempty"`
	MapID     uint32 `json:"map_id,omitempty"`
	Removed   string `json:"removed,omitempty"`
}

func (d *detacher) tell(doc detachedDocument) (err error) {
	switch {
	case d.asJSON:
		return json.NewEncoder(printable.JSON{To: d.out}).Encode(doc)
	case doc.Removed != "":
		err = say(d.out, "removed %s", doc.Removed)
	case doc.MapID != 0:
		err = say(d.out, "detached map %d from %s", doc.MapID, doc.Detached)
	case doc.ProgramID != 0:
		err = say(d.out, "detached program %d from %s", doc.ProgramID, doc.Detached)
	default:
		err = say(d.out, "detached %s", doc.Detached)
	}
	return err
}

func (d *detacher) removeStale() error {
	events, err := inspect.CleanLegacyEvents()
	for _, e := range events {
		err = errors.Join(err, d.tell(detachedDocument{Removed: e.String()}))
	}
	return err
}

func (d *detacher) link(name string) (err error) {
	if id, convErr := strconv.ParseUint(name, 10, 32); convErr == nil {
		l, err := bpf.LinkFromID(uint32(id))
		if err != nil {
			return err
		}
		if err := errors.Join(l.Detach(), l.Close()); err != nil {
			return err
		}
		return d.tell(detachedDocument{Detached: name})
	}
	if _, err := os.Lstat(name); err != nil {
		if h, err := parseHook(name); err == nil {
			return d.explain(h)
		}
	}
	l, err := bpf.OpenLink(name)
	if err != nil {
		return err
	}
	info, infoErr := l.Info()
	// The descriptor is closed last, so that the program is detached before this returns, not some
	// time later.
	if err := errors.Join(l.Unpin(), l.Close()); err != nil {
		return err
	}
	if infoErr == nil && held(info.ID) {
		return fmt.Errorf("%s is removed, but others hold the link too: bpf detach %d detaches "+
			"it for all", name, info.ID)
	}
	return d.tell(detachedDocument{Detached: name})
}

// held reports whether a link exists longer than a process that only inspects it would keep it.
func held(id uint32) bool {
	for range 20 {
		l, err := bpf.LinkFromID(id)
		if err != nil {
			return false
		}
		l.Close()
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

// unregister unregisters a struct_ops map.
func (d *detacher) unregister(text string) error {
	if text != hookStructOps {
		return fmt.Errorf("%s: --map-id goes with %s", text, hookStructOps)
	}
	if err := inspect.UnregisterStructOps(d.mapID); err != nil {
		return err
	}
	return d.tell(detachedDocument{Detached: text, MapID: d.mapID})
}

// registered returns an error that lists the registered struct_ops maps.
func registered() error {
	list, err := inspect.StructOps()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%s: no map is registered", hookStructOps)
	}
	var maps []string
	for _, r := range list {
		maps = append(maps, r.String())
	}
	return fmt.Errorf("%s: add --map-id; registered: %s", hookStructOps, strings.Join(maps, ", "))
}

// there lists the programs that are attached to a hook.
func there(h *hook) ([]attachment, error) {
	if h.kind.name == hookStructOps {
		return nil, registered()
	}
	if h.kind.there == nil {
		if h.kind.unset != nil {
			return nil, fmt.Errorf("%s: add --program-id; ip route shows a program as name:[id]",
				h.text)
		}
		return nil, fmt.Errorf(
			"%s: programs are attached there by links alone, which are named by pin or id", h.text)
	}
	return h.kind.there(h)
}

// explain returns an error that lists the programs of the hook.
func (d *detacher) explain(h *hook) error {
	list, err := there(h)
	if err != nil {
		return err
	}
	add := "add --program-id; "
	if !slices.ContainsFunc(list, func(a attachment) bool { return len(a.links) == 0 }) {
		add = ""
	}
	return fmt.Errorf("%s: %s%s", h.text, add, programsThere(list))
}

// fromHook detaches a program from a hook, as often as it is attached there without a link.
func (d *detacher) fromHook(text string) error {
	h, err := parseHook(text)
	if err != nil {
		return err
	}
	if h.kind.unset != nil {
		if err := withProgram(d.program, func(p *bpf.Program) error {
			return h.kind.unset(p, h)
		})(); err != nil {
			return err
		}
		return d.tell(detachedDocument{Detached: text, ProgramID: d.program})
	}
	list, err := there(h)
	if err != nil {
		return err
	}
	return d.fromList(text, list)
}

func (d *detacher) fromList(text string, list []attachment) error {
	var errs []error
	for _, a := range list {
		if a.program != d.program || len(a.links) > 0 {
			continue
		}
		err := a.detach()
		if err == nil {
			err = d.tell(detachedDocument{Detached: text, ProgramID: a.program})
		}
		errs = append(errs, err)
	}
	if errs == nil {
		return fmt.Errorf("%s: can't detach program %d: %s", text, d.program, programsThere(list))
	}
	return errors.Join(errs...)
}
