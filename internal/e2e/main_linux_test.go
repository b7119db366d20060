package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// open reads an object of testdata.
func open(t testing.TB, name string) *object.Object {
	t.Helper()
	o, err := bpf.Open("../../testdata/"+name+".bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// load loads o and closes it when the test ends. It skips if the kernel refuses every program of
// the section.
func load(t testing.TB, o *object.Object, opts *bpf.LoadOptions) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	obj, err := bpf.Load(o, opts)
	if err != nil {
		if strings.Contains(err.Error(), "kernel BTF is needed") {
			testkit.VmlinuxBTF(t)
		}
		skipRefused(t, o, err)
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

// skipRefused skips if err is a load's error about a program of which the kernel refuses even the
// smallest, also from C libbpf.
func skipRefused(t testing.TB, o *object.Object, err error) {
	t.Helper()
	var verifier *bpf.VerifierError
	if errors.As(err, &verifier) && verifier.Program != "" {
		testkit.SkipRefused(t, err, verifier.Section)
	}
	var e *bpf.Error
	if !errors.As(err, &e) || e.Op != "load program" {
		return
	}
	for _, p := range o.Programs {
		if strings.HasPrefix(e.Subject, p.Name+" (SEC ") {
			testkit.SkipRefused(t, err, p.Section)
		}
	}
}

// only disables every program but the named ones.
func only(o *object.Object, names ...string) *object.Object {
	for _, p := range o.Programs {
		p.Autoload = false
		for _, name := range names {
			p.Autoload = p.Autoload || p.Name == name
		}
	}
	return o
}

// logBook returns a logger for all levels, and the text that it writes: lines "level=INFO msg=...
// key=value".
func logBook() (*slog.Logger, *strings.Builder) {
	var b strings.Builder
	return slog.New(slog.NewTextHandler(&b,
		&slog.HandlerOptions{Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})), &b
}

// logged reports whether one line of a log book contains all of parts.
func logged(book *strings.Builder, parts ...string) bool {
	for line := range strings.Lines(book.String()) {
		if !slices.ContainsFunc(parts, func(part string) bool {
			return !strings.Contains(line, part)
		}) {
			return true
		}
	}
	return false
}
