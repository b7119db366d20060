package tc_test

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/tc"
)

// failing refuses one of the netlink requests.
type failing struct {
	funnel.Kernel
	at int // which one, -1 for none
	n  int
}

func (f *failing) Netlink(family int, request []byte, receive func([]byte) (bool, error)) error {
	f.n++
	if f.n-1 != f.at {
		return f.Kernel.Netlink(family, request, receive)
	}
	return syscall.EMFILE
}

func (f *failing) during(call func() error) error {
	defer funnel.Replace(f)()
	return call()
}

// TestAttachFaults refuses each request of Attach: nothing is attached then. The oracle is tc(8).
func TestAttachFaults(t *testing.T) {
	testkit.Netns(t)
	p := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first").Program("tc_first")
	hook := tc.Hook{Interface: "lo", Point: tc.Ingress}
	if err := hook.Create(); err != nil {
		t.Fatal(err)
	}
	attach := func() error {
		f, err := tc.Attach(p, hook, nil)
		if err != nil {
			return err
		}
		return f.Detach()
	}
	all := &failing{at: -1}
	if err := all.during(attach); err != nil {
		t.Fatal(err)
	}
	requests := 0
	for ; requests < all.n; requests++ {
		fault := &failing{at: requests}
		attached := false
		err := fault.during(func() error {
			f, err := tc.Attach(p, hook, nil)
			if attached = err == nil; attached {
				err = f.Detach()
			}
			return err
		})
		if attached {
			break // the rest are Detach's
		}
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("request %d: %v", requests, err)
		}
		if list, _ := shownByTC(t, "ingress"); len(list) != 0 {
			t.Errorf("request %d: tc shows %v", requests, list)
		}
	}
	if requests < 2 {
		t.Errorf("Attach made %d requests", requests)
	}
}

// TestFilterFaults: a failure to ask for filters is no answer, neither that there are none nor that
// there is no such filter. The oracle is the filter that tc(8) shows.
func TestFilterFaults(t *testing.T) {
	testkit.Netns(t)
	hook := tc.Hook{Interface: "lo", Point: tc.Ingress}
	if err := hook.Create(); err != nil {
		t.Fatal(err)
	}
	f, err := tc.Attach(bpftest.Load(t, "../testdata/net.bpf.o", "tc_first").Program("tc_first"),
		hook, nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, ask := range map[string]func() error{
		"Filters": func() error { return second(hook.Filters()) },
		"Query":   func() error { return second(hook.Query(f.Handle, f.Priority)) },
		"Detach":  f.Detach,
	} {
		count := &failing{at: -1}
		if what != "Detach" {
			if err := count.during(ask); err != nil {
				t.Fatal(err)
			}
		}
		for at := range max(2, count.n) { // of Detach, those before it takes effect
			err := (&failing{at: at}).during(ask)
			if !errors.Is(err, syscall.EMFILE) || errors.Is(err, bpf.ErrNotExist) {
				t.Errorf("%s: request %d failed: %v", what, at, err)
			}
		}
	}
	if list, known := shownByTC(t, "ingress"); known && !slices.Contains(list, label(f)) {
		t.Errorf("tc shows %v, not %s", list, label(f))
	}
}

// TestUnplug: the filter of an interface that is gone doesn't exist, and nothing of one that took
// its name, or its name and index, is detached. The oracle is tc(8).
func TestUnplug(t *testing.T) {
	obj := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first", "tc_second")
	options := &tc.Options{Handle: 7, Priority: 7}
	hook := tc.Hook{Interface: "v0", Point: tc.Ingress}
	for name, add := range map[string]string{
		"gone":                "",
		"same name":           "link add v0 type veth peer name v1",
		"same name and index": "link add v0 index %d type veth peer name v1",
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Netns(t)
			ip := func(command string) {
				t.Helper()
				testkit.Run(t, "ip", strings.Fields(command)...)
			}
			ip("link add v0 type veth peer name v1")
			if err := hook.Create(); err != nil {
				t.Fatal(err)
			}
			v0, err := net.InterfaceByName("v0")
			if err != nil {
				t.Fatal(err)
			}
			f, err := tc.Attach(obj.Program("tc_first"), hook, options)
			if err != nil {
				t.Fatal(err)
			}
			ip("link del v0")
			fails := map[string]error{"Detach": nil}
			if add == "" {
				fails["Attach"] = second(tc.Attach(obj.Program("tc_first"), hook, nil))
				fails["Filters"] = second(hook.Filters())
				fails["Query"] = second(hook.Query(7, 7))
				fails["Create"], fails["Destroy"] = hook.Create(), hook.Destroy()
			} else {
				if strings.Contains(add, "%d") {
					add = fmt.Sprintf(add, v0.Index)
				}
				ip(add)
				if err := hook.Create(); err != nil {
					t.Fatal(err)
				}
				if _, err := tc.Attach(obj.Program("tc_second"), hook, options); err != nil {
					t.Fatal(err)
				}
			}
			fails["Detach"] = f.Detach()
			for what, err := range fails {
				if !errors.Is(err, bpf.ErrNotExist) || strings.Contains(err.Error(), "\n") ||
					!strings.Contains(err.Error(), "v0") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if add == "" {
				return
			}
			out := string(testkit.Run(t, "tc", "filter", "show", "dev", "v0", "ingress"))
			if !strings.Contains(out, "tc_second") {
				t.Errorf("tc says %s", out)
			}
		})
	}
}

// TestNames names an interface by its name, an alternative one and its index, also where a name
// looks like the index of another. The filter goes under whatever name the interface has by then.
// The oracle is tc(8).
func TestNames(t *testing.T) {
	testkit.Netns(t)
	p := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first").Program("tc_first")
	const long = "a-name-that-is-longer-than-names-of-interfaces"
	ip := func(arguments ...string) { t.Helper(); testkit.Run(t, "ip", arguments...) }
	ip("link", "add", "1", "index", "77", "type", "veth", "peer", "name", "v1")
	ip("link", "property", "add", "dev", "1", "altname", long)
	for _, name := range []string{"1", long, "77"} {
		hook := tc.Hook{Interface: name, Point: tc.Ingress}
		if err := hook.Create(); err != nil {
			t.Fatal(err)
		}
		f, err := tc.Attach(p, hook, nil)
		if err != nil {
			t.Fatal(err)
		}
		out := string(testkit.Run(t, "tc", "filter", "show", "dev", "1", "ingress"))
		if !strings.Contains(out, "tc_first") {
			t.Errorf("%s: tc says %s", name, out)
		}
		ip("link", "set", "1", "name", "renamed")
		if err := f.Detach(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ip("link", "set", "renamed", "name", "1")
		hook.Point = tc.Both
		if err := hook.Destroy(); err != nil {
			t.Error(err)
		}
	}
}

// TestPrivileges does what takes CAP_NET_ADMIN with it and without it. The oracle is the kernel,
// which refuses the latter; the error names the capability.
func TestPrivileges(t *testing.T) {
	p := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first").Program("tc_first")
	hook := tc.Hook{Interface: "lo", Point: tc.Ingress}
	steps := func(each func(name string, err error)) func() error {
		return func() error {
			each("Create", hook.Create())
			each("Filters", second(hook.Filters()))
			f, err := tc.Attach(p, hook, nil)
			each("Attach", err)
			if err == nil {
				each("Detach", f.Detach())
			}
			each("Destroy", tc.Hook{Interface: "lo", Point: tc.Both}.Destroy())
			return nil
		}
	}
	testkit.WithCapabilities(t, []kernel.Capability{kernel.CapNetAdmin},
		steps(func(name string, err error) {
			if err != nil {
				t.Errorf("%s with CAP_NET_ADMIN: %v", name, err)
			}
		}))
	all := []kernel.Capability{kernel.CapBPF, kernel.CapPerfmon, kernel.CapSysAdmin}
	testkit.WithCapabilities(t, all, steps(func(name string, err error) {
		if name == "Filters" { // anyone may ask
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		if !errors.Is(err, bpf.ErrPermission) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
			t.Errorf("%s without CAP_NET_ADMIN: %v", name, err)
		}
	}))
}

// TestZero calls the methods of zero values and attaches programs that can't be. The oracle is that
// Go doesn't panic and no interface is called "".
func TestZero(t *testing.T) {
	testkit.Root(t)
	for _, v := range []any{tc.Hook{}, new(tc.Filter)} {
		value := reflect.ValueOf(v)
		for i := range value.NumMethod() {
			m := value.Method(i)
			name := value.Type().Method(i).Name
			var in []reflect.Value
			for k := range m.Type().NumIn() {
				in = append(in, reflect.Zero(m.Type().In(k)))
			}
			out := m.Call(in)
			if err, ok := out[len(out)-1].Interface().(error); name != "String" &&
				(!ok || err == nil) {
				t.Errorf("%T.%s: no error", v, name)
			}
		}
	}
	obj := bpftest.Load(t, "../testdata/net.bpf.o", "tc_first")
	closed := obj.Program("tc_first")
	if err := obj.Close(); err != nil {
		t.Fatal(err)
	}
	hook := tc.Hook{Interface: "lo", Point: tc.Ingress}
	if _, err := tc.Attach(closed, hook, nil); !errors.Is(err, bpf.ErrClosed) ||
		!strings.Contains(err.Error(), "attach program tc_first to lo (tc ingress): ") {
		t.Error(err)
	}
	if _, err := tc.Attach(nil, hook, nil); err == nil || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}
