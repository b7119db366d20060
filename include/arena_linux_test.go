//go:build amd64

package include_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

// arenaSelftest compiles a selftest of Linux 6.12 twice: with the selftests' own headers for
// arenas, and with bpf/bpf_arena.h in the place of bpf_arena_common.h and bpf_arena_list.h. It
// returns the objects and the folders of the headers.
func arenaSelftest(t *testing.T, name string) (objects, dirs [2]string) {
	t.Helper()
	tree := testkit.KernelSource(t, "6.12")
	folder := filepath.Join(tree, "tools/testing/selftests/bpf")
	headers, err := filepath.Glob(filepath.Join(folder, "bpf_arena_*.h"))
	if err != nil || len(headers) == 0 {
		t.Fatalf("no headers: %v", err)
	}
	here, err := filepath.Abs("bpf")
	if err != nil {
		t.Fatal(err)
	}
	vmlinuxHeader(t)
	for i := range dirs {
		dirs[i] = t.TempDir()
		if err := os.Symlink(here, filepath.Join(dirs[i], "bpf")); err != nil {
			t.Fatal(err)
		}
		for _, header := range headers {
			name := filepath.Base(header)
			text, err := os.ReadFile(header)
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 && (name == "bpf_arena_common.h" || name == "bpf_arena_list.h") {
				text = []byte("#include <bpf/bpf_arena.h>\n")
			}
			if err := os.WriteFile(filepath.Join(dirs[i], name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		objects[i], err = compileSource(t, tree, filepath.Join(folder, "progs", name), dirs[i])
		if err != nil {
			t.Fatal(err)
		}
	}
	return objects, dirs
}

// Selftests that have only macros and kfuncs of bpf_arena.h are the same objects as with the
// selftests' header. Oracle: that header and clang.
func TestArenaHeader(t *testing.T) {
	names := []string{"arena_atomics.c", "verifier_arena.c", "verifier_arena_large.c"}
	for _, name := range testkit.Spread(t, "selftests", names, 1) {
		t.Run(name, func(t *testing.T) {
			objects, dirs := arenaSelftest(t, name)
			compareObjects(t, objects[0], objects[1], dirs[0], dirs[1])
		})
	}
}

// The functions for lists are not the selftests', but do the same: what the selftests' programs
// put in they take out, and their hash table works. Oracle: the kernel, and the sum of what
// arena_list.c lists.
func TestArenaLists(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9") // arenas
	load := func(name string) *bpf.Object {
		objects, _ := arenaSelftest(t, name)
		o, err := bpf.Open(objects[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		obj, err := bpf.Load(o, nil)
		if err != nil {
			t.Fatalf("%+v", err)
		}
		t.Cleanup(func() { obj.Close() })
		return obj
	}
	run := func(obj *bpf.Object, program string) {
		t.Helper()
		if r, err := obj.Program(program).Run(nil); err != nil || r.Return != 0 {
			t.Fatalf("%s: %d, %v", program, r.Return, err)
		}
	}
	list := load("arena_list.c")
	const n = 1000
	if err := list.Variable("cnt").Set(uint32(n)); err != nil {
		t.Fatal(err)
	}
	run(list, "arena_list_add")
	run(list, "arena_list_del")
	if got := variable[int32](t, list, "list_sum"); got != n*(n-1)/2 {
		t.Errorf("the list's sum is %d instead of %d", got, n*(n-1)/2)
	}
	run(load("arena_htab.c"), "arena_htab_llvm")
}
