package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/uapi"
	"github.com/spf13/cobra"
)

type checkFlags struct {
	objectOptions
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
		Short: "Tell what objects need of a kernel, and whether kernels here and elsewhere have it",
		Long: `Check tells what an object needs of a kernel: program, attach and map types, helpers, kfuncs, kernel symbols, configuration, what programs
attach to, capabilities, and every CO-RE relocation. Nothing is loaded: that needs are met does
not mean that the verifier takes the code, which it alone decides. Each need is answered with yes,
no or unknown (?); a relocation is

  found    as compiled            guarded  missing, but only where no path leads
  moved    with another value     missing  and the verifier will refuse the program
  absent   asked for, not there   failed   ambiguous or malformed

Without --btf the running kernel is asked. --btf names recorded kernels, which are checked on any OS and without privileges:

  FILE   BTF as in /sys/kernel/btf/vmlinux, or a vmlinux image that has it; packed with gzip or not
  DIR    a kernel: "vmlinux" as above and, where they were kept, "config", "kallsyms", "version" (uname -r) and BTF of modules;
         (each may be packed with gzip, NAME.gz);
         or any number of kernels: every file *.btf and every folder with a vmlinux

The exit status is 1 if an object would not load or attach on one of the kernels, with --strict also if that is unknown.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return check(cmd.OutOrStdout(), args, &f)
		},
	}
	f.resolving(cmd.Flags())
	cmd.Flags().StringArrayVar(&f.btf, "btf", nil,
		"kernel to check instead of the running one (repeatable)")
	cmd.Flags().BoolVar(&f.running, "running", false, "check the running kernel as well")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "unknown is no")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false,
		"print every relocation and all reasons")
	cmd.Flags().BoolVarP(&f.asJSON, "json", "j", false,
		"print one JSON object per line for each object and kernel")
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
		o, err := openObject(path)
		if err != nil {
			unopened = append(unopened, err)
			continue
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
		return exitStatus(1)
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
