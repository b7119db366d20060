package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/uapi"
	"github.com/spf13/cobra"
)

type checkFlags struct {
	objectOptions
	settings
	btf     []string
	running bool
	strict  bool
	verbose bool
	asJSON  bool
}

func newCheckCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check OBJ... [--btf FILE|DIR]...",
		Short: "Print what objects need of a kernel, and whether this or other kernels have it",
		Long: `Check prints what an object needs of a kernel, and whether the kernel has it: program, attach and map
types, helpers, kfuncs, kernel symbols, configuration, attach targets, capabilities, and every CO-RE
relocation. It loads nothing, so it can't say whether the verifier accepts the code.

  bpf check opensnoop.bpf.o
  bpf check *.bpf.o --btf vmlinux-6.1.btf --btf vmlinux-5.10.btf
  bpf check opensnoop.bpf.o --btf /srv/kernels --running

Each need is met, not met or unknown (?). A CO-RE relocation is

  found    the kernel has it, as compiled
  moved    the kernel has it, with another offset, size or value
  absent   the kernel doesn't have it; the program only asks whether it does
  guarded  the kernel doesn't have it; the code that uses it can't be reached
  missing  the kernel doesn't have it; the verifier will refuse the program
  failed   ambiguous or malformed

Without --btf, check examines the running kernel. --btf names recorded kernels, on any OS and
without privileges:

  FILE   BTF such as /sys/kernel/btf/vmlinux, or a vmlinux image that has BTF
  DIR    a kernel: the file vmlinux and, if they exist, config, kallsyms, version (the output of
         uname -r) and BTF of modules
  DIR    many kernels: files *.btf, and folders that have a vmlinux

Each file may be compressed with gzip. The exit status is 1 if an object would not load or attach on
one of the kernels; with --strict also if that is unknown.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return check(cmd.OutOrStdout(), args, &f)
		},
	}
	f.resolving(cmd.Flags())
	f.flags(cmd.Flags())
	cmd.Flags().StringArrayVar(&f.btf, "btf", nil,
		"kernel to check instead of the running one (repeatable)")
	cmd.Flags().BoolVar(&f.running, "running", false, "check the running kernel as well")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "count unknown as no")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false,
		"print every relocation and all reasons")
	cmd.Flags().BoolVarP(&f.asJSON, "json", "j", false,
		"print JSON: a line for each object and kernel")
	return cmd
}

// checkTarget is a kernel to check against.
type checkTarget struct {
	name    string
	kernel  facts.Kernel
	capable func(uapi.Capability) facts.Answer
}

func check(w io.Writer, objects []string, f *checkFlags) error {
	targets, err := recordedKernels(f.btf)
	if err != nil {
		return err
	}
	if f.running || len(f.btf) == 0 {
		targets = append([]checkTarget{runningTarget()}, targets...)
	}
	opts, err := f.check()
	if err != nil {
		return err
	}
	bad := false
	var unopened []error
	for i, path := range objects {
		o, err := f.open(path)
		if err != nil {
			unopened = append(unopened, err)
			continue
		}
		if err := f.apply(o); err != nil {
			return err
		}
		reports := make([]*preflight.Report, len(targets))
		for k, t := range targets {
			opts.Capable = t.capable
			r := preflight.Check(o, t.kernel, opts)
			reports[k] = r
			for _, a := range []facts.Answer{r.Loads, r.Attaches} {
				bad = bad || a == facts.No || f.strict && a == facts.Unknown
			}
		}
		if f.asJSON {
			if err := checkJSON(w, targets, reports); err != nil {
				return err
			}
			continue
		}
		if i > len(unopened) {
			fmt.Fprintln(w)
		}
		title := path
		if why := o.WhyNoPrograms(); why != "" {
			title += " has no programs: " + why
		}
		checkText(w, title, targets, reports, f.verbose)
	}
	if unopened == nil && bad {
		return tool.Failed
	}
	return errors.Join(unopened...)
}

// runningTarget returns the kernel of this machine and the privileges of this process.
func runningTarget() checkTarget {
	k := kernel.Running()
	t := checkTarget{name: "running kernel " + k.Release(), kernel: k}
	if p, err := k.Privileges(); err == nil {
		t.capable = func(c uapi.Capability) facts.Answer {
			if p.Has(c) {
				return facts.Yes
			}
			return facts.No
		}
	}
	return t
}

func checkJSON(w io.Writer, targets []checkTarget, reports []*preflight.Report) error {
	enc := json.NewEncoder(printable.JSON{To: w})
	for i, r := range reports {
		if err := enc.Encode(struct {
			Kernel string `json:"kernel"`
			*preflight.Report
		}{targets[i].name, r}); err != nil {
			return err
		}
	}
	return nil
}

// checkText prints a table of kernels, a table of needs by kernel, and the reasons for all answers
// other than yes.
func checkText(w io.Writer, path string, targets []checkTarget, reports []*preflight.Report,
	verbose bool) {
	say(w, "%s", path)
	fmt.Fprintln(w)
	states := []preflight.State{preflight.Found, preflight.Moved, preflight.Absent,
		preflight.Guarded, preflight.Missing, preflight.Failed}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(t, "\tkernel\tneeds met\tto attach")
	for _, s := range states {
		fmt.Fprint(t, "\t", s)
	}
	fmt.Fprintln(t)
	for i, r := range reports {
		fmt.Fprintf(t, "[%d]\t%s\t%s\t%s", i+1, printable.Text(targets[i].name), r.Loads,
			r.Attaches)
		for _, s := range states {
			n := "-"
			if c := r.Count(s); c > 0 {
				n = strconv.Itoa(c)
			}
			fmt.Fprint(t, "\t", n)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
	fmt.Fprintln(w)
	checkNeeds(w, reports, verbose)
	for i, r := range reports {
		if len(r.Reasons) > 0 {
			fmt.Fprintln(w)
			say(w, "[%d] %s", i+1, targets[i].name)
			for _, reason := range r.Reasons {
				say(w, "  %s", reason)
			}
		}
		if verbose {
			checkRelocations(w, i, r)
		}
	}
	fmt.Fprintf(w, "\nnot looked at: %s\n", strings.Join(reports[0].NotChecked, "; "))
	if skipped := reports[0].Skipped; len(skipped) > 0 {
		fmt.Fprintln(w)
		say(w, "not loaded by themselves, so not checked: %s", strings.Join(skipped, ", "))
	}
}

// checkNeeds prints one row for each need and one column for each kernel.
func checkNeeds(w io.Writer, reports []*preflight.Report, verbose bool) {
	type row struct {
		kind preflight.NeedKind
		name string
	}
	var rows []row
	cells := map[row][]*preflight.Need{}
	for i, r := range reports {
		for k := range r.Needs {
			n := &r.Needs[k]
			key := row{n.Kind, n.Name}
			if cells[key] == nil {
				rows = append(rows, key)
				cells[key] = make([]*preflight.Need, len(reports))
			}
			cells[key][i] = n
		}
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprint(t, "needs\t")
	for i := range reports {
		fmt.Fprintf(t, "\t[%d]", i+1)
	}
	fmt.Fprintln(t, "\tfor")
	for _, key := range rows {
		fmt.Fprintf(t, "%s\t%s", key.kind, printable.Text(key.name))
		var users []string
		var reason string
		for _, n := range cells[key] {
			fmt.Fprint(t, "\t", needText(n))
			if n != nil {
				users = n.Users
				reason = n.Reason
			}
		}
		fmt.Fprint(t, "\t", printable.Text(shorten(users)))
		if verbose && reason != "" {
			fmt.Fprintf(t, "\t%s", printable.Text(reason))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

// needText returns a need's answer in a word; brackets mean that a no is harmless.
func needText(n *preflight.Need) string {
	switch {
	case n == nil:
		return "-"
	case n.Answer == facts.Unknown:
		return "?"
	case n.Answer == facts.No && (n.Optional || n.Guarded):
		return "(no)"
	}
	return n.Answer.String()
}

// shorten returns the first few users.
func shorten(users []string) string {
	const most = 3
	if len(users) <= most {
		return strings.Join(users, ", ")
	}
	return strings.Join(users[:most], ", ") + " and " + strconv.Itoa(len(users)-most) + " more"
}

func checkRelocations(w io.Writer, i int, r *preflight.Report) {
	if len(r.Relocations) == 0 {
		return
	}
	fmt.Fprintf(w, "\nCO-RE relocations [%d]\n", i+1)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, x := range r.Relocations {
		fmt.Fprintf(t, "  %s\t%s\t%s+%d\t%s\t%s\n",
			x.State, printable.Text(x.Spec), printable.Text(x.Function), x.Insn,
			printable.Text(x.Source), printable.Text(x.Reason))
	}
	t.Flush()
}
