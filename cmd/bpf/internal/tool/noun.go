// Package tool is the frame of the commands about a running system, which have bpftool's grammar,
// options and JSON: a noun and a verb, each of which may be abbreviated, words, and options
// anywhere.
package tool

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/purebpf/bpf/internal/nearest"
)

// Noun is a command that has commands, such as prog.
type Noun struct {
	Name    string
	Short   string
	Long    string
	Example string
	Verbs   []Verb // in bpftool's order: an abbreviation means the first that fits
	Default string // the verb that runs if none is given; "" prints the help
}

// Verb is a command of a noun.
type Verb struct {
	Name    string
	Alias   string // another name, "" for none
	Args    string // what follows it, for the help
	Short   string
	Long    string
	Example string
	// Keywords are proposed by the shell's completion, besides ids and names.
	Keywords []string
	// Flags adds options of its own; it is nil for most.
	Flags func(*pflag.FlagSet)
	Run   func(*Run) error
}

// Command returns the command of a noun with its verbs.
func (n *Noun) Command() *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use: n.Name, Short: n.Short, Long: n.Long, Example: n.Example,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return n.alone(cmd, o, args) },
	}
	var order []string
	for _, v := range n.Verbs {
		cmd.AddCommand(v.command(o))
		order = append(order, v.Name)
		if v.Alias != "" {
			order = append(order, v.Alias)
		}
	}
	cmd.AddCommand(&cobra.Command{
		Use: "help", Short: "Print this help", Args: cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error { return cmd.Help() },
	})
	cmd.Annotations = map[string]string{frameKey: "",
		verbsKey: strings.Join(append(order, "help"), " ")}
	o.Flags(cmd.PersistentFlags())
	return cmd
}

// alone runs a noun without a verb that exists.
func (n *Noun) alone(cmd *cobra.Command, o *Options, args []string) error {
	if len(args) > 0 {
		near := nearest.To(args[0])
		var names []string
		for _, v := range n.Verbs {
			near.Offer([]byte(v.Name))
			names = append(names, v.Name)
		}
		err := fmt.Errorf("%s has no command %q", n.Name, args[0])
		if with := near.AddTo(err); with != err {
			return with
		}
		return fmt.Errorf("%w, only %s", err, choice(names))
	}
	for _, v := range n.Verbs {
		if v.Name == n.Default {
			return v.run(cmd, o, nil)
		}
	}
	return cmd.Help()
}

// Command returns the command of a verb that stands alone, such as batch.
func (v *Verb) Command() *cobra.Command {
	o := &Options{}
	cmd := v.command(o)
	o.Flags(cmd.Flags())
	return cmd
}

func (v Verb) command(o *Options) *cobra.Command {
	use := v.Name
	if v.Args != "" {
		use += " " + v.Args
	}
	cmd := &cobra.Command{
		Use: use, Short: v.Short, Long: v.Long, Example: v.Example,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.run(cmd, o,
				args)
		},
		ValidArgsFunction: v.complete,
		Annotations:       map[string]string{frameKey: ""},
	}
	if v.Alias != "" {
		cmd.Aliases = []string{v.Alias}
	}
	if v.Flags != nil {
		v.Flags(cmd.Flags())
	}
	return cmd
}

func (v *Verb) run(cmd *cobra.Command, o *Options, args []string) error {
	r := newRun(cmd, o, args)
	return r.end(v.Run(r))
}
