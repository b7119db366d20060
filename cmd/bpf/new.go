package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/internal/replace"
	"github.com/purebpf/bpf/internal/scaffold"
)

func newNewCommand() *cobra.Command {
	var kinds []string
	for _, k := range scaffold.Kinds {
		kinds = append(kinds, k.Name)
	}
	var kind, checkout string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a project to start from: a BPF program in C, a program in Go, a test",
		Long: `New makes the folder NAME in the current folder, with a BPF program in C, a Go program that
loads it and prints what it sees, a test, and a go.mod. It prints the commands that build and run it.`,
		Example: "  bpf new hello\n  bpf new connects --kind cgroup",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := scaffold.Project{Name: args[0], Replace: checkout}
			if err := scaffold.CheckName(p.Name); err != nil {
				return err
			}
			for _, k := range scaffold.Kinds {
				if k.Name == kind {
					p.Kind = k
				}
			}
			if p.Kind.Name == "" {
				return fmt.Errorf("--kind %s: want one of %s", kind,
					strings.Join(kinds, ", "))
			}
			if checkout != "" {
				var err error
				if p.Replace, err = filepath.Abs(checkout); err != nil {
					return err
				}
			}
			return newProject(cmd.OutOrStdout(), &p)
		},
	}
	cmd.Flags().StringVar(&kind, "kind", kinds[0], "kind of program: "+strings.Join(kinds, ", "))
	cmd.Flags().StringVar(&checkout, "replace", "",
		"use purebpf in this folder (go.mod replace) instead of a published version")
	return cmd
}

// newProject writes a project into a new folder, all of it or nothing.
func newProject(w io.Writer, p *scaffold.Project) error {
	made, err := p.Files()
	if err != nil {
		return err
	}
	var files []replace.File
	for _, f := range made {
		files = append(files, replace.File{Path: filepath.Join(p.Name, f.Name), Data: f.Data})
	}
	err = os.Mkdir(p.Name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: choose another name", err)
	}
	if err != nil {
		return err
	}
	if err := replace.Files(files...); err != nil {
		return errors.Join(err, os.Remove(p.Name))
	}
	fmt.Fprintf(w, "%s has a program of kind %s. To run it:\n\n  cd %[1]s\n", p.Name, p.Kind.Name)
	if p.Replace == "" {
		fmt.Fprintln(w, "  go mod edit -replace github.com/purebpf/bpf=CHECKOUT  # no version is published yet")
	}
	fmt.Fprintf(w, "  go get github.com/purebpf/bpf\n"+
		"  go get -tool github.com/purebpf/bpf/cmd/bpf\n"+
		"  go generate\n  go build\n  sudo ./%s\n\nIts test: sudo go test -v\n", p.Name)
	return nil
}
