package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/uapi"
	"github.com/spf13/cobra"
)

// attacher is one `bpf attach`.
type attacher struct {
	pinDir   string
	program  string // --program
	duration time.Duration
	asJSON   bool
	options  objectOptions
	settings settings
	out      io.Writer
	errOut   io.Writer
}

func newAttachCommand() *cobra.Command {
	var a attacher
	cmd := &cobra.Command{
		Use:   "attach OBJ PROGRAM HOOK | attach --program PIN|ID HOOK",
		Short: "Attach one program to a hook, until Ctrl-C or, with --pin, for good",
		Long: `Attach loads an object and attaches one of its programs, or a struct_ops map, to a hook. A hook is
KIND:TARGET with options after commas.

  bpf attach filter.bpf.o count_packets xdp:eth0
  bpf attach probes.bpf.o on_malloc uprobe:libc.so.6:malloc,pid=1234,cookie=7 --pin /sys/fs/bpf/x
  bpf attach --program /sys/fs/bpf/prog tcx-ingress:eth0

The program stays attached until Ctrl-C. With --pin DIR the command ends at once and the program
stays: its links are pinned in DIR, a directory of a BPF file system, under the program's name. "bpf
detach" detaches it. For an iterator the command prints its output and ends.

Programs are attached without a link to classic tc, routes and infrared receivers, and with link=no.
Such attachments can't be pinned. They stay if the command is killed; "bpf detach HOOK" removes
them.

With --program the command attaches a program that is already in the kernel, by its pin or its id.

If a program has alternatives (NAME___FLAVOUR), PROGRAM may be NAME: attach chooses the first one
that the kernel supports.

Hooks, and the options that they take:
` + hookUsage() + `

auto attaches the program as its SEC() says. For trace and lsm, FUNC or HOOK replaces the target in
SEC(), except with --program: that program was loaded for its target already.

Options:
` + optionUsage(),
		Args: func(cmd *cobra.Command, args []string) error {
			if want := 3; a.program == "" && len(args) != want ||
				a.program != "" && len(args) != 1 {
				return fmt.Errorf("usage: bpf %s", cmd.Use)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx, stop := tool.UntilSignal(cmd.Context())
			defer stop()
			a.out, a.errOut = &untilEnd{to: cmd.OutOrStdout(), ended: ctx.Done()},
				&untilEnd{to: cmd.ErrOrStderr(), ended: ctx.Done()}
			if err := checkFor(a.duration); err != nil {
				return err
			}
			h, err := parseHook(args[len(args)-1])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, h.Close()) }()
			s, done, err := a.open(args, h)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			at, err := h.attach(s)
			if err != nil {
				return withPinned(err, a.pinDir, s.name())
			}
			defer func() { err = errors.Join(err, at.Close()) }()
			if again, err := a.tell(at); err != nil || !again {
				return withPinned(err, a.pinDir, s.name())
			}
			if l := at.iterator(); l != nil {
				more, err := showIterator(ctx, a.out, l, a.asJSON)
				if more {
					fmt.Fprintf(a.errOut, "only the first %d MiB are shown\n", maxIterated>>20)
				}
				return err
			}
			var end <-chan time.Time
			if a.duration > 0 {
				end = time.After(a.duration)
			}
			select {
			case <-ctx.Done():
			case <-end:
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.pinDir, "pin", "",
		"pin the links in this directory and end: the program stays attached")
	f.StringVar(&a.program, "program", "",
		"attach the program that is pinned at this path, or has this id")
	f.DurationVar(&a.duration, "for", 0, "end after this time (0: at Ctrl-C)")
	f.BoolVarP(&a.asJSON, "json", "j", false,
		"print JSON: a document for what is attached, another for the output of an iterator")
	a.options.all(f)
	a.settings.flags(f)
	for _, ofObjects := range []string{"kconfig", "core-btf", "relaxed-maps",
		"pin-root", "token", "set", "map"} {
		cmd.MarkFlagsMutuallyExclusive("program", ofObjects)
	}
	cmd.MarkFlagsMutuallyExclusive("pin", "for")
	return cmd
}

// tell prints what is attached, and pins it if the user asked for it. stay means that the command
// must wait.
func (a *attacher) tell(at hooked) (stay bool, err error) {
	if !a.asJSON {
		for _, line := range at.text() {
			say(a.errOut, "attached %s", line)
		}
	}
	if a.pinDir != "" {
		if len(at.links) == 0 {
			return false, fmt.Errorf(
				"%s has no link that could be pinned: without --pin it is attached until the "+
					"command ends", at.what)
		}
		w := a.out
		if a.asJSON {
			w = io.Discard
		}
		if err := pinLinks(w, at.links, a.pinDir); err != nil {
			return false, err
		}
	}
	if a.asJSON {
		doc, err := at.document()
		if err == nil {
			err = json.NewEncoder(printable.JSON{To: a.out}).Encode(doc)
		}
		if err != nil {
			return false, err
		}
	}
	return a.pinDir == "", nil
}

// open loads the object with the program or map to attach, or opens a loaded program. done closes
// what was opened.
func (a *attacher) open(args []string, h *hook) (s subject, done func() error, err error) {
	if a.program != "" {
		p, err := programNamed(a.program)
		if err != nil {
			return subject{}, nil, err
		}
		if err := pinnable(a.pinDir, p.Name()); err != nil {
			return subject{}, nil, errors.Join(err, p.Close())
		}
		return subject{Program: p}, p.Close, nil
	}
	o, err := a.options.open(args[0])
	if err != nil {
		return subject{}, nil, err
	}
	if err := a.settings.apply(o); err != nil {
		return subject{}, nil, err
	}
	name, err := a.selectOnly(o, args[1], h)
	if err != nil {
		return subject{}, nil, fmt.Errorf("%s: %w", args[0], err)
	}
	if err := a.options.require(o); err != nil {
		return subject{}, nil, err
	}
	if err := pinnable(a.pinDir, name); err != nil {
		return subject{}, nil, err
	}
	if err := missingSettings(o); err != nil {
		return subject{}, nil, err
	}
	obj, err := a.options.loadObject(o)
	if err != nil {
		return subject{}, nil, err
	}
	return subjectOf(obj, name), obj.Close, nil
}

// selectOnly selects only that program or struct_ops map for the load, prepares it for the hook,
// and chooses among alternatives. It returns its name.
func (a *attacher) selectOnly(o *object.Object, name string, h *hook) (string, error) {
	groups := slices.DeleteFunc(preflight.Groups(o), func(g preflight.Group) bool {
		return len(g.Programs) > 0 && g.Name != name
	})
	chosen, err := choose(o, &a.options, groups, func(format string, args ...any) {
		say(a.errOut, format, args...)
	})
	if err != nil {
		return "", err
	}
	if one, ok := chosen[name]; ok {
		if one == "" {
			return "", fmt.Errorf("no alternative of %s works on this kernel", name)
		}
		name = one
	}
	p, m := o.Program(name), structOpsMap(o, name)
	if p == nil && m == nil {
		return "", noSuch(o, name)
	}
	for _, q := range o.Programs {
		q.Autoload = q == p || m != nil && q.Autoload && q.Type == uapi.ProgStructOps
	}
	for _, n := range o.Maps {
		if n.Kind == object.MapStructOps {
			n.Autocreate = n == m
		}
	}
	if m != nil {
		return name, nil
	}
	return name, h.prepare(p)
}
