package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/mapview"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/screen"
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
	noDemo   bool
	noPrintk bool
	plain    bool
	top      int
	types    []string
	btf      string // --btf
	records  *recordTypes
	pinDir   string
	options  objectOptions
	settings settings
	choice   choice
	call     call
	going    bool     // --keep-going
	object   string   // as the command line names it, "" for the embedded counter
	decided  []string // alternatives whose choice was reported

	out    io.Writer // locked by mu, flushed by flush
	errOut io.Writer
	screen *screen.Screen // nil unless the output is a terminal
	obj    *bpf.Object
	maps   []*sampler

	mu       sync.Mutex
	attached int  // programs
	scrolls  bool // something is printed beside the maps
	note     string
	streams  []*tally

	functions functions
}

// tally counts what came out of a ring or perf buffer.
type tally struct {
	name          string
	perf          bool // the kernel reports what is lost, not of ring buffers
	records, lost uint64
	unknown       uint64 // records that were shown as bytes
}

// text says what came.
func (t *tally) text() string {
	text := fmt.Sprintf("%s: %d records", t.name, t.records)
	if t.perf {
		text += fmt.Sprintf(", %d lost", t.lost)
	}
	return text + t.asBytes()
}

// asBytes says how many records were shown as bytes, "" if none were.
func (t *tally) asBytes() string {
	if t.unknown == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of unknown type", t.unknown)
}

// sayTallies says at the end which streams lost records or had some of unknown type. A screen shows
// that all the time.
func (r *runner) sayTallies() {
	for _, t := range r.streams {
		if r.screen == nil && !r.asJSON && t.lost+t.unknown > 0 {
			r.say("%s", t.text())
		}
	}
}

func newRunCommand() *cobra.Command {
	var r runner
	cmd := &cobra.Command{
		Use:   "run [OBJ]",
		Short: "Load an object, attach its programs, and show its events and maps until Ctrl-C",
		Long: `Run loads an object, attaches its programs and prints what they produce: the output of iterators,
records of ring and perf buffers and the messages of bpf_printk as they come, and maps as tables
with rates every --interval. On a terminal the maps are redrawn in place; otherwise, or with
--plain, they are printed as lines. --json prints documents with all elements of the maps, of arrays
those that are not 0. Run ends on Ctrl-C, after --for, on an error, or when all iterators are read
and there is nothing else to show. It then detaches everything except links that --pin keeps.

  bpf run opensnoop.bpf.o --for 10s
  bpf run filter.bpf.o --iface eth0
  bpf run probes.bpf.o --attach on_malloc=uprobe:libc.so.6:malloc,pid=1234
  bpf run cpudist.bpf.o --map start:max_entries=10240 --map hists:max_entries=1024
  bpf run opensnoop.bpf.o --set targ_pid=1234

Without OBJ, run counts packets and bytes per protocol with XDP, on --iface or on lo. If lo is
quiet, run sends some packets after a second; --no-demo stops that.

Programs are attached where their SEC() says. XDP, tcx and netkit programs need --iface, and cgroup
programs need --cgroup. --attach names the hook of any other program whose SEC() has no target, or
another hook than that of SEC(); "bpf attach --help" lists the hooks. Repeat --attach to attach a
program several times. Run prints which programs are not attached, and the option that attaches
them. If a program has alternatives (NAME___FLAVOUR), run attaches the first one that the kernel
supports.

--set and --map do what an object's own loader does before the load. The form of a value for --set
depends on the variable's type: numbers in any base, true, 'c', text for arrays of char, the name of
an enum's constant, and JSON for a struct or an array; VAR[3] and VAR.field name a part of it. If a
map needs a setting, run says which, and what to type. --only and --skip select programs.

--call runs one program once in the kernel instead (BPF_PROG_TEST_RUN): programs of SEC("syscall"),
raw tracepoints and packet programs.

  bpf run tool.bpf.o --call setup --ctx '{"pid": 1234, "comm": "nginx"}'
  bpf run filter.bpf.o --call count_packets --data packet.bin

Run finds the type of records in the programs' instructions or in a declaration (const struct event
*unused). If it finds none, it prints the fields that the programs write. --type names the type
instead, which may come from the file of --btf: BTF, an object, or a C header, which run compiles
with clang.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.out, r.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if len(args) > 0 {
				r.object = args[0]
			} else if r.iface == "" {
				r.iface = counterIface
			}
			o, err := r.openRun(args)
			if err != nil {
				return err
			}
			if err := r.settings.apply(o); err != nil {
				return err
			}
			if r.call.program != "" {
				return r.callProgram(o)
			}
			if r.call.ctx != "" || r.call.data != "" {
				return errors.New("--ctx and --data are for --call PROGRAM")
			}
			if err := r.options.require(o); err != nil {
				return err
			}
			ctx, stop := tool.UntilSignal(cmd.Context())
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
	f.BoolVar(&r.plain, "plain", false, "print lines, also on a terminal, with all digits")
	f.IntVar(&r.top, "top", 20, "lines of each map without a terminal (0: all)")
	f.BoolVarP(&r.asJSON, "json", "j", false,
		"print JSON: a document for each iterator, event and map")
	f.BoolVar(&r.demo, "demo", false,
		"send packets on 127.0.0.1, to have something to count")
	f.BoolVar(&r.noDemo, "no-demo", false,
		"without OBJ: don't send packets if the interface is quiet")
	f.BoolVar(&r.noPrintk, "no-printk", false, "don't show what programs print with bpf_printk")
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
	f.StringVar(&r.call.program, "call", "",
		"run this program once instead of attaching programs, and print what it returns")
	f.StringVar(&r.call.ctx, "ctx", "",
		"context of --call: JSON for a syscall program with a typed argument, hexadecimal digits, "+
			"or a file")
	f.StringVar(&r.call.data, "data", "", "file with the packet of --call")
	f.StringArrayVar(&r.types, "type", nil,
		"decode records of a ring as this struct: MAP=STRUCT, or STRUCT for all rings")
	f.StringVar(&r.btf, "btf", "",
		"file with the types of records: BTF, an object, or a C header, on which this runs clang")
	for _, other := range []string{"attach", "pin", "for", "interval", "demo", "iface", "cgroup",
		"no-demo", "no-printk", "plain", "only", "skip", "pid", "exe", "keep-going", "type",
		"btf"} {
		cmd.MarkFlagsMutuallyExclusive("call", other)
	}
	return cmd
}

// counterIface is the interface on which the embedded counter counts, and that of command lines to
// type.
const counterIface = "lo"

func (r *runner) openRun(args []string) (*object.Object, error) {
	if len(args) == 1 {
		return r.options.open(args[0])
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
	// There is little garbage: collecting it early costs nothing, and saves memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	out, errOut := &untilEnd{to: r.out, ended: ctx.Done()},
		&untilEnd{to: r.errOut, ended: ctx.Done()}
	r.setOutput(out, errOut)
	if why := o.WhyNoPrograms(); why != "" && !hasStructOps(o) {
		return fmt.Errorf("%s has no programs: %s", r.object, why)
	}
	if err := r.choice.check(); err != nil {
		return err
	}
	supplied, err := suppliedTypes(ctx, r.btf)
	if err != nil {
		return err
	}
	if r.records, err = newRecordTypes(o, r.types, supplied); err != nil {
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
	printed := r.openPrintk(o)
	if printed != nil {
		defer func() { err = errors.Join(err, printed.Close()) }()
	}
	streams, attached, err := r.start(o, hooks)
	defer func() { err = errors.Join(err, r.stop(streams, attached)) }()
	if err != nil {
		return withPinned(err, r.pinDir, names...)
	}
	r.sampleMaps()
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
	} else if r.object == "" && !r.noDemo {
		start(func() error { return r.demoIfQuiet(ctx) })
	}
	if printed != nil {
		start(func() error { return printed.Read(ctx, r.printMessage) })
	}
	r.setAttached(attached, printed != nil)
	onlyIterators, err := r.printIterators(ctx, attached)
	if err != nil {
		return err
	}
	if onlyIterators && streams.empty() {
		stop(nil)
	}
	if err := r.show(ctx, start, parts.Wait); err != nil {
		return err
	}
	r.sayTallies()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) &&
		!errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// setOutput takes what a command writes to. On a terminal it is the screen's scrolling part.
func (r *runner) setOutput(out, errOut *untilEnd) {
	r.out, r.errOut = out, errOut
	to := screen.Terminal(out.to)
	if to == nil || r.plain || r.asJSON {
		return
	}
	if writer, ok := out.to.(*printable.Writer); ok {
		out.to = writer.Unwrap() // the screen has escapes of its own
	}
	r.screen = screen.New(out, func() (int, int) { return screen.SizeOf(to) }, screen.Colours())
	r.out = printable.NewWriter(r.screen)
	if screen.Terminal(errOut.to) != nil {
		r.errOut = r.out
	}
}

// setAttached notes what the screen shows.
func (r *runner) setAttached(all []hooked, printed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attached = len(all)
	r.scrolls = printed || len(r.streams) > 0
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

// look reads the maps, and prints them unless there is a screen.
func (r *runner) look() error {
	var w *bufio.Writer
	if r.screen == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		w = bufio.NewWriter(r.out)
	}
	for _, s := range r.maps {
		if r.asJSON {
			err := s.printJSON(w, time.Now())
			if errors.Is(err, bpf.ErrWalkInterrupted) {
				say(r.errOut, "a document is incomplete: %v", err)
			} else if err != nil {
				return err
			}
			continue
		}
		now, err := s.sample()
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.view.Update(now)
		s.mu.Unlock()
		if w != nil && !(s.view.Empty() && s.view.Summary() == "") {
			for _, line := range s.view.Lines(mapview.Format{Rows: r.top, Exact: true}) {
				fmt.Fprintln(w, line)
			}
		}
	}
	if w == nil {
		return nil
	}
	if !r.asJSON {
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// sampleMaps makes the samplers of the maps to show.
func (r *runner) sampleMaps() {
	names := r.names()
	for _, m := range r.obj.Maps() {
		if !tabular(m) {
			continue
		}
		r.maps = append(r.maps, &sampler{m: m, view: mapview.New(mapview.Map{
			Name: m.Name(), Type: m.Type().String(), MaxEntries: m.MaxEntries(),
			Spec: r.obj.BTF(), Key: m.KeyType(), Value: m.ValueType(), KeySize: m.KeySize(),
			ValueSize: m.ValueSize(), Array: isArray(m),
			Variables: m.Kind() == object.MapData || m.Kind() == object.MapBss,
		}, names)})
	}
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

// valueJSON returns data as JSON by its type, or as a string of hexadecimal digits without one.
func valueJSON(s *btf.Spec, id btf.ID, data []byte) json.RawMessage {
	if id != 0 {
		out, err := btf.AppendJSON(nil, s, id, data, nil)
		if err == nil || errors.Is(err, btf.ErrTruncated) { // only the filled part was sent
			return out
		}
	}
	return json.RawMessage(strconv.Quote(hex.EncodeToString(data)))
}

// printJSON writes all elements as a mapDocument, one after the other.
func (s *sampler) printJSON(w io.Writer, now time.Time) error {
	to := printable.JSON{To: w}
	head, err := json.Marshal(mapDocument{Time: now, Map: s.m.Name(), Entries: []elementDocument{}})
	if err != nil {
		return err
	}
	if _, err := to.Write(bytes.TrimSuffix(head, []byte("]}"))); err != nil {
		return err
	}
	perCPU := false
	switch s.m.Type() {
	case uapi.MapPerCPUHash, uapi.MapPerCPUArray, uapi.MapLRUPerCPUHash:
		perCPU = true
	}
	it := s.m.Iterate()
	var e mapview.Element
	first := true
	for key, value := range it.All() {
		if isArray(s.m) && allZero(value) {
			continue
		}
		split(&e, s.m, value)
		d := elementDocument{Key: valueJSON(s.m.BTF(), s.m.KeyType(), key)}
		for _, one := range e.Values {
			j := valueJSON(s.m.BTF(), s.m.ValueType(), one)
			if perCPU {
				d.Values = append(d.Values, j)
			} else {
				d.Value = j
			}
		}
		text, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if !first {
			text = append([]byte{','}, text...)
		}
		first = false
		if _, err := to.Write(text); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(w, "]}\n"); err != nil {
		return err
	}
	return it.Err()
}
