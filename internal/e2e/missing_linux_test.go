package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/purebpf/bpf/anchor"
	"github.com/purebpf/bpf/internal/testkit"
)

// callAll calls every exported method of v with zero arguments. None may panic. It returns the
// errors by the name of the method, nil for methods that can return an error but don't.
func callAll(t *testing.T, what string, v any) map[string]error {
	t.Helper()
	errs := map[string]error{}
	value := reflect.ValueOf(v)
	for i := range value.NumMethod() {
		name := value.Type().Method(i).Name
		method := value.Method(i)
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s.%s panics: %v", what, name, p)
				}
			}()
			var args []reflect.Value
			for j := range method.Type().NumIn() {
				if method.Type().IsVariadic() && j == method.Type().NumIn()-1 {
					break
				}
				args = append(args, reflect.Zero(method.Type().In(j)))
			}
			for _, result := range method.Call(args) {
				if result.Type() == reflect.TypeFor[error]() {
					err, _ := result.Interface().(error)
					errs[name] = err
				}
				if result.Kind() == reflect.Func && !result.IsNil() { // an iter.Seq2
					for range result.Seq2() {
						t.Errorf("%s.%s yields something", what, name)
					}
				}
			}
		}()
	}
	return errs
}

// TestMissing calls every method of missing programs, maps and variables. The oracle is the list of
// exported methods itself, and testdata/maps.bpf.c, which has the similar names.
func TestMissing(t *testing.T) {
	obj := load(t, only(open(t, "maps"), "count", "callee"), &bpf.LoadOptions{SkipPins: true})
	for _, c := range []struct {
		value any
		want  string
	}{
		{obj.Program("coumt"), "the object has no program coumt; near: count"},
		{obj.Map("hasch"), "the object has no map hasch; near: hash"},
		{obj.Map(".rodatum"), "the object has no map .rodatum; near: .rodata"},
		{obj.Variable("treshold"), "the object has no variable treshold; near: threshold"},
		{(*bpf.Object)(nil).Map("any"), "there is no object to have a map any"},
		{obj.Program("nothing_like_it"), "the object has no program nothing_like_it"},
	} {
		errs := callAll(t, c.want, c.value)
		for method, err := range errs {
			if !errors.Is(err, bpf.ErrNotExist) || !strings.Contains(err.Error(), c.want) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("%T.%s: %v, want %s", c.value, method, err, c.want)
			}
		}
		if len(errs) < 4 {
			t.Errorf("%T: %d methods return errors", c.value, len(errs))
		}
	}
	missing := obj.Map("hasch")
	for what, err := range map[string]error{
		"MapOf":       second(bpf.MapOf[uint32, uint64](missing)),
		"PerCPUMapOf": second(bpf.PerCPUMapOf[uint32, uint64](missing)),
		"MemoryOf":    second(bpf.MemoryOf[uint32](missing)),
		"walk": func() error {
			it := missing.Iterate()
			for range it.All() {
			}
			return it.Err()
		}(),
		"cursor": second(missing.NewBatchCursor().LookupBatch(nil, nil, 0)),
		"XDP":    second(obj.Program("hasch").AttachXDP("lo", nil)),
		"lookup": missing.Lookup(make([]byte, 4), make([]byte, 8)),
		"inner":  second(bpf.CreateMap(open(t, "maps").Map("outer"), &bpf.MapOptions{Inner: missing})),
		"reuse": second(bpf.Load(open(t, "maps"),
			&bpf.LoadOptions{Maps: map[string]*bpf.Map{"hash": missing}})),
		"use":     missing.UseFD(func(int) error { return nil }),
		"sockmap": second(obj.Program("count").AttachSockMap(missing, nil)),
	} {
		if !errors.Is(err, bpf.ErrNotExist) || !strings.Contains(err.Error(), "hasch") {
			t.Errorf("%s: %v", what, err)
		}
	}
	v, err := bpf.VarOf[uint32](obj.Variable("treshold"))
	if v != nil || !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "near: threshold") {
		t.Error(v, err)
	}
	for what, err := range map[string]error{
		"program": obj.Program("count").Err(), "map": obj.Map("hash").Err(),
		"variable": obj.Variable("threshold").Err(),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestNothing calls every method of nil pointers, zero values and closed objects: errors, no
// panics.
func TestNothing(t *testing.T) {
	testkit.Root(t)
	obj, err := bpf.Load(only(open(t, "maps"), "count", "callee"), &bpf.LoadOptions{SkipPins: true})
	if err != nil {
		t.Fatal(err)
	}
	typed, err := bpf.MapOf[uint32, uint64](obj.Map("array"))
	if err != nil {
		t.Fatal(err)
	}
	perCPU, err := bpf.PerCPUMapOf[uint32, uint64](obj.Map("percpu"))
	if err != nil {
		t.Fatal(err)
	}
	clone, err := obj.Map("hash").Clone()
	if err != nil {
		t.Fatal(err)
	}
	program, off := obj.Program("count"), obj.Program("nobody")
	m, v := obj.Map("array"), obj.Variable("calls")
	it, cursor, typedIt, perCPUIt := m.Iterate(), m.NewBatchCursor(), typed.Iterate(),
		perCPU.Iterate()
	obj.Close()
	clone.Close()
	for what, v := range map[string]any{
		"nil Program":           (*bpf.Program)(nil),
		"nil Map":               (*bpf.Map)(nil),
		"nil Variable":          (*bpf.Variable)(nil),
		"nil Link":              (*bpf.Link)(nil),
		"nil Object":            (*bpf.Object)(nil),
		"nil TypedMap":          (*bpf.TypedMap[uint32, uint64])(nil),
		"nil Links":             bpf.Links(nil),
		"nil PerCPUMap":         (*bpf.PerCPUMap[uint32, uint64])(nil),
		"nil Anchor":            anchor.Before(nil),
		"nil link anchor":       anchor.AfterLink(nil),
		"zero Program":          new(bpf.Program),
		"zero Map":              new(bpf.Map),
		"zero Variable":         new(bpf.Variable),
		"zero Link":             new(bpf.Link),
		"zero Object":           new(bpf.Object),
		"zero TypedMap":         new(bpf.TypedMap[uint32, uint64]),
		"zero PerCPUMap":        new(bpf.PerCPUMap[uint32, uint64]),
		"zero Links":            bpf.Links{nil, nil},
		"zero BatchCursor":      new(bpf.BatchCursor),
		"zero Iterator":         new(bpf.Iterator),
		"nil BatchCursor":       (*bpf.BatchCursor)(nil),
		"nil Iterator":          (*bpf.Iterator)(nil),
		"nil TypedIterator":     (*bpf.TypedIterator[uint32, uint64])(nil),
		"zero TypedIterator":    new(bpf.TypedIterator[uint32, uint64]),
		"nil PerCPUIterator":    (*bpf.PerCPUIterator[uint32, uint64])(nil),
		"zero PerCPUIterator":   new(bpf.PerCPUIterator[uint32, uint64]),
		"closed Program":        program,
		"closed Map":            m,
		"closed Variable":       v,
		"closed Object":         obj,
		"closed clone":          clone,
		"closed TypedMap":       typed,
		"closed PerCPUMap":      perCPU,
		"absent Program":        off,
		"closed Iterator":       it,
		"closed BatchCursor":    cursor,
		"closed TypedIterator":  typedIt,
		"closed PerCPUIterator": perCPUIt,
		"zero Error":            new(bpf.Error),
	} {
		errs := callAll(t, what, v)
		for method, err := range errs {
			closing := method == "Close" || method == "Err" || method == "Unwrap"
			if strings.HasPrefix(what, "nil ") && err == nil && what != "nil Links" {
				t.Errorf("%s.%s: no error", what, method)
			}
			switch what {
			case "zero Program", "zero Map", "zero Variable", "zero Link", "zero Object":
				if !errors.Is(err, bpf.ErrNotExist) {
					t.Errorf("%s.%s: %v, want ErrNotExist", what, method, err)
				}
			}
			// These need no descriptor: pins are removed by path, and there is nothing to do.
			closing = closing || strings.HasPrefix(method, "Unpin") ||
				strings.HasPrefix(method, "Pin") ||
				what == "closed TypedMap" && strings.HasSuffix(method, "Batch")
			if strings.HasPrefix(what, "closed ") && !closing && !errors.Is(err, bpf.ErrClosed) {
				t.Errorf("%s.%s: %v, want ErrClosed", what, method, err)
			}
		}
	}
	for what, err := range map[string]error{
		"Load": second(bpf.Load(nil, nil)), "Prepare": second(bpf.Prepare(nil, nil)),
		"LoadPlan":    second(bpf.LoadPlan(nil, nil)),
		"PreparePlan": second(bpf.PreparePlan(nil, nil)),
		"CreateMap":   second(bpf.CreateMap(nil, nil)),
		"MapOf":       second(bpf.MapOf[uint32, uint64](nil)),
		"VarOf":       second(bpf.VarOf[uint32](nil)),
		"MemoryOf":    second(bpf.MemoryOf[uint32](nil)), "UseFD": (*bpf.Map)(nil).UseFD(nil),
	} {
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s of nil: %v", what, err)
		}
	}
}
