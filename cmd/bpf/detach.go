package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/kernel"
	"github.com/spf13/cobra"
)

func newDetachCommand() *cobra.Command {
	var stale bool
	cmd := &cobra.Command{
		Use:   "detach PIN|ID... | detach --stale",
		Short: "Detach links by pin or by id, or remove what killed loaders left in tracefs",
		Long: `Detach takes programs away from their hooks. A link is named by the path of its pin, which is removed, or by its id, which is detached for all
who hold it. --stale removes probe events in tracefs whose maker was killed before it could.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if stale == (len(args) > 0) {
				return fmt.Errorf("usage: bpf %s", cmd.Use)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := kernel.Running().Require("detaching", kernel.CapBPF); err != nil {
				return err
			}
			if stale {
				events, err := bpf.CleanLegacyEvents()
				for _, e := range events {
					fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", e)
				}
				return err
			}
			for _, name := range args {
				if err := detach(name); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "detached %s\n", name)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&stale, "stale", false, "remove probe events that killed loaders left in tracefs")
	return cmd
}

func detach(name string) (err error) {
	if id, convErr := strconv.ParseUint(name, 10, 32); convErr == nil {
		l, err := bpf.LinkFromID(uint32(id))
		if err != nil {
			return err
		}
		return errors.Join(l.Detach(), l.Close())
	}
	l, err := bpf.OpenLink(name)
	if err != nil {
		return err
	}
	// The descriptor is closed last: then the program is detached before this returns, not some time later.
	return errors.Join(l.Unpin(), l.Close())
}
