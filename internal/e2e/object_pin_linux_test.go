package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

func list(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestObjectPin: the names are libbpf's (bpf_object__pin_maps, bpf_object__pin_programs); the
// oracle is the file system.
func TestObjectPin(t *testing.T) {
	dir := testkit.BPFFS(t)
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{PinRoot: dir})
	if err := obj.PinMaps(filepath.Join(dir, "maps")); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, m := range obj.Maps() {
		want[m.Name()] = true
	}
	for _, dotted := range []string{"data", "rodata", "bss"} {
		delete(want, "maps."+dotted)
		want["maps_"+dotted] = true
	}
	if got := list(t, filepath.Join(dir,
		"maps")); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("pinned %v, want %v", got, want)
	}
	if m := obj.Map("pinned"); m.PinPath() != filepath.Join(dir, "pinned") {
		t.Errorf("a map with a pin path of its own now has %s", m.PinPath())
	}
	if m := obj.Map("array"); m.PinPath() != filepath.Join(dir, "maps", "array") || !m.Pinned() {
		t.Error(m.PinPath(), m.Pinned())
	}
	if err := obj.PinPrograms(filepath.Join(dir, "programs")); err != nil {
		t.Fatal(err)
	}
	if got := list(t, filepath.Join(dir,
		"programs")); !slices.Equal(got, []string{"callee", "caller", "count", "through_inner"}) {
		t.Errorf("pinned %v", got)
	}
	p, err := bpf.OpenProgram(filepath.Join(dir, "programs", "count"))
	if err != nil || bpftest.ProgramID(t, p) != bpftest.ProgramID(t, obj.Program("count")) ||
		p.Name() != "count" {
		t.Fatal(p, err)
	}
	p.Close()

	// Another pin is in the way: the pins of this call are removed, that one stays.
	if err := obj.PinPrograms(filepath.Join(dir, "programs")); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	if n := len(list(t, filepath.Join(dir, "programs"))); n != 4 {
		t.Errorf("%d programs pinned", n)
	}
	other := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	if err := other.Map("percpu").Pin(filepath.Join(dir, "second", "percpu")); err != nil {
		t.Fatal(err)
	}
	if err := obj.PinMaps(filepath.Join(dir, "second")); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	if got := list(t, filepath.Join(dir, "second")); !slices.Equal(got, []string{"percpu"}) {
		t.Errorf("left behind: %v", got)
	}
	if err := obj.UnpinPrograms(filepath.Join(dir, "programs")); err != nil {
		t.Error(err)
	}
	if err := obj.UnpinMaps(filepath.Join(dir, "maps")); err != nil {
		t.Error(err)
	}
	if got := append(list(t, filepath.Join(dir, "maps")),
		list(t, filepath.Join(dir, "programs"))...); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if err := obj.UnpinMaps(filepath.Join(dir, "maps")); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}

// TestMapPin: pinning one map.
func TestMapPin(t *testing.T) {
	dir := testkit.BPFFS(t)
	obj := load(t, open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
	m := obj.Map("array")
	path := filepath.Join(dir, "deep", "array")
	if err := m.Pin(""); err == nil {
		t.Error("pinned nowhere")
	}
	if err := m.Pin(path); err != nil {
		t.Fatal(err)
	}
	if err := m.Pin(path); err != nil {
		t.Error("pinned already:", err)
	}
	if err := m.Pin(path + "2"); err == nil {
		t.Error("pinned at two places")
	}
	if err := obj.Map("hash").Pin(path); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	if err := obj.Map("hash").Pin(filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("pinned on another file system")
	}
	opened, err := bpf.OpenMap(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if mapID(t, opened) != mapID(t, m) || !opened.Pinned() {
		t.Error(opened)
	}
	byID, err := bpf.MapFromID(mapID(t, m), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer byID.Close()
	if byID.Name() != "array" || byID.KeySize() != 4 || byID.ValueSize() != 8 ||
		byID.MaxEntries() != 8 {
		t.Error(byID)
	}
	if err := m.Unpin(); err != nil {
		t.Error(err)
	}
	if err := m.Unpin(); err == nil {
		t.Error("unpinned twice")
	}
	if _, err := bpf.OpenMap(path, 0); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
	if _, err := bpf.MapFromID(1<<31-1, 0); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}

// TestPinnedKinds: a pinned object opens only as its own kind. The kernel answers queries about one
// kind of object as if it were another. The oracle is the kind that the test pinned.
func TestPinnedKinds(t *testing.T) {
	testkit.Netns(t)
	dir := testkit.BPFFS(t)
	obj := load(t, only(open(t, "net"), "lookup"), nil)
	l, err := obj.Program("lookup").AttachNetns(kernel.ThreadNetns)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	kinds := []struct {
		name string
		pin  func(string) error
		open func(string) (io.Closer, error)
	}{
		{"map", obj.Map("sockets").Pin,
			func(path string) (io.Closer, error) { return bpf.OpenMap(path, 0) }},
		{"prog", obj.Program("lookup").Pin,
			func(path string) (io.Closer, error) { return bpf.OpenProgram(path) }},
		{"link", l.Pin, func(path string) (io.Closer, error) { return bpf.OpenLink(path) }},
	}
	for _, is := range kinds {
		path := filepath.Join(dir, is.name)
		if err := is.pin(path); err != nil {
			t.Fatal(err)
		}
		for _, as := range kinds {
			opened, err := as.open(path)
			if is.name == as.name {
				if err != nil {
					t.Error(err)
				} else if err := opened.Close(); err != nil {
					t.Error(err)
				}
				continue
			}
			if says := fmt.Sprintf("it is a bpf-%s, not a bpf-%s",
				is.name, as.name); !errors.Is(err, syscall.EINVAL) ||
				!strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v doesn't say %s", path, err, says)
			}
		}
	}
}
