package bpf

import (
	"errors"
	"reflect"
	"strings"
	"testing"

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
	obj := load(t, only(open(t, "maps"), "count", "callee"), &LoadOptions{SkipPins: true})
	for _, c := range []struct {
		value any
		want  string
	}{
		{obj.Program("coumt"), "the object has no program coumt; near: count"},
		{obj.Map("hasch"), "the object has no map hasch; near: hash"},
		{obj.Map(".rodatum"), "the object has no map .rodatum; near: .rodata"},
		{obj.Variable("treshold"), "the object has no variable treshold; near: threshold"},
		{(*Object)(nil).Map("any"), "there is no object to have a map any"},
		{obj.Program("nothing_like_it"), "the object has no program nothing_like_it"},
	} {
		errs := callAll(t, c.want, c.value)
		for method, err := range errs {
			if !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), c.want) ||
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
		"MapOf":       second(MapOf[uint32, uint64](missing)),
		"PerCPUMapOf": second(PerCPUMapOf[uint32, uint64](missing)),
		"MemoryOf":    second(MemoryOf[uint32](missing)),
		"walk": func() error {
			it := missing.Iterate()
			for range it.All() {
			}
			return it.Err()
		}(),
		"cursor":  second(missing.NewBatchCursor().LookupBatch(nil, nil, 0)),
		"XDP":     second(obj.Program("hasch").AttachXDP("lo", nil)),
		"lookup":  missing.Lookup(make([]byte, 4), make([]byte, 8)),
		"inner":   second(CreateMap(open(t, "maps").Map("outer"), missing)),
		"reuse":   second(Load(open(t, "maps"), &LoadOptions{Maps: map[string]*Map{"hash": missing}})),
		"use":     missing.UseFD(func(int) error { return nil }),
		"sockmap": second(obj.Program("count").AttachSockMap(missing, nil)),
	} {
		if !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), "hasch") {
			t.Errorf("%s: %v", what, err)
		}
	}
	v, err := VarOf[uint32](obj.Variable("treshold"))
	if v != nil || !errors.Is(err, ErrNotExist) ||
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
	obj, err := Load(only(open(t, "maps"), "count", "callee"), &LoadOptions{SkipPins: true})
	if err != nil {
		t.Fatal(err)
	}
	typed, err := MapOf[uint32, uint64](obj.Map("array"))
	if err != nil {
		t.Fatal(err)
	}
	perCPU, err := PerCPUMapOf[uint32, uint64](obj.Map("percpu"))
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
		"nil Program":           (*Program)(nil),
		"nil Map":               (*Map)(nil),
		"nil Variable":          (*Variable)(nil),
		"nil Link":              (*Link)(nil),
		"nil Object":            (*Object)(nil),
		"nil TypedMap":          (*TypedMap[uint32, uint64])(nil),
		"nil Links":             Links(nil),
		"nil PerCPUMap":         (*PerCPUMap[uint32, uint64])(nil),
		"nil Anchor":            Before(nil),
		"nil link anchor":       AfterLink(nil),
		"zero Program":          new(Program),
		"zero Map":              new(Map),
		"zero Variable":         new(Variable),
		"zero Link":             new(Link),
		"zero Object":           new(Object),
		"zero TypedMap":         new(TypedMap[uint32, uint64]),
		"zero PerCPUMap":        new(PerCPUMap[uint32, uint64]),
		"zero Links":            Links{nil, nil},
		"zero BatchCursor":      new(BatchCursor),
		"zero Iterator":         new(Iterator),
		"nil BatchCursor":       (*BatchCursor)(nil),
		"nil Iterator":          (*Iterator)(nil),
		"nil TypedIterator":     (*TypedIterator[uint32, uint64])(nil),
		"zero TypedIterator":    new(TypedIterator[uint32, uint64]),
		"nil PerCPUIterator":    (*PerCPUIterator[uint32, uint64])(nil),
		"zero PerCPUIterator":   new(PerCPUIterator[uint32, uint64]),
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
		"zero Error":            new(Error),
	} {
		errs := callAll(t, what, v)
		for method, err := range errs {
			closing := method == "Close" || method == "Err" || method == "Unwrap"
			if strings.HasPrefix(what, "nil ") && err == nil && what != "nil Links" {
				t.Errorf("%s.%s: no error", what, method)
			}
			switch what {
			case "zero Program", "zero Map", "zero Variable", "zero Link", "zero Object":
				if !errors.Is(err, ErrNotExist) {
					t.Errorf("%s.%s: %v, want ErrNotExist", what, method, err)
				}
			}
			// These need no descriptor: pins are removed by path, and there is nothing to do.
			closing = closing || strings.HasPrefix(method, "Unpin") ||
				strings.HasPrefix(method, "Pin") ||
				what == "closed TypedMap" && strings.HasSuffix(method, "Batch")
			if strings.HasPrefix(what, "closed ") && !closing && !errors.Is(err, ErrClosed) {
				t.Errorf("%s.%s: %v, want ErrClosed", what, method, err)
			}
		}
	}
	for what, err := range map[string]error{
		"Load": second(Load(nil, nil)), "Prepare": second(Prepare(nil, nil)),
		"LoadPlan":    second(LoadPlan(nil, nil)),
		"PreparePlan": second(PreparePlan(nil, nil)), "CreateMap": second(CreateMap(nil, nil)),
		"MapOf": second(MapOf[uint32, uint64](nil)), "VarOf": second(VarOf[uint32](nil)),
		"MemoryOf": second(MemoryOf[uint32](nil)), "UseFD": (*Map)(nil).UseFD(nil),
	} {
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s of nil: %v", what, err)
		}
	}
}
