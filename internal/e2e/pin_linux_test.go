package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// renamed returns an object in which a map and a program have other names, such as any tool can
// make: the compiler's are overwritten, in the symbols and in BTF.
func renamed(t *testing.T, mapName, programName string) *object.Object {
	t.Helper()
	raw, err := os.ReadFile(testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct {
	__uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 10); __type(key, int); __type(value, int);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} MAPNAMEPLACEHOLDERXXXXXXXXXXXX SEC(".maps");
SEC("socket") int PROGNAMEPLACEHOLDERXXXXXXXXXXX(void *ctx)
{
	int k = 1;
	bpf_map_update_elem(&MAPNAMEPLACEHOLDERXXXXXXXXXXXX, &k, &k, 0);
	return 0;
}
char _license[] SEC("license") = "GPL";
`))
	if err != nil {
		t.Fatal(err)
	}
	for was, name := range map[string]string{"MAPNAMEPLACEHOLDERXXXXXXXXXXXX": mapName,
		"PROGNAMEPLACEHOLDERXXXXXXXXXXX": programName} {
		raw = bytes.ReplaceAll(raw, []byte(was+"\x00"),
			[]byte(name+strings.Repeat("\x00", len(was)+1-len(name))))
	}
	o, err := object.Parse(raw, "renamed")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Maps) != 1 || o.Maps[0].Name != mapName || len(o.Programs) != 1 ||
		o.Programs[0].Name != programName {
		t.Fatalf("renamed to %q, %q", o.Maps[0].Name, o.Programs[0].Name)
	}
	return o
}

// endless removes the exit of the object's program, so that the verifier refuses it.
func endless(o *object.Object) {
	insns := o.Programs[0].Insns
	insns[len(insns)-1] = insns[len(insns)-2]
}

// tree lists everything below a directory.
func tree(t testing.TB, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		list = append(list, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// pathNames are names of maps and programs that would be other paths. The kernel reads no more than
// the first 15 bytes of a name.
var pathNames = []string{"../other/victim", "..", ".", "a/b", "/abs",
	"fifteen_letters/../../../m/x", "esc\x1b[31m", "two\nlines", "rlo\u202e", "bad\xff"}

// TestPinNames: a name that is a path is refused before anything is created. Oracle: the file
// systems, and the map that must not change.
func TestPinNames(t *testing.T) {
	root := testkit.BPFFS(t)
	for _, dir := range []string{"sandbox", "other"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sandbox := filepath.Join(root, "sandbox")
	victim := load(t, renamed(t, "victim", "p"),
		&bpf.LoadOptions{PinRoot: filepath.Join(root, "other")}).Map("victim")
	before := tree(t, root)
	refused := func(what, name string, err error) {
		t.Helper()
		if !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "can't be part of a path") ||
			!utf8.ValidString(err.Error()) ||
			strings.ContainsAny(err.Error(), "\n\x1b\u202e") {
			t.Errorf("%s %q: %v", what, name, err)
		}
		if now := tree(t, root); !slices.Equal(now, before) {
			t.Fatalf("%s %q: there is %q, was %q", what, name, now, before)
		}
	}
	for _, name := range pathNames {
		obj, err := bpf.Load(renamed(t, name, "p"), &bpf.LoadOptions{PinRoot: sandbox})
		if err == nil {
			obj.Close()
		}
		refused("load map", name, err)
	}
	for _, name := range pathNames[:6] {
		// The kernel refuses most of these names; it gets none, as on kernels without names.
		restore := funnel.Replace(nameless{})
		obj, err := bpf.Load(renamed(t, name, "fifteen_letters"), &bpf.LoadOptions{SkipPins: true})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Trim(name, ".") != "" { // maps are pinned with '_' for '.'

			refused("pin map", name, obj.PinMaps(sandbox))
			refused("pin object", name, obj.Pin(filepath.Join(sandbox, "new")))
			refused("unpin map", name, obj.UnpinMaps(sandbox))
		}
		obj.Close()
		if obj, err = bpf.Load(renamed(t, "m", name),
			&bpf.LoadOptions{SkipPins: true}); err != nil {
			t.Fatal(err)
		}
		refused("pin program", name, obj.PinPrograms(sandbox))
		refused("pin object", name, obj.Pin(filepath.Join(sandbox, "new")))
		refused("unpin program", name, obj.UnpinPrograms(sandbox))
		obj.Close()
		restore()
	}
	if err := victim.NextKey(nil, make([]byte, 4)); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("something was written to a foreign map: %v", err)
	}
}

// nameless gives maps and programs no names.
type nameless struct{ funnel.Kernel }

func (n nameless) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	switch cmd {
	case uapi.CmdMapCreate:
		(*sys.MapCreateAttr)(attr).Name = sys.ObjName{}
	case uapi.CmdProgLoad:
		(*sys.ProgLoadAttr)(attr).Name = sys.ObjName{}
	}
	return n.Kernel.BPF(cmd, attr, size, common)
}

// TestPinFails: a failure leaves nothing behind, and the error has the name or directory. Oracle:
// the file system.
func TestPinFails(t *testing.T) {
	dir := testkit.BPFFS(t)
	obj := load(t, renamed(t, "m", "p"), &bpf.LoadOptions{SkipPins: true})
	m, p := obj.Map("m"), obj.Program("p")
	for _, c := range []struct {
		what string
		err  error
		is   error
		says string
	}{
		{"map with a dot", m.Pin(dir + "/hits.map"), bpf.ErrPermission,
			`names on a BPF file system must not have a dot, as "hits.map" has`},
		{"program with a dot", p.Pin(dir + "/sf.v1"), bpf.ErrPermission,
			`must not have a dot, as "sf.v1" has`},
		{"below a directory with a dot", p.Pin(dir + "/my.app/sf"), bpf.ErrPermission,
			`must not have a dot, as "my.app" has`},
		{"maps in a directory with a dot", obj.PinMaps(dir + "/my.maps"), bpf.ErrPermission,
			`must not have a dot, as "my.maps" has`},
		{"two levels", p.Pin(dir + "/a/b/c/sf"), bpf.ErrNotExist, "there is no directory " + dir +
			"/a, and only the last directory of a path is created"},
		{"no name", p.Pin(dir + "/"), syscall.EINVAL, "does not end in a name"},
		{"a directory's name", p.Pin(dir + "/.."), syscall.EINVAL, "does not end in a name"},
		{"NUL", p.Pin(dir + "/a\x00b"), syscall.EINVAL, "NUL"},
		{"too long", p.Pin(dir + "/new/" + strings.Repeat("a", 256)), syscall.ENAMETOOLONG,
			"file name too long"},
		{"elsewhere", p.Pin(t.TempDir() + "/new/p"), syscall.EINVAL, "is not on a BPF file system"},
		{"at no directory", p.Pin("/proc/self/exe/p"), syscall.ENOTDIR, "not a directory"},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.what, c.err, c.says)
		}
		if now := tree(t, dir); len(now) != 1 {
			t.Fatalf("%s: there is %q", c.what, now)
		}
	}
	for _, path := range []string{dir + "/hits.map", dir + "/my.app/m"} {
		if _, err := bpf.OpenMap(path, 0); !errors.Is(err, bpf.ErrPermission) ||
			!strings.Contains(err.Error(), "must not have a dot") {
			t.Error(err)
		}
	}
	if err := m.Pin(dir + "/m"); err != nil {
		t.Fatal(err)
	}
	err := p.Pin(dir + "/m")
	if !errors.Is(err, bpf.ErrExist) ||
		!strings.Contains(err.Error(), "remove the file at that path") {
		t.Error(err)
	}
	if err := m.Unpin(); err != nil {
		t.Fatal(err)
	}
	obj.Close()
	for what, err := range map[string]error{"object": obj.Pin(dir + "/new"),
		"maps": obj.PinMaps(dir + "/new"), "programs": obj.PinPrograms(dir + "/new"),
		"map": m.Pin(dir + "/m"), "program": p.Pin(dir + "/new/p")} {
		if !errors.Is(err, bpf.ErrClosed) {
			t.Errorf("closed %s: %v", what, err)
		}
	}
	if now := tree(t, dir); len(now) != 1 {
		t.Errorf("there is %q", now)
	}
}

// swapper replaces a directory by a symlink while something is pinned or opened there.
type swapper struct {
	funnel.Kernel
	cmd      uapi.Cmd
	dir, to  string
	happened int
}

func (s *swapper) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd == s.cmd && s.happened == 0 {
		s.happened++
		if err := errors.Join(os.Rename(s.dir, s.dir+"_moved"),
			os.Symlink(s.to, s.dir)); err != nil {
			panic(err)
		}
	}
	return s.Kernel.BPF(cmd, attr, size, common)
}

// TestPinSwapped: replacing the directory by a symlink has no effect from the moment that it was
// checked. Oracle: the file system.
func TestPinSwapped(t *testing.T) {
	for _, cmd := range []uapi.Cmd{uapi.CmdObjGet, uapi.CmdMapCreate, uapi.CmdObjPin,
		uapi.CmdProgLoad} {
		root := testkit.BPFFS(t)
		ours, foreign := filepath.Join(root, "ours"), filepath.Join(root, "foreign")
		for _, dir := range []string{ours, foreign} {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		o := renamed(t, "m", "p")
		if cmd == uapi.CmdProgLoad {
			endless(o) // the load fails, and removes its pin
			load(t, renamed(t, "m", "p"), &bpf.LoadOptions{PinRoot: foreign})
		}
		s := &swapper{cmd: cmd, dir: ours, to: foreign}
		if cmd == uapi.CmdMapCreate || cmd == uapi.CmdProgLoad {
			s.cmd = uapi.CmdObjGet // later ones are probes
		}
		restore := funnel.Replace(s)
		obj, err := bpf.Load(o, &bpf.LoadOptions{PinRoot: ours})
		restore()
		if s.happened == 0 || (err != nil) != (cmd == uapi.CmdProgLoad) {
			t.Fatal(s.happened, err)
		}
		in, out := tree(t, ours+"_moved"), tree(t, foreign)
		if err == nil {
			obj.Close()
			if len(in) != 2 || len(out) != 1 {
				t.Errorf("%v: pinned %q, in the foreign directory %q", cmd, in, out)
			}
		} else if len(in) != 1 || len(out) != 2 {
			t.Errorf("%v: left %q, in the foreign directory %q", cmd, in, out)
		}
	}
}

// TestPinReplaced: a load that fails leaves a pin that somebody has put in the place of its own,
// and a process that opened its map before keeps it. Oracle: the kernel's ids.
func TestPinReplaced(t *testing.T) {
	opts := &bpf.LoadOptions{PinRoot: testkit.BPFFS(t)}
	failing := renamed(t, "m", "p")
	endless(failing)
	prepared, err := bpf.Prepare(failing, opts)
	if err != nil {
		t.Fatal(err)
	}
	ours := mapID(t, prepared.Map("m"))
	adopter := load(t, renamed(t, "m", "p"), opts).Map("m")
	path := opts.PinRoot + "/m"
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	theirs := mapID(t, load(t, renamed(t, "m", "p"), opts).Map("m"))
	if err := prepared.Load(); err == nil {
		t.Fatal("loaded")
	}
	there, err := bpf.OpenMap(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if id := mapID(t, there); id != theirs || theirs == ours {
		t.Errorf("map %d is pinned, want %d; the load that failed made %d", id, theirs, ours)
	}
	if id := mapID(t, adopter); id != ours {
		t.Errorf("the adopter has map %d, not %d", id, ours)
	}
}

// TestPinUndone: a load that fails removes the directory that it made, unless it is in use. Oracle:
// the file system.
func TestPinUndone(t *testing.T) {
	root := testkit.BPFFS(t)
	o := renamed(t, "m", "p")
	endless(o)
	for _, used := range []bool{false, true} {
		prepared, err := bpf.Prepare(o, &bpf.LoadOptions{PinRoot: root + "/new"})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{""}
		if used {
			other := load(t, renamed(t, "other", "p"), &bpf.LoadOptions{PinRoot: root + "/new"})
			want = []string{"", "/new", "/new/other"}
			defer other.Close()
		}
		if err := prepared.Load(); err == nil {
			t.Fatal("loaded")
		}
		if now := tree(t, root); !slices.Equal(now, want) {
			t.Errorf("there is %q, want %q", now, want)
		}
	}
	// A prepared and closed object stays pinned, as a loaded and closed one does.
	prepared, err := bpf.Prepare(renamed(t, "kept", "p"), &bpf.LoadOptions{PinRoot: root + "/new"})
	if err != nil {
		t.Fatal(err)
	}
	prepared.Close()
	if now := tree(t, root+"/new"); !slices.Contains(now, "/kept") {
		t.Errorf("there is %q", now)
	}
}
