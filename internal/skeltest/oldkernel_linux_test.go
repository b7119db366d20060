package skeltest

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/oldkernel"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestNoMmap: where the kernel can't map variables into memory, as before 5.5, the skeleton loads
// with their values, has no pointers to them, and says so; Variable reads them. Oracle: the
// program, which copies the constants that it was loaded with.
func TestNoMmap(t *testing.T) {
	testkit.Root(t)
	t.Cleanup(funnel.Replace(&oldkernel.Kernel{Refuse: oldkernel.Lacks[facts.ArrayMmap]}))
	spec, err := OpenConstructs()
	if err != nil {
		t.Fatal(err)
	}
	defer spec.Close()
	spec.Rodata.Constant = filled()
	spec.Data.Given.Cv = 5
	var log strings.Builder
	x, err := spec.Load(&bpf.LoadOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	defer x.Close()
	if x.Data != nil || x.Bss != nil || x.DataApart != nil || x.Rodata.Mapped() ||
		x.Kconfig.Mapped() {
		t.Error("the skeleton has pointers to memory that isn't mapped")
	}
	for _, section := range []string{".rodata", ".data", ".bss", ".data.apart", ".kconfig"} {
		if !strings.Contains(log.String(), "level=WARN msg=\"the section's variables have no "+
			"memory here: use Object.Variable\" object=constructs section="+section+"\n") {
			t.Errorf("no warning about section %s in\n%s", section, log.String())
		}
	}
	run(t, x.Programs.ReadConstant)
	var report [len(ConstructsBss{}.Report)]int64
	if err := x.Variable("report").Get(&report); err != nil {
		t.Fatal(err)
	}
	constant := filled()
	for i, m := range members {
		if want := m.get(&constant); report[i] != want {
			t.Errorf("the program finds %#x in %s, want %#x", report[i], m.name, want)
		}
	}
	var given ConstructsAll
	if err := x.Variable("given").Get(&given); err != nil || given.Cv != 5 {
		t.Errorf("given.cv is %d, %v", given.Cv, err)
	}
	if err := x.Variable("given").Set(given); !errors.Is(err, bpf.ErrNotSupported) ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("setting a variable that is not mapped: %v", err)
	} else {
		t.Log(err)
	}
}
