package skeltest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/skel"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// filled returns a struct all as Go fills it.
func filled() ConstructsAll {
	var s ConstructsAll
	for _, m := range members {
		m.set(&s)
	}
	return s
}

// loaded loads the skeleton, with Go's values of what programs only read.
func loaded(t *testing.T) *Constructs {
	t.Helper()
	testkit.Root(t)
	spec, err := OpenConstructs()
	if err != nil {
		t.Fatal(err)
	}
	defer spec.Close()
	spec.Rodata.Constant = filled()
	x, err := spec.Load(nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func run(t *testing.T, p *bpf.Program) {
	t.Helper()
	if r, err := p.Run(nil); err != nil || r.Return != 0 {
		t.Fatalf("%s returned %d, %v", p.Name(), r.Return, err)
	}
}

// wanted returns what the program finds in each member after it has written all of them.
func wanted(t *testing.T, x *Constructs) []int64 {
	t.Helper()
	names := x.Rodata.Value().Names
	if len(names) != len(members) {
		t.Fatalf("%d members in C, %d in Go", len(names), len(members))
	}
	for i := range names {
		if names[i].String() != members[i].name {
			t.Fatalf("member %d is %v in C, %s in Go", i, names[i], members[i].name)
		}
	}
	run(t, x.Programs.WriteShared)
	run(t, x.Programs.ReadShared)
	want := x.Bss.Report
	return want[:]
}

// TestGoReads: Go finds in each member what the program has written there. Oracle: what the program
// itself reads, as clang lays the members out.
func TestGoReads(t *testing.T) {
	x := loaded(t)
	want := wanted(t, x)
	check := func(t *testing.T, s *ConstructsAll) {
		t.Helper()
		for i, m := range members {
			if got := m.get(s); got != want[i] {
				t.Errorf("%s is %#x, want %#x", m.name, got, want[i])
			}
		}
	}
	t.Run("variable", func(t *testing.T) { check(t, &x.Bss.Shared) })
	t.Run("map", func(t *testing.T) {
		run(t, x.Programs.WriteThings)
		value, err := x.Maps.Things.Lookup(ConstructsKey{A: 1, B: -2, C: 3000000000})
		if err != nil {
			t.Fatal(err)
		}
		check(t, &value)
	})
	t.Run("per-CPU map", func(t *testing.T) {
		run(t, x.Programs.WriteEachCpu)
		values, err := x.Maps.EachCpu.Lookup(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		written := 0
		for i := range values {
			if values[i] != (ConstructsAll{}) {
				check(t, &values[i])
				written++
			}
		}
		if written != 1 {
			t.Errorf("values of %d CPUs were written", written)
		}
	})
	t.Run("ring buffer", func(t *testing.T) {
		run(t, x.Programs.WriteRecords)
		for s, err := range x.Maps.Records.Records(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			check(t, s)
			break
		}
	})
	t.Run("perf buffer", func(t *testing.T) {
		records := make(chan ConstructsSample)
		go func() {
			defer close(records)
			for s, err := range x.Maps.Samples.Records(t.Context(), nil) {
				if err != nil {
					t.Error(err)
					return
				}
				records <- *s
				return
			}
		}()
		testkit.UntilBlocked(t, "stream.(*Stream).wait", 1) // it reads all CPUs' buffers now
		run(t, x.Programs.WriteSamples)
		s, ok := <-records
		if !ok {
			t.Fatal("no record")
		}
		check(t, &s.All)
	})
}

// finds checks what a program finds in each member.
func finds(t *testing.T, x *Constructs, p *bpf.Program, want []int64) {
	t.Helper()
	x.Bss.Report = [len(x.Bss.Report)]int64{}
	run(t, p)
	for i, m := range members {
		if got := x.Bss.Report[i]; got != want[i] {
			t.Errorf("%s finds %#x in %s, want %#x", p.Name(), got, m.name, want[i])
		}
	}
}

// TestGoWrites: programs find in each member what Go has written there. Oracle: what they find in
// what they write themselves.
func TestGoWrites(t *testing.T) {
	x := loaded(t)
	want := wanted(t, x)
	check := func(t *testing.T, p *bpf.Program) {
		t.Helper()
		finds(t, x, p, want)
	}
	t.Run("variable", func(t *testing.T) {
		x.Bss.Shared = filled()
		check(t, x.Programs.ReadShared)
	})
	t.Run("variable with a value", func(t *testing.T) {
		if x.Data.Given.Cv != 1 {
			t.Errorf("the value as compiled is %d", x.Data.Given.Cv)
		}
		x.Data.Given = filled()
		check(t, x.Programs.ReadGiven)
	})
	t.Run("section of its own", func(t *testing.T) {
		x.DataApart.Apart = filled()
		check(t, x.Programs.ReadApart)
	})
	t.Run("constant", func(t *testing.T) { check(t, x.Programs.ReadConstant) })
	t.Run("map", func(t *testing.T) {
		if err := x.Maps.Things.Update(ConstructsKey{A: 1, B: -2, C: 3000000000}, filled(),
			0); err != nil {
			t.Fatal(err)
		}
		check(t, x.Programs.ReadThings)
	})
	t.Run("per-CPU map", func(t *testing.T) {
		values := make([]ConstructsAll, x.Maps.EachCpu.CPUs())
		for i := range values {
			values[i] = filled()
		}
		if err := x.Maps.EachCpu.Update(0, values, 0); err != nil {
			t.Fatal(err)
		}
		check(t, x.Programs.ReadEachCpu)
	})
}

// TestUserRing: a program finds in a sample what Go has written there. Oracle: what it finds in
// what it writes itself.
func TestUserRing(t *testing.T) {
	testkit.Root(t)
	spec, err := OpenConstructs()
	if err != nil {
		t.Fatal(err)
	}
	defer spec.Close()
	spec.Programs.ReadSent.Autoload = true
	x, err := spec.Load(nil)
	if err != nil {
		if strings.Contains(err.Error(), "callbacks are not allowed in non-JITed programs") {
			testkit.Skip(t, "this machine's JIT compiler has no callbacks: %v", err)
		}
		t.Fatalf("%+v", err)
	}
	defer x.Close()
	want := wanted(t, x)
	w, err := x.Maps.Sent.Writer()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	sample, err := w.Reserve(int(unsafe.Sizeof(ConstructsAll{})))
	if err != nil {
		t.Fatal(err)
	}
	skel.Set(sample.Data, filled())
	if err := sample.Submit(); err != nil {
		t.Fatal(err)
	}
	finds(t, x, x.Programs.ReadSent, want)
}

// TestFlexibleArray: a record that ends in an array without a length has the elements that the
// program wrote. Oracle: the program.
func TestFlexibleArray(t *testing.T) {
	x := loaded(t)
	run(t, x.Programs.WriteTails)
	for b, err := range x.Maps.Tails.Bytes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		tail := skel.Get[ConstructsTail](b)
		var got []ConstructsPoint
		for _, p := range tail.Items(b) {
			got = append(got, ConstructsPoint{X: p.X, Y: p.Y})
		}
		want := []ConstructsPoint{{X: 0, Y: -5000000000}, {X: -1, Y: -5000000001},
			{X: -2, Y: -5000000002}}
		if int(tail.N) != len(want) || !slices.Equal(got, want) {
			t.Errorf("%d items: %v, want %v", tail.N, got, want)
		}
		break
	}
}

// TestKconfig: Go and programs see the kernel's configuration. Oracle: the configuration that came
// with the kernel, and its release.
func TestKconfig(t *testing.T) {
	x := loaded(t)
	config := configuration(t)
	k := x.Kconfig.Value()
	number := func(name string) uint64 {
		n, err := strconv.ParseUint(config[name], 0, 64)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return n
	}
	tristate := func(name string) ConstructsLibbpfTristate {
		return map[string]ConstructsLibbpfTristate{"": ConstructsTriNo, "y": ConstructsTriYes,
			"m": ConstructsTriModule}[config[name]]
	}
	var major, minor int32
	if _, err := fmt.Sscanf(testkit.KernelRelease(), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"LINUX_KERNEL_VERSION", k.LinuxKernelVersion >> 8, major<<8 | minor},
		{"CONFIG_HZ", k.ConfigHz, uint32(number("CONFIG_HZ"))},
		{"CONFIG_NR_CPUS", k.ConfigNrCpus, number("CONFIG_NR_CPUS")},
		{"CONFIG_BPF_SYSCALL", k.ConfigBpfSyscall, tristate("CONFIG_BPF_SYSCALL")},
		{"CONFIG_VETH", k.ConfigVeth, tristate("CONFIG_VETH")},
		{"CONFIG_NET", k.ConfigNet.True(), config["CONFIG_NET"] == "y"},
		{"CONFIG_DEFAULT_HOSTNAME", strconv.Quote(k.ConfigDefaultHostname.String()),
			config["CONFIG_DEFAULT_HOSTNAME"]},
		{"CONFIG_INET", string(rune(k.ConfigInet)), config["CONFIG_INET"]},
		{"CONFIG_NO_SUCH_OPTION", k.ConfigNoSuchOption, int32(0)},
	} {
		if c.got != c.want {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
	run(t, x.Programs.ReadSettings)
	want := [...]int64{int64(k.LinuxKernelVersion), int64(k.ConfigHz), int64(k.ConfigNrCpus),
		int64(k.ConfigBpfSyscall), int64(k.ConfigVeth), int64(k.ConfigNet),
		int64(k.ConfigDefaultHostname[0]), int64(k.ConfigInet), int64(k.ConfigNoSuchOption)}
	if x.Bss.Settings != want {
		t.Errorf("the program finds %d, want %d", x.Bss.Settings, want)
	}
}

// configuration returns the options of the running kernel.
func configuration(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("/boot/config-" + testkit.KernelRelease())
	if errors.Is(err, fs.ErrNotExist) {
		text = testkit.Run(t, "zcat", "/proc/config.gz")
	} else if err != nil {
		t.Fatal(err)
	}
	options := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			options[name] = value
		}
	}
	return options
}
