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
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/uapi"
	"github.com/spf13/cobra"
)

// runner is one `bpf run`: an object that is loaded, attached and shown until its context ends.
type runner struct {
	iface    string
	duration time.Duration
	interval time.Duration
	asJSON   bool
	demo     bool
	types    []string
	pinDir   string
	options  objectOptions

	out    io.Writer // locked by mu, flushed by flush
	errOut io.Writer
	mu     sync.Mutex
	obj    *bpf.Object
	tables []*mapView
}

// mapView is a map that is printed, and how.
type mapView struct {
	m     *bpf.Map
	table mapTable
}

func newRunCommand() *cobra.Command {
	var r runner
	cmd := &cobra.Command{
		Use:   "run [OBJ]",
		Short: "Load an object, attach its programs, and show its events and maps until Ctrl-C",
		Long: `Run loads an object, attaches every program that attaches by its SEC(), and XDP programs to --iface, and then prints records of ring and
perf buffers as they come and maps as tables, with rates, every --interval. Ctrl-C, --for, or an error ends it; everything is then detached.

Without OBJ it runs a packet counter on --iface: packets and bytes per protocol, seen at XDP.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.out, r.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
			o, err := openRun(args)
			if err != nil {
				return err
			}
			if err := r.options.require(o); err != nil {
				return err
			}
			return r.run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&r.iface, "iface", "i", "lo", "interface for XDP programs")
	f.DurationVar(&r.duration, "for", 0, "end after this long (0: until Ctrl-C)")
	f.DurationVar(&r.interval, "interval", time.Second, "time between prints of the maps")
	f.BoolVar(&r.asJSON, "json", false, "print one JSON document per event and per map")
	f.BoolVar(&r.demo, "demo", false, "make traffic on 127.0.0.1, so that there is something to count")
	f.StringVar(&r.pinDir, "pin", "", "pin the links in this directory, where they stay attached when the command ends")
	r.options.all(f)
	f.StringArrayVar(&r.types, "type", nil, "decode records of a ring as this struct: MAP=STRUCT, or STRUCT for all rings")
	return cmd
}

func openRun(args []string) (*object.Object, error) {
	if len(args) == 1 {
		return bpf.Open(args[0])
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
	r.tellStale(o)
	choices, err := preflight.Choose(o, kernel.Running(), nil)
	if err != nil {
		return err
	}
	for _, c := range choices {
		r.say("chosen %v", c)
	}
	r.obj, err = r.options.loadObject(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.obj.Close()) }()
	streams, err := r.openStreams()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, streams.Close()) }()
	for _, m := range r.obj.Maps() {
		if tabular(m) {
			r.tables = append(r.tables, newMapView(r.obj, m))
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
	links, err := r.attach()
	defer func() { err = errors.Join(err, links.Close()) }()
	if err != nil {
		return err
	}
	if r.pinDir != "" {
		if err := pinLinks(r.errOut, append(r.obj.Links(), links...), r.pinDir); err != nil {
			return err
		}
	}
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
	if err := r.printMaps(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// tellStale mentions what killed loaders left where this object's probes will go.
func (r *runner) tellStale(o *object.Object) {
	if !slices.ContainsFunc(o.Programs, func(p *object.Program) bool { return p.Type == uapi.ProgKprobe }) {
		return
	}
	if stale, err := bpf.LegacyEvents(); err != nil {
		r.say("%v", err)
	} else if len(stale) > 0 {
		r.say("%d probe events of killed loaders are left in tracefs; bpf detach --stale removes them", len(stale))
	}
}

// attach attaches what attaches by its SEC(), then XDP programs to the interface. It returns the latter links: the others are the Object's.
func (r *runner) attach() (bpf.Links, error) {
	auto, err := r.obj.Attach()
	if err != nil {
		return nil, err
	}
	for _, l := range auto {
		r.say("attached %s", l)
	}
	var links bpf.Links
	for _, p := range r.obj.Programs() {
		if p.Type() != uapi.ProgXDP || p.ExpectedAttachType() != uapi.AttachXDP && p.ExpectedAttachType() != 0 || !p.Loaded() {
			continue
		}
		l, err := p.AttachXDP(r.iface, nil)
		if err != nil {
			return links, err
		}
		links = append(links, l)
		r.say("attached %s", l)
	}
	for _, n := range r.obj.NotAttached() {
		if n.Program == nil || n.Program.Type() != uapi.ProgXDP {
			r.say("not attached: %s", notAttachedText(n))
		}
	}
	if len(auto)+len(links) == 0 {
		return links, errors.New("the object has no program that attaches by its SEC(), and none for an interface: nothing would run")
	}
	return links, nil
}

func notAttachedText(n bpf.NotAttached) string {
	if n.Program != nil {
		return fmt.Sprintf("program %s (SEC %s): %s", n.Program.Name(), n.Program.Section(), n.Reason)
	}
	return fmt.Sprintf("map %s: %s", n.Map.Name(), n.Reason)
}

// say tells a person what happens; machines read only documents.
func (r *runner) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.errOut, format+"\n", args...)
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

// mapDocument is what --json prints for a map each interval.
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
	return json.NewEncoder(w).Encode(doc)
}
