package btf

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// The oracle is a simple scan of the kernel's BTF. The test looks up a thousand names of all kinds,
// prefetched, one by one, and after the index was built.
func TestNamedVmlinux(t *testing.T) {
	byName := map[string][]ID{}
	all := vmlinux(t)
	for typ := range all.Types() {
		if n := typ.Name(); n != "" && typ.Kind() != KindFunc {
			byName[EssentialName(n)] = append(byName[EssentialName(n)], typ.ID())
		}
	}
	var names []string
	for typ := range all.Types() {
		if n := typ.Name(); n != "" && typ.ID()%113 == 0 {
			names = append(names, EssentialName(n))
		}
	}
	names = append(names, "no such type", "x", "task_struct", "list_head", "u8", "pid")
	for _, mode := range []string{"prefetch", "one by one"} {
		s := vmlinux(t)
		if mode == "prefetch" {
			s.Prefetch(names...)
			if s.named.passes != 1 || s.named.index != nil {
				t.Error("prefetching took more than one pass")
			}
		}
		for i, name := range names {
			if _, want := slowNamed(all, name); i < 8 && !slices.Equal(s.Funcs(name), want) {
				t.Errorf("%s: Funcs(%q) = %v, want %v", mode, name, s.Funcs(name), want)
			}
			if got := s.Named(name); !slices.Equal(got, byName[name]) {
				t.Errorf("%s: Named(%q) = %v, want %v", mode, name, got, byName[name])
			}
		}
		if mode == "one by one" && s.named.index == nil {
			t.Error("a thousand names did not make the index")
		}
	}
}

// Many goroutines use a split spec and its base at once; run with -race. The oracle is a second
// Spec used by one goroutine.
func TestConcurrent(t *testing.T) {
	base := vmlinux(t)
	b := NewBuilder(base)
	for i := range 300 {
		b.AddStruct(fmt.Sprintf("own_%d", i), 8)
		b.AddTypedef("task_struct", b.Len()-1)
	}
	raw := b.Bytes()
	split, err := Parse(raw, base)
	if err != nil {
		t.Fatal(err)
	}
	alone := vmlinux(t)
	aloneSplit, err := Parse(raw, alone)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			split.Funcs([]string{"vfs_read", "file", "bio"}[g%3])
			split.Prefetch("file", fmt.Sprintf("own_%d", g))
			for i := range 40 {
				name := fmt.Sprintf("own_%d", (g*7+i)%310)
				split.Named(name)
				split.FindByName("task_struct", KindStruct)
				base.Named([]string{"file", "inode", "nothing", "sock", "net", "bio",
					"dentry"}[(g+i)%7])
				base.Funcs([]string{"vfs_read", "file", "nothing"}[(g+i)%3])
				id, _ := split.FindAny("task_struct")
				split.SizeOf(id)
				split.AlignOf(id)
				nb := NewBuilder(split)
				nb.AddString("task_struct")
				nb.AddString(name)
			}
		}()
	}
	wg.Wait()
	for i := range 310 {
		name := fmt.Sprintf("own_%d", i)
		if got, want := split.Named(name), aloneSplit.Named(name); !slices.Equal(got, want) {
			t.Errorf("Named(%q) = %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"file", "inode", "nothing", "sock", "net", "bio", "dentry",
		"task_struct"} {
		types, funcs := slowNamed(alone, name)
		if got := base.Named(name); !slices.Equal(got, types) {
			t.Errorf("Named(%q) = %v, want %v", name, got, types)
		}
		if got := base.Funcs(name); !slices.Equal(got, funcs) {
			t.Errorf("Funcs(%q) = %v, want %v", name, got, funcs)
		}
	}
}
