package ringbuf

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
)

// TestNoReader calls every method of readers that are nil, zero or closed: they must return errors
// without panics. The error names a missing map.
func TestNoReader(t *testing.T) {
	obj := loadRing(t)
	if _, err := NewReader(obj.Map("event"), nil); !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "the object has no map event; near: events") {
		t.Error(err)
	}
	if _, err := NewReader(nil, nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	closed, err := NewReader(obj.Map("events"), nil)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for what, r := range map[string]*Reader{"nil": nil, "zero": new(Reader), "closed": closed} {
		v := reflect.ValueOf(r)
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
					arg := reflect.Zero(method.Type().In(j))
					if arg.Type() == reflect.TypeFor[context.Context]() {
						arg = reflect.ValueOf(t.Context())
					}
					args = append(args, arg)
				}
				for _, result := range method.Call(args) {
					if result.Kind() == reflect.Func && !result.IsNil() {
						for range result.Seq() {
							t.Errorf("%s.%s yields something", what, name)
						}
					}
					if e, _ := result.Interface().(error); e == nil && what != "closed" &&
						result.Type() == reflect.TypeFor[error]() && name != "ConsumeN" {
						t.Errorf("%s.%s: no error", what, name)
					}
				}
			}()
		}
	}
}
