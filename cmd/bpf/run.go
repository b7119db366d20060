package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
	"github.com/spf13/cobra"
)

// runner is one `bpf run`: it loads, attaches and shows an object until its context ends.
type runner struct {
	iface    string
	cgroup   string
	attach   []string // --attach
	duration time.Duration
	interval time.Duration
	asJSON   bool
	demo     bool
	types    []string
	pinDir   string
	options  objectOptions
	settings settings
	choice   choice
	going    bool     // --keep-going
	object   string   // as the command line names it, "" for the embedded counter
	decided  []string // alternatives whose choice was reported

	out    io.Writer // locked by mu, flushed by flush
	errOut io.Writer
	mu     sync.Mutex
	obj    *bpf.Object
	tables []*mapView
}

// mapView is a map to print, and how.
type mapView struct {
	m     *bpf.Map
	table mapTable
}

func newRunCommand() *cobra.Command {
	var r runner
	cmd := &cobra.Command{
		Use:   "run [OBJ]",
		Short: "Load an object, attach its programs, and show its events and maps until Ctrl-C",
		Long: `Run loads an object, attaches its programs and prints what they produce: the output of iterators,
records of ring and perf buffers as they come, and maps as tables with rates every --interval.
It ends with Ctrl-C, after --for, on an error, or when all iterators are read and there is nothing
else to show. It then detaches everything, except for links that --pin keeps.

  bpf run opensnoop.bpf.o --for 10s
  bpf run filter.bpf.o --iface eth0
  bpf run probes.bpf.o --attach on_malloc=uprobe:libc.so.6:malloc,pid=1234
  bpf run cpudist.bpf.o --map start:max_entries=10240 --map hists:max_entries=1024
  bpf run opensnoop.bpf.o --set targ_pid=1234

Without OBJ it counts packets and bytes per protocol with XDP, on --iface or on lo.

Programs are attached where their SEC() says. XDP, tcx and netkit programs need --iface, and cgroup
programs need --cgroup. For other programs without a target, or for another target, --attach names a
hook; "bpf attach --help" lists them. Repeat it to attach a program several times. Run prints which
programs are not attached, and the option that attaches them. If a program has alternatives
(NAME___FLAVOUR), run attaches the first one that the kernel supports.

--set and --map do what an object's own loader does before the load. --set takes the value as the
variable's type has it: numbers in any base, true, 'c', text for arrays of char, the name of an
enum's constant, and JSON for a struct or an array; VAR[3] and VAR.field name a part. If a map needs
a setting, run says which, and what to type. --only and --skip select programs.

Records are printed as bytes unless --type gives their type, or the source has a pointer to it that
is called unused (const struct event *unused).`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.out, r.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if len(args) > 0 {
				r.object = args[0]
			} else if r.iface == "" {
				r.iface = counterIface
			}
			o, err := openRun(args)
			if err != nil {
				return err
			}
			if err := r.settings.apply(o); err != nil {
				return err
			}
			if err := r.options.require(o); err != nil {
				return err
			}
			ctx, stop := inOrder(cmd.Context())
			defer stop()
			return r.run(ctx, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&r.iface, "iface", "i", "",
		"interface for XDP, tcx and netkit programs (without OBJ: lo)")
	f.StringVar(&r.cgroup, "cgroup", "", "directory of the cgroup for cgroup programs")
	f.StringArrayVar(&r.attach, "attach", nil,
		"attach a program, or a struct_ops map, to a hook: PROGRAM=HOOK; PROGRAM may be a pattern "+
			"with * and ? (repeatable)")
	f.DurationVar(&r.duration, "for", 0, "end after this time (0: at Ctrl-C)")
	f.DurationVar(&r.interval, "interval", time.Second, "time between prints of the maps")
	f.BoolVarP(&r.asJSON, "json", "j", false,
		"print JSON: a document for each iterator, event and map")
	f.BoolVar(&r.demo, "demo", false,
		"send packets on 127.0.0.1, to have something to count")
	f.StringVar(&r.pinDir, "pin", "",
		"pin the links in this directory: programs stay attached when the command ends")
	r.options.all(f)
	r.settings.flags(f)
	f.StringArrayVar(&r.choice.skip, "skip", nil,
		"leave out this program; may be a pattern with * and ? (repeatable)")
	f.StringArrayVar(&r.choice.only, "only", nil,
		"run only this program and those of --attach; may be a pattern (repeatable)")
	f.IntVar(&r.choice.pid, "pid", 0, "attach uprobe, usdt and perf programs in this process only")
	f.StringVar(&r.choice.exe, "exe", "",
		"program or library for uprobe and usdt programs whose SEC() doesn't name one "+
			"(with --pid: that process's program)")
	f.BoolVar(&r.going, "keep-going", false,
		"leave out programs that can't be loaded or attached, and run the others")
	f.StringArrayVar(&r.types, "type", nil,
		"decode records of a ring as this struct: MAP=STRUCT, or STRUCT for all rings")
	return cmd
}

// counterIface is the interface on which the embedded counter counts, and that of command lines to
// type.
const counterIface = "lo"

func openRun(args []string) (*object.Object, error) {
	if len(args) == 1 {
		return openObject(args[0])
	}
	o, err := object.Parse(counterObject, "counter")
	if err != nil {
		return nil, fmt.Errorf("embedded packet counter: %w", err)
	}
	return o, nil
}

func (r *runner) run(ctx context.Context, o *object.Object) (err error) {
	if r.interval <= 0 {
		return fmt.Errorf("--interval must be more than 0, not %v", r.interval)
	}
	if err := checkFor(r.duration); err != nil {
		return err
	}
	out, errOut := &untilEnd{to: r.out, ended: ctx.Done()},
		&untilEnd{to: r.errOut, ended: ctx.Done()}
	r.out, r.errOut = out, errOut
	if why := o.WhyNoPrograms(); why != "" && !hasStructOps(o) {
		return fmt.Errorf("%s has no programs: %s", r.object, why)
	}
	if err := r.choice.check(); err != nil {
		return err
	}
	r.tellStale(o)
	hooks, err := r.prepare(o)
	defer func() {
		for _, h := range hooks {
			err = errors.Join(err, h.hook.Close())
		}
	}()
	if err != nil {
		return err
	}
	if err := missingSettings(o); err != nil {
		return err
	}
	var names []string
	for _, p := range o.Programs {
		if p.Autoload {
			names = append(names, p.Name)
		}
	}
	if err := pinnable(r.pinDir, names...); err != nil {
		return err
	}
	streams, attached, err := r.start(o, hooks)
	defer func() { err = errors.Join(err, r.stop(streams, attached)) }()
	if err != nil {
		return withPinned(err, r.pinDir, names...)
	}
	for _, m := range r.obj.Maps() {
		if tabular(m) {
			r.tables = append(r.tables, newMapView(r.obj, m))
		}
	}
	if r.pinDir != "" {
		if err := r.pin(attached); err != nil {
			return withPinned(err, r.pinDir, names...)
		}
	}
	if r.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.duration)
		defer cancel()
	}
	// A failure of one part ends the others.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out.ended, errOut.ended = ctx.Done(), ctx.Done()
	var parts sync.WaitGroup
	defer func() { stop(nil); parts.Wait() }()
	start := func(part func() error) {
		parts.Go(func() {
			if err := part(); err != nil {
				stop(err)
			}
		})
	}
	streams.follow(ctx, r, start)
	if r.demo {
		start(func() error { return demoTraffic(ctx) })
	}
	onlyIterators, err := r.printIterators(ctx, attached)
	if err != nil {
		return err
	}
	if onlyIterators && streams.empty() {
		stop(nil)
	}
	if err := r.printMaps(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) &&
		!errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// checkFor refuses a --for in the past, which would count as none.
func checkFor(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("--for must be more than 0, or 0 for until Ctrl-C, not %v", d)
	}
	return nil
}

// tellStale reports leftovers of killed loaders where this object's probes will be.
func (r *runner) tellStale(o *object.Object) {
	if !slices.ContainsFunc(o.Programs, func(p *object.Program) bool {
		return p.Type == uapi.ProgKprobe
	}) {
		return
	}
	if stale, err := inspect.LegacyEvents(); err != nil {
		r.say("%v", err)
	} else if len(stale) > 0 {
		r.say("%d probe events of killed loaders are left in tracefs; bpf detach --stale removes "+
			"them", len(stale))
	}
}

// say prints progress for a person; machines read only documents.
func (r *runner) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	say(r.errOut, format, args...)
}

// printMaps prints every map each interval, and once more when ctx ends.
func (r *runner) printMaps(ctx context.Context) error {
	if len(r.tables) == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(r.interval)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
		}
		if err := r.printTables(); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) printTables() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := bufio.NewWriter(r.out)
	now := time.Now()
	for _, v := range r.tables {
		list, more, err := elements(v.m)
		if err != nil {
			return err
		}
		if r.asJSON {
			if err := v.printJSON(w, list, now); err != nil {
				return err
			}
			continue
		}
		v.table.print(w, list, more, now)
	}
	if !r.asJSON {
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func newMapView(obj *bpf.Object, m *bpf.Map) *mapView {
	v := &mapView{m: m, table: mapTable{name: m.Name(), kind: m.Type().String(), spec: obj.BTF()}}
	if m.KeyType() != 0 {
		v.table.keys = columns(v.table.spec, m.KeyType(), "key")
	} else {
		v.table.keys = []column{{name: "key", size: uint32(m.KeySize()), counter: m.KeySize() == 4}}
	}
	if m.ValueType() != 0 {
		v.table.values = columns(v.table.spec, m.ValueType(), "value")
	} else {
		v.table.values = []column{{name: "value", size: uint32(m.ValueSize())}}
	}
	return v
}

// mapDocument is the --json output for a map at each interval.
type mapDocument struct {
	Time    time.Time         `json:"time"`
	Map     string            `json:"map"`
	Entries []elementDocument `json:"entries"`
}

type elementDocument struct {
	Key    json.RawMessage   `json:"key"`
	Value  json.RawMessage   `json:"value,omitempty"`
	Values []json.RawMessage `json:"values,omitempty"` // of each CPU
}

func (v *mapView) printJSON(w io.Writer, list []entry, now time.Time) error {
	doc := mapDocument{Time: now, Map: v.m.Name(), Entries: []elementDocument{}}
	perCPU := v.m.ValueLen() != v.m.ValueSize()
	for _, e := range list {
		d := elementDocument{Key: valueJSON(v.table.spec, v.m.KeyType(), e.key)}
		for _, value := range e.values {
			j := valueJSON(v.table.spec, v.m.ValueType(), value)
			if perCPU {
				d.Values = append(d.Values, j)
			} else {
				d.Value = j
			}
		}
		doc.Entries = append(doc.Entries, d)
	}
	return json.NewEncoder(printable.JSON{To: w}).Encode(doc)
}
