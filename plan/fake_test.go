package plan_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
)

// fake is a kernel with the properties that a test gives it. It records the questions it is asked.
type fake struct {
	btf     *btf.Spec
	modules []*facts.Module
	ksyms   map[string]uint64
	twice   map[string]bool
	kconfig string
	version uint32
	lacks   []facts.Feature
	unknown map[facts.Feature]error
	skipped []error // modules that are not in the list
	page    int

	mu    sync.Mutex
	asked []string
}

func (k *fake) ask(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.asked, what) {
		k.asked = append(k.asked, what)
	}
}

var errFake = errors.New("not in this fake kernel")

func (k *fake) Version() uint32 { k.ask("version"); return k.version }

func (k *fake) BTF() (*btf.Spec, error) {
	k.ask("kernel BTF")
	if k.btf == nil {
		return nil, errFake
	}
	return k.btf, nil
}

func (k *fake) Modules() ([]*facts.Module, error) { k.ask("modules"); return k.modules, nil }

func (k *fake) Ksyms(names []string) (map[string]uint64, map[string]bool, error) {
	k.ask("ksyms")
	if k.ksyms == nil {
		return nil, nil, errFake
	}
	return k.ksyms, k.twice, nil
}

func (k *fake) Kconfig() ([]byte, error) {
	k.ask("kconfig")
	if k.kconfig == "" {
		return nil, errFake
	}
	return []byte(k.kconfig), nil
}

func (k *fake) Has(f facts.Feature) (bool, error) {
	k.ask(f.String())
	if err := k.unknown[f]; err != nil {
		return false, err
	}
	return !slices.Contains(k.lacks, f), nil
}

func (k *fake) SkippedModules() []error { return k.skipped }

func (k *fake) PossibleCPUs() (int, error) { k.ask("cpus"); return 3, nil }

func (k *fake) PageSize() int {
	k.ask("page")
	if k.page != 0 {
		return k.page
	}
	return 4096
}

// open reads a test object.
func open(t testing.TB, name string) *object.Object {
	t.Helper()
	path := filepath.Join("testdata", name)
	if strings.Contains(name, "/") {
		path = name
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// own returns our own objects, which cover what the corpus lacks.
func own(t testing.TB) []string {
	var paths []string
	for _, pattern := range []string{"testdata/*.o", "../object/testdata/*.o",
		"../btf/core/testdata/*.o"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no objects in %s: %v", pattern, err)
		}
		paths = append(paths, found...)
	}
	return paths
}

func resolve(t testing.TB, o *object.Object, k facts.Kernel, opts *plan.Options) *plan.Plan {
	t.Helper()
	p, err := plan.Resolve(o, k, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// event reports whether the plan has an event of kind k about a subject whose text contains words.
func event(p *plan.Plan, kind plan.EventKind, subject, words string) bool {
	return slices.ContainsFunc(p.Events, func(e plan.Event) bool {
		return e.Kind == kind && e.Subject == subject && strings.Contains(e.Text, words)
	})
}

func planned(t testing.TB, p *plan.Plan, name string) *plan.Program {
	t.Helper()
	for _, x := range p.Programs {
		if x.Spec.Name == name {
			return x
		}
	}
	t.Fatalf("program %s is not in the plan", name)
	return nil
}

func plannedMap(t testing.TB, p *plan.Plan, name string) *plan.Map {
	t.Helper()
	for _, x := range p.Maps {
		if x.Spec != nil && x.Spec.Name == name {
			return x
		}
	}
	t.Fatalf("map %s is not in the plan", name)
	return nil
}
