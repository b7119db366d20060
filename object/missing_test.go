package object_test

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"testing"

	"github.com/purebpf/bpf/object"
)

// TestMissing looks up names that the object does not have, and calls every method of nil pointers
// and zero values: they must return errors without panics. The oracle is testdata/maps.bpf.c, which
// has the similar names.
func TestMissing(t *testing.T) {
	raw, err := os.ReadFile("../testdata/maps.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	o, err := object.Parse(raw, "maps")
	if err != nil {
		t.Fatal(err)
	}
	for name, find := range map[string]func(string) (any, error){
		"hash":      func(s string) (any, error) { return o.FindMap(s) },
		".rodata":   func(s string) (any, error) { return o.FindMap(s) },
		"count":     func(s string) (any, error) { return o.FindProgram(s) },
		"threshold": func(s string) (any, error) { return o.FindVariable(s) },
	} {
		if x, err := find(name); err != nil || reflect.ValueOf(x).IsNil() {
			t.Errorf("%s: %v, %v", name, x, err)
		}
		kind := map[string]string{"count": "program", "threshold": "variable"}[name]
		if kind == "" {
			kind = "map"
		}
		want := "maps: the object has no " + kind + " " + name + "x; near: " + name
		if _, err := find(name + "x"); !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := o.Variable("tresholdx").Set(1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for what, x := range map[string]any{
		"nil Object": (*object.Object)(nil), "nil Map": (*object.Map)(nil),
		"nil Variable": (*object.Variable)(nil),
		"zero Object":  new(object.Object), "zero Map": new(object.Map),
		"zero Variable": new(object.Variable),
	} {
		v := reflect.ValueOf(x)
		for i := range v.NumMethod() {
			name, method := v.Type().Method(i).Name, v.Method(i)
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%s.%s panics: %v", what, name, p)
					}
				}()
				var args []reflect.Value
				for j := range method.Type().NumIn() {
					args = append(args, reflect.Zero(method.Type().In(j)))
				}
				method.Call(args)
			}()
		}
	}
}
