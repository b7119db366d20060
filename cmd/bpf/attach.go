package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
	"github.com/spf13/cobra"
)

func newAttachCommand() *cobra.Command {
	var pinDir, pinnedProgram string
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "attach OBJ PROGRAM HOOK | attach --program PIN HOOK",
		Short: "Attach one program by hand, until Ctrl-C or, with --pin, for good",
		Long: `Attach loads an object and attaches one of its programs to a hook, given as KIND:TARGET. With --program it attaches a program that is pinned.

The program stays attached until Ctrl-C, or with --pin DIR until bpf detach: its links are then pinned in that directory of a BPF file
system, under the program's name, and the command ends.

Hooks:
  ` + hookUsage("\n  "),
		Args: func(cmd *cobra.Command, args []string) error {
			if want := 3; pinnedProgram == "" && len(args) != want || pinnedProgram != "" && len(args) != 1 {
				return fmt.Errorf("usage: bpf %s", cmd.Use)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			p, done, err := programToAttach(args, pinnedProgram)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			hook := args[len(args)-1]
			at, err := attachTo(p, hook)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, at.Close()) }()
			for _, l := range at.links {
				fmt.Fprintf(cmd.ErrOrStderr(), "attached %s\n", l)
			}
			if at.what != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "attached %s\n", at.what)
			}
			if pinDir != "" {
				if len(at.links) == 0 {
					return fmt.Errorf("%s has no link that could be pinned", at.what)
				}
				return pinLinks(cmd.OutOrStdout(), at.links, pinDir)
			}
			ctx := cmd.Context()
			var end <-chan time.Time
			if duration > 0 {
				end = time.After(duration)
			}
			select {
			case <-ctx.Done():
			case <-end:
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&pinDir, "pin", "", "pin the links in this directory and leave")
	cmd.Flags().StringVar(&pinnedProgram, "program", "", "attach the program that is pinned at this path")
	cmd.Flags().DurationVar(&duration, "for", 0, "end after this long (0: until Ctrl-C)")
	return cmd
}

// programToAttach loads an object for one of its programs, or opens a pinned one. done closes what was opened.
func programToAttach(args []string, pinned string) (p *bpf.Program, done func() error, err error) {
	if pinned != "" {
		p, err = bpf.OpenProgram(pinned)
		if err != nil {
			return nil, nil, err
		}
		return p, p.Close, nil
	}
	o, err := bpf.Open(args[0])
	if err != nil {
		return nil, nil, err
	}
	spec := o.Program(args[1])
	if spec == nil {
		var names []string
		for _, p := range o.Programs {
			names = append(names, p.Name)
		}
		return nil, nil, fmt.Errorf("%s has no program %q; it has %v", args[0], args[1], names)
	}
	for _, q := range o.Programs {
		q.Autoload = q == spec
	}
	if err := requireFor(o); err != nil {
		return nil, nil, err
	}
	obj, err := bpf.Load(o, &bpf.LoadOptions{Logger: bpf.EnvLogger()})
	if err != nil {
		return nil, nil, err
	}
	return obj.Program(args[1]), obj.Close, nil
}

// pinLinks pins links as DIR/NAME by the names of their programs; several of one program are NAME-1, NAME-2, ... All or none.
func pinLinks(w io.Writer, links bpf.Links, dir string) (err error) {
	if err := kernel.EnsureBPFFS(filepath.Join(dir, "link")); err != nil {
		return err
	}
	of := map[string]int{}
	for _, l := range links {
		of[l.Name()]++
	}
	var pinned bpf.Links
	defer func() {
		if err != nil {
			for _, l := range pinned {
				err = errors.Join(err, l.Unpin())
			}
		}
	}()
	nth := map[string]int{}
	for _, l := range links {
		path := filepath.Join(dir, l.Name())
		if of[l.Name()] > 1 {
			nth[l.Name()]++
			path += "-" + strconv.Itoa(nth[l.Name()])
		}
		if err := l.Pin(path); err != nil {
			return err
		}
		pinned = append(pinned, l)
		fmt.Fprintf(w, "pinned %s at %s\n", l.Name(), path)
	}
	return nil
}
