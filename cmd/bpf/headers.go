package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/include"
	"github.com/purebpf/bpf/internal/replace"
)

func newHeadersCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "headers DIR",
		Short: "Write the headers for BPF programs in C into a directory",
		Long: `Headers writes the headers for BPF programs in C: DIR/bpf/*.h, drop-in replacements for
libbpf's, and DIR/uapi/linux/*.h for machines without kernel headers.

  clang -target bpf -g -O2 -I DIR -I DIR/uapi -c prog.bpf.c

On Debian and Ubuntu other headers of the kernel (linux/ip.h, ...) also need
-idirafter /usr/include/x86_64-linux-gnu. "bpf gen" supplies headers and flags itself.

The command replaces files that another version of it wrote, and keeps files that are the same. If
there is any other file of one of these names, the command writes nothing, unless --force is
given.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeHeaders(cmd.OutOrStdout(), args[0], force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also replace files that this command didn't write")
	return cmd
}

func writeHeaders(w io.Writer, dir string, force bool) error {
	var files []replace.File
	kept := 0
	for name, text := range include.All() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		state, err := headerState(path, text)
		switch {
		case err != nil:
			return err
		case state == headerSame:
			kept++
			continue
		case state == headerForeign && !force:
			return fmt.Errorf("%s is in the way and not from this command; name another folder, "+
				"or use --force", path)
		}
		files = append(files, replace.File{Path: path, Data: text})
	}
	if err := replace.Files(files...); err != nil {
		return err
	}
	say(w, "%s: %d headers written, %d were there", dir, len(files), kept)
	return nil
}

// headerKind says what exists at the path of a header.
type headerKind int

const (
	headerAbsent  headerKind = iota
	headerSame               // the header itself
	headerOther              // another version of it
	headerForeign            // something else
)

func headerState(path string, want []byte) (headerKind, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return headerAbsent, nil
	}
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return headerForeign, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	got, err := io.ReadAll(io.LimitReader(f, int64(len(want))+1<<16))
	switch {
	case err != nil:
		return 0, err
	case bytes.Equal(got, want):
		return headerSame, nil
	case bytes.Contains(got[:min(len(got), 256)], []byte(include.Mark)):
		return headerOther, nil
	}
	return headerForeign, nil
}
