package arena_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/arena"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The oracle of these tests is testdata/arena.bpf.c, which the kernel runs: it builds what Go walks
// and walks what Go builds.

// node and leaf are struct node and struct leaf of testdata/arena.bpf.c.
type node struct {
	Next  arena.Ptr[node]
	Value uint64
}

func (n *node) next() arena.Ptr[node] { return n.Next.Load() }

type leaf struct {
	Left, Right arena.Ptr[leaf]
	Key         uint64
}

func (l *leaf) children() (left, right arena.Ptr[leaf]) { return l.Left.Load(), l.Right.Load() }

type request struct{ Count, Sum uint64 }

// load loads the programs with an arena that has these flags beside BPF_F_MMAPABLE.
func load(t testing.TB, flags uapi.MapFlags) *bpf.Object {
	t.Helper()
	testkit.Root(t)
	testkit.Kernel(t, "6.9") // arenas
	testkit.LittleEndian(t)
	o, err := bpf.Open("testdata/arena.bpf.o", nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Map("arena").Flags |= flags
	obj, err := bpf.Load(o, nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { obj.Close() })
	return obj
}

// run runs a program and returns its request.
func run(t testing.TB, obj *bpf.Object, program string, count uint64) request {
	t.Helper()
	r := request{Count: count}
	result, err := obj.Program(program).Run(&bpf.RunOptions{
		Context: unsafe.Slice((*byte)(unsafe.Pointer(&r)), unsafe.Sizeof(r)),
	})
	if err != nil || result.Return != 0 {
		t.Fatalf("%s: returns %d, %v", program, result.Return, err)
	}
	return r
}

func root[T any](t testing.TB, obj *bpf.Object, name string) *arena.Ptr[T] {
	t.Helper()
	p, err := arena.Root[T](obj.Variable(name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// values returns the values of the list.
func values(w *arena.Walker, first arena.Ptr[node]) (list []uint64, err error) {
	for n, err := range arena.List(w, first, (*node).next) {
		if err != nil {
			return list, err
		}
		list = append(list, n.Value)
	}
	return list, nil
}

func TestListOfProgram(t *testing.T) {
	obj := load(t, 0)
	first := root[node](t, obj, "first")
	const count = 1000 // some pages
	run(t, obj, "push", count)
	want := make([]uint64, count)
	for i := range want {
		want[i] = uint64(count - i)
	}
	err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		got, err := values(w, first.Load())
		if err == nil && !slices.Equal(got, want) {
			t.Errorf("%d values, not %d: %v", len(got), count, got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTreeOfProgram(t *testing.T) {
	obj := load(t, 0)
	run(t, obj, "plant", 500)
	err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		want := uint64(0)
		for l, err := range arena.Tree(w, root[leaf](t, obj, "root").Load(), (*leaf).children) {
			if err != nil {
				return err
			}
			if l.Key != want {
				t.Errorf("key %d, want %d", l.Key, want)
			}
			want++
		}
		if want != 500 {
			t.Errorf("%d keys", want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestListOfGo(t *testing.T) {
	obj := load(t, 0)
	first := root[node](t, obj, "first")
	h := newHeap(t, obj)
	var nodes []arena.Ptr[node]
	err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		for i := range uint64(1000) {
			p, err := arena.New[node](h)
			if err != nil {
				return err
			}
			n, err := p.In(w)
			if err != nil {
				return err
			}
			n.Value = i + 1
			n.Next = first.Load()
			first.Store(p)
			nodes = append(nodes, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, obj, "sum", 0); r.Count != 1000 || r.Sum != 1000*1001/2 {
		t.Errorf("the program finds %+v", r)
	}
	first.Store(0)
	for _, p := range nodes {
		if err := arena.Free(h, p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTreeOfGo(t *testing.T) {
	obj := load(t, 0)
	h := newHeap(t, obj)
	at := root[leaf](t, obj, "root")
	err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		for key := uint64(20); key > 10; key-- {
			p, err := arena.New[leaf](h)
			if err != nil {
				return err
			}
			at.Store(p)
			l, err := p.In(w)
			if err != nil {
				return err
			}
			l.Key = key
			at = &l.Left
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, obj, "edge", 0); r.Count != 10 || r.Sum != 155 {
		t.Errorf("the program finds %+v", r)
	}
}

// TestWalkWhileGrowing walks a list again and again while a program puts nodes before it. Each walk
// sees a whole list: its values fall by one to 1.
func TestWalkWhileGrowing(t *testing.T) {
	obj := load(t, 0)
	first := root[node](t, obj, "first")
	const rounds, each = 100, 50
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range rounds {
			run(t, obj, "push", each)
		}
	}()
	walked := 0
	for grown := true; grown; {
		select {
		case <-done:
			grown = false
		default:
		}
		err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
			got, err := values(w, first.Load())
			for i, v := range got {
				if v != uint64(len(got)-i) {
					t.Fatalf("value %d of %d is %d", i, len(got), v)
				}
			}
			walked = len(got)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if walked != rounds*each {
		t.Errorf("the last walk saw %d nodes", walked)
	}
}

// TestClose: a walk keeps the arena, Close waits for it, and a later walk is refused.
func TestClose(t *testing.T) {
	obj := load(t, 0)
	run(t, obj, "push", 10)
	first := root[node](t, obj, "first").Load()
	m := obj.Map("arena")
	h := newHeap(t, obj)
	closed := make(chan error, 1)
	err := arena.Walk(m, func(w *arena.Walker) error {
		go func() { closed <- obj.Close() }()
		testkit.Until(t, "Close begins", func() bool { return m.Memory() == nil })
		got, err := values(w, first)
		if len(got) != 10 {
			t.Errorf("%d nodes", len(got))
		}
		return err
	})
	if err := errors.Join(err, <-closed); err != nil {
		t.Error(err)
	}
	err = arena.Walk(m, func(*arena.Walker) error { t.Error("it is called"); return nil })
	if !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := arena.New[node](h); !errors.Is(err, bpf.ErrClosed) {
		t.Errorf("New after Close: %v", err)
	}
}

// TestPageIsMissing touches a page that nobody has allocated, in an arena where the kernel adds
// none.
func TestPageIsMissing(t *testing.T) {
	obj := load(t, uapi.FSegvOnFault)
	run(t, obj, "push", 1)
	m := obj.Map("arena")
	first := root[node](t, obj, "first").Load()
	wild := start[node](m) + 100<<20/16
	err := arena.Walk(m, func(w *arena.Walker) error {
		n, err := wild.In(w)
		if err != nil {
			t.Errorf("inside of the arena: %v", err)
		}
		whole := *n // a copy
		t.Errorf("there is a page: %v", whole)
		return nil
	})
	if !errors.Is(err, syscall.EFAULT) || !strings.Contains(err.Error(), "arena arena: ") {
		t.Errorf("touch: %v", err)
	}
	err = arena.Walk(m, func(w *arena.Walker) error { // a write
		n, err := wild.In(w)
		n.Value = 1
		return err
	})
	if !errors.Is(err, syscall.EFAULT) {
		t.Errorf("write: %v", err)
	}
	err = arena.Walk(m, func(w *arena.Walker) error { // what is there is not affected
		got, err := values(w, first)
		if !slices.Equal(got, []uint64{1}) {
			t.Errorf("values %v", got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestKeptWalker: a Walker that outlives Walk finds nothing, and doesn't crash the process.
func TestKeptWalker(t *testing.T) {
	obj := load(t, 0)
	run(t, obj, "push", 1)
	first := root[node](t, obj, "first").Load()
	var kept *arena.Walker
	if err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		kept = w
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n, err := first.In(kept); n != nil || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("after Walk: %v, %v", n, err)
	}
	if list, err := values(kept, first); len(list) != 0 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("list after Walk: %v, %v", list, err)
	}
}

// TestPanicsPass: a panic that is not a fault in the arena stays one.
func TestPanicsPass(t *testing.T) {
	obj := load(t, 0)
	for what, f := range map[string]func(){
		"index": func() { var none []int; none[len(none)] = 1 },
		"nil":   func() { var none *node; none.Value = 1 },
		"value": func() { panic("value") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			err := arena.Walk(obj.Map("arena"), func(*arena.Walker) error { f(); return nil })
			t.Errorf("%s: Walk returns %v", what, err)
		}()
	}
}

// TestNoUserConversion: where programs leave out the conversion, the lower half is sufficient.
func TestNoUserConversion(t *testing.T) {
	obj := load(t, uapi.FNoUserConv)
	run(t, obj, "push", 100)
	err := arena.Walk(obj.Map("arena"), func(w *arena.Walker) error {
		got, err := values(w, root[node](t, obj, "first").Load()&0xffff_ffff)
		if len(got) != 100 {
			t.Errorf("%d nodes", len(got))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestHostile: wrong pointers and circles end in errors.
func TestHostile(t *testing.T) {
	obj := load(t, 0)
	run(t, obj, "push", 3)
	first := root[node](t, obj, "first").Load()
	m := obj.Map("arena")
	size := arena.Ptr[node](m.MaxEntries()) * arena.Ptr[node](pageSize)
	err := arena.Walk(m, func(w *arena.Walker) error {
		for _, c := range []struct {
			p    arena.Ptr[node]
			want string
		}{
			{0, "null"},
			{first + 1, "not aligned"},
			{start[node](m) + size, "outside"},
			{start[node](m) + size - 8, "would end outside"},
			{first ^ 1<<40, "outside"},
			{^arena.Ptr[node](0) &^ 7, "outside"},
		} {
			n, err := c.p.In(w)
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), c.want) ||
				n != nil {
				t.Errorf("%v: %v, %v; want %q", c.p, n, err, c.want)
			}
			if !c.p.IsNull() {
				if _, err := values(w, c.p); !errors.Is(err, syscall.EINVAL) {
					t.Errorf("list at %v: %v", c.p, err)
				}
			}
		}
		for _, n := range []int{-1, int(size), math.MaxInt} {
			if _, err := first.Slice(w, n); !errors.Is(err, syscall.EINVAL) {
				t.Errorf("%d nodes: %v", n, err)
			}
		}
		if _, err := arena.Ptr[string](first).In(w); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("a string: %v", err)
		}
		if _, err := arena.Ptr[*int](first).In(w); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("a Go pointer: %v", err)
		}
		if _, err := arena.PtrTo(w, new(node)); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("pointer to Go's memory: %v", err)
		}
		n, err := first.In(w)
		if err != nil {
			return err
		}
		if back, err := arena.PtrTo(w, n); back != first || err != nil {
			t.Errorf("there and back: %v, %v, want %v", back, err, first)
		}
		n.Next = first // a circle
		if list, err := values(w, first); !errors.Is(err, syscall.ELOOP) || len(list) == 0 {
			t.Errorf("circle: %d nodes, %v", len(list), err)
		}
		self := func(*node) (left, right arena.Ptr[node]) { return 0, first }
		for _, err = range arena.Tree(w, first, self) {
		}
		if !errors.Is(err, syscall.ELOOP) {
			t.Errorf("tree with a circle on the right: %v", err)
		}
		self = func(*node) (left, right arena.Ptr[node]) { return first, 0 }
		for _, err = range arena.Tree(w, first, self) {
		}
		if !errors.Is(err, syscall.ELOOP) {
			t.Errorf("tree with a circle on the left: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRoot: types that don't fit what a variable points to are refused, with both sizes.
func TestRoot(t *testing.T) {
	obj := load(t, 0)
	if _, err := arena.Root[leaf](obj.Variable("first")); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "24 bytes, the struct node has 16") {
		t.Errorf("another struct: %v", err)
	}
	if _, err := arena.Root[[2]uint32](obj.Variable("first")); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("an array: %v", err)
	}
	if _, err := arena.Root[node](obj.Variable("sequence")); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "not a pointer") {
		t.Errorf("a number: %v", err)
	}
	if _, err := arena.Root[node](obj.Variable("none")); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("no variable: %v", err)
	}
}

// TestOtherMaps: what is not an arena is refused. Oracle: the kernel made an array.
func TestOtherMaps(t *testing.T) {
	testkit.Root(t)
	m, err := bpf.CreateMap(&object.Map{
		Name: "array", Type: uapi.MapArray, KeySize: 4, ValueSize: 8, MaxEntries: 1,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := arena.Walk(m, nil); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "not an arena") {
		t.Errorf("walk: %v", err)
	}
	if _, err := arena.NewHeap(m); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("heap: %v", err)
	}
	if err := arena.Walk(nil, nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("walk no map: %v", err)
	}
	if err := arena.Walk(new(bpf.Object).Map("x"), nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("walk a map of no object: %v", err)
	}
}
