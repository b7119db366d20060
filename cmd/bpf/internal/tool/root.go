package tool

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rootKey is the key of a context's function that makes root commands.
type rootKey struct{}

// WithRoot returns a context with a function that makes the root command for a command line, for
// commands that run others.
func WithRoot(ctx context.Context, root func(line []string) *cobra.Command) context.Context {
	return context.WithValue(ctx, rootKey{}, root)
}

// NewRoot makes the root command for a command line, nil if the context can't.
func NewRoot(ctx context.Context, line []string) *cobra.Command {
	if ctx == nil {
		return nil
	}
	root, ok := ctx.Value(rootKey{}).(func([]string) *cobra.Command)
	if !ok {
		return nil
	}
	return root(line)
}

// For returns the options as words of a command line, those that cmd has. JSON is compact.
func (o *Options) For(cmd *cobra.Command) (words []string) {
	add := func(set bool, name string, value ...string) {
		if set && flag(cmd, name) != nil {
			words = append(append(words, "--"+name), value...)
		}
	}
	add(o.AsJSON(), "json")
	add(o.Pins, "bpffs")
	add(o.MapCompat, "mapcompat")
	add(o.NoMount, "nomount")
	add(o.Debug, "debug")
	add(o.UseLoader, "use-loader")
	add(o.NoOwners, "no-owners")
	add(o.BaseBTF != "", "base-btf", o.BaseBTF)
	return words
}

func flag(cmd *cobra.Command, name string) *pflag.Flag {
	if f := cmd.Flags().Lookup(name); f != nil {
		return f
	}
	return cmd.InheritedFlags().Lookup(name)
}
