package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// besideClose runs each of ops repeatedly, and shut when all of them have run. After it they must
// end with ErrClosed. The oracles are Go's race detector and the kernel, which kills a process that
// uses unmapped memory.
func besideClose(t *testing.T, shut func() error, ops map[string]func() error) {
	t.Helper()
	var wg, ran sync.WaitGroup
	for name, op := range ops {
		ran.Add(1)
		wg.Go(func() {
			for n := 0; ; n++ {
				err := op()
				if n == 0 {
					ran.Done()
				}
				if errors.Is(err, bpf.ErrClosed) {
					return
				}
				if err != nil && !errors.Is(err, bpf.ErrNotExist) && !errors.Is(err, bpf.ErrExist) {
					t.Errorf("%s: %v", name, err)
					if n > 0 {
						return
					}
				}
				runtime.Gosched()
			}
		})
	}
	ran.Wait()
	if err := shut(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// TestCloseBeside closes an object while its methods and those of its maps and programs run.
func TestCloseBeside(t *testing.T) {
	testkit.Root(t)
	for range 20 {
		obj, err := bpf.Load(only(open(t, "maps"), "count", "callee"),
			&bpf.LoadOptions{SkipPins: true})
		if err != nil {
			t.Fatal(err)
		}
		m, array, percpu := obj.Map("hash"), obj.Map("array"), obj.Map("percpu")
		typed, err := bpf.MapOf[uint32, uint64](array)
		if err != nil {
			t.Fatal(err)
		}
		perCPU, err := bpf.PerCPUMapOf[uint32, uint64](percpu)
		if err != nil {
			t.Fatal(err)
		}
		p, calls, pair := obj.Program("count"), obj.Variable("calls"), obj.Variable("pair")
		besideClose(t, obj.Close, map[string]func() error{
			"Variable.Get":  func() error { var n uint64; return calls.Get(&n) },
			"Variable.Get2": func() error { var n [2]uint16; return pair.Get(&n) },
			"Variable.Set":  func() error { return pair.Set([2]uint16{3, 4}) },
			"Lookup":        func() error { _, err := typed.Lookup(1); return err },
			"LookupBytes": func() error {
				_, err := array.LookupBytes(make([]byte, 4))
				return err
			},
			"Update": func() error {
				return m.Update(make([]byte, m.KeySize()), make([]byte, m.ValueSize()), 0)
			},
			"Delete": func() error { return m.Delete(make([]byte, m.KeySize())) },
			"LookupAndDelete": func() error {
				return m.LookupAndDelete(make([]byte, m.KeySize()), make([]byte, m.ValueSize()), 0)
			},
			"NextKey": func() error { return array.NextKey(nil, make([]byte, 4)) },
			"PerCPU":  func() error { _, err := perCPU.Lookup(1, nil); return err },
			"UpdateBatch": func() error {
				return second(typed.UpdateBatch([]uint32{1}, []uint64{2}, 0))
			},
			"LookupBatch": func() error {
				_, err := array.NewBatchCursor().LookupBatch(make([]byte, 16), make([]byte, 32), 0)
				return err
			},
			"Iterate": func() error {
				it := typed.Iterate()
				drainSeq(it.All())
				return it.Err()
			},
			"Memory":      func() error { obj.Map(".bss").Memory(); return second(array.Info()) },
			"Map.Clone":   func() error { return closing(array.Clone()) },
			"MapFromInfo": func() error { return second(percpu.Info()) },
			"Run": func() error {
				return second(p.Run(&bpf.RunOptions{Data: make([]byte, 64)}))
			},
			"Program":  func() error { return second(p.Info()) },
			"Clone":    func() error { return closing(p.Clone(nil)) },
			"Links":    func() error { obj.Links(); obj.NotAttached(); return second(p.Info()) },
			"Attach":   func() error { return second(obj.Attach()) },
			"ReadOnly": func() error { calls.ReadOnly(); return calls.Set(uint64(1)) },
			"Bytes":    func() error { return second(calls.Bytes()) },
		})
	}
}

func drainSeq[K, V any](all func(func(K, V) bool)) { all(func(K, V) bool { return true }) }

// closing closes the result of a function.
func closing[C io.Closer](c C, err error) error {
	if err != nil {
		return err
	}
	return c.Close()
}

// TestCloseBesideLoad closes an object while its programs are being loaded: no descriptor stays
// open, which testkit.Main checks.
func TestCloseBesideLoad(t *testing.T) {
	testkit.Root(t)
	for range 10 {
		obj, err := bpf.Prepare(only(open(t, "maps"), "count", "callee"),
			&bpf.LoadOptions{SkipPins: true})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- obj.Load() }()
		runtime.Gosched()
		obj.Close()
		if err := <-done; err != nil && !errors.Is(err, bpf.ErrClosed) {
			t.Error(err)
		}
		if _, err := obj.Program("count").Info(); !errors.Is(err, bpf.ErrClosed) && err == nil {
			t.Error("the program outlives its object")
		}
	}
}

// TestCloseBesideLink closes a link beside its other methods.
func TestCloseBesideLink(t *testing.T) {
	obj := attachObject(t)
	nowhere := filepath.Join(t.TempDir(), "none", "link")
	for range 20 {
		l, err := obj.Program("on_getpriority").Attach()
		if err != nil {
			t.Fatal(err)
		}
		besideClose(t, l.Close, map[string]func() error{
			"Info": func() error { return second(l.Info()) },
			"Pin": func() error {
				if err := l.Pin(nowhere); !errors.Is(err, syscall.EINVAL) {
					return err
				}
				return nil
			},
			"PinPath": func() error { l.PinPath(); _ = l.FD(); return second(l.Info()) },
		})
	}
}

// TestCloseReuse looks up values in maps that are closed meanwhile, while others open maps all the
// time and so get the numbers of closed descriptors. The oracle is the value: it must be that of
// the map.
func TestCloseReuse(t *testing.T) {
	testkit.Root(t)
	spec := &object.Map{Name: "reuse", Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 1}
	const ours, strange = 0xAAAA, 0xBBBB
	create := func(value uint64) *bpf.Map {
		m, err := bpf.CreateMap(spec, nil)
		if err != nil {
			t.Error(err)
			return nil
		}
		if err := m.Update(make([]byte, 4),
			binary.NativeEndian.AppendUint64(nil, value), 0); err != nil {
			t.Error(err)
		}
		return m
	}
	var end atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !end.Load() {
				create(strange).Close()
			}
		})
	}
	for range 300 {
		m := create(ours)
		besideClose(t, m.Close, map[string]func() error{
			"one": func() error { return isOurs(t, m, ours) },
			"two": func() error { return isOurs(t, m, ours) },
		})
	}
	end.Store(true)
	wg.Wait()
}

func isOurs(t *testing.T, m *bpf.Map, want uint64) error {
	got, err := m.LookupBytes(make([]byte, 4))
	if err == nil && binary.NativeEndian.Uint64(got) != want {
		t.Errorf("got the value %#x of another map", got)
	}
	return err
}
