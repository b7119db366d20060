package prog

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/testkit"
)

func hexTag(tag [8]byte) string { return hex.EncodeToString(tag[:]) }

func toText(v any) string { return fmt.Sprint(v) }

// TestLoad: the oracle is Debian's bpftool, which finds what was loaded at the pins, and loads it
// with the same tag.
func TestLoad(t *testing.T) {
	testkit.Root(t)
	dir := testkit.BPFFS(t)
	testkit.Tool(t, "bpftool")
	const object = "testdata/zoo.bpf.o"
	path := func(names ...string) string {
		return filepath.Join(append([]string{dir},
			names...)...)
	}
	run := func(words ...string) {
		t.Helper()
		if got := zoo.JSON(t, Command(), words...); got != nil {
			t.Errorf("%q prints %v", words, got)
		}
	}
	shown := func(path string) map[string]any {
		t.Helper()
		return zoo.Parse(t, zoo.Bpftool(t, "-j", "prog", "show", "pinned", path)).(map[string]any)
	}
	run("load", object, path("ours"), "pinmaps", path("maps"))
	zoo.Bpftool(t, "prog", "load", object, path("theirs"), "pinmaps", path("maps2"))
	ours, theirs := shown(path("ours")), shown(path("theirs"))
	for _, key := range []string{"type", "name", "tag", "bytes_xlated", "gpl_compatible"} {
		if ours[key] == nil || ours[key] != theirs[key] {
			t.Errorf("%s: %v, bpftool loads %v", key, ours[key], theirs[key])
		}
	}
	if diff := cmp.Diff(names(t, path("maps2")), names(t, path("maps"))); diff != "" {
		t.Errorf("pinned maps: -bpftool +bpf:\n%s", diff)
	}

	run("loadall", object, path("all"), "map", "name", "zoo_counts", "pinned",
		path("maps", "zoo_counts"), "type", "xdp")
	reused := shown(path("all", "zoo_program_of_a_long_name"))
	id := zoo.Parse(t, zoo.Bpftool(t, "-j", "map", "show", "pinned",
		path("maps", "zoo_counts"))).(map[string]any)["id"]
	if !strings.Contains(toText(reused["map_ids"]), toText(id)) {
		t.Errorf("maps %v, not the given map %v", reused["map_ids"], id)
	}
	run("pin", "pinned", path("ours"), path("again"))
	if again := shown(path("again")); again["id"] != ours["id"] {
		t.Errorf("pin: program %v, not %v", again["id"], ours["id"])
	}

	for words, want := range map[string]string{
		"load " + object:                                             "path of the program's pin is missing",
		"load " + object + " " + path("ours"):                        "file exists",
		"load " + object + " " + path("x") + " type xpd":             "xdp",
		"load " + object + " " + path("x") + " map idx 9 id 1":       "no map 9",
		"load " + object + " " + path("x") + " map name zoo_count":   "zoo_counts",
		"load /nowhere.o " + path("x"):                               "/nowhere.o",
		"pin pinned " + path("maps", "zoo_counts") + " " + path("x"): "map",
	} {
		out, err := zoo.Run(t, Command(), strings.Fields(words)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v: %s", words, err, out)
		}
		if _, err := os.Lstat(path("x")); err == nil {
			t.Errorf("%s left a pin", words)
		}
	}
	before := names(t, dir)
	if _, err := zoo.Run(t, Command(), "loadall", object, path("new"), "pinmaps",
		path("maps", "zoo_counts")); err == nil {
		t.Error("pinned maps to a file")
	}
	if diff := cmp.Diff(before, names(t, dir)); diff != "" {
		t.Errorf("a load that failed left pins: %s", diff)
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestAutoattach: the oracle is Debian's bpftool, which finds a link and a program at the pins.
func TestAutoattach(t *testing.T) {
	testkit.Root(t)
	dir := filepath.Join(testkit.BPFFS(t), "all")
	testkit.Tool(t, "bpftool")
	if got := zoo.JSON(t, Command(), "loadall", "testdata/attach.bpf.o", dir,
		"autoattach"); got != nil {
		t.Errorf("prints %v", got)
	}
	link := zoo.Parse(t, zoo.Bpftool(t, "-j", "link", "show", "pinned",
		filepath.Join(dir, "attached"))).(map[string]any)
	program := zoo.Parse(t, zoo.Bpftool(t, "-j", "prog", "show", "pinned",
		filepath.Join(dir, "alone"))).(map[string]any)
	if link["tp_name"] != "sys_enter" || program["name"] != "alone" {
		t.Errorf("link %v, program %v", link, program)
	}
}

// TestRun: the oracle is Debian's bpftool, which runs the same program with the same packet.
func TestRun(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "bpftool")
	dir := t.TempDir()
	packet := filepath.Join(dir, "packet")
	if err := os.WriteFile(packet, []byte("fourteen bytes and \x01\x02 more ..."),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range inZoo(t) {
		switch p.Type().String() {
		case "xdp", "sched_cls", "socket_filter":
		default:
			continue
		}
		words := []string{"run", "id", idOf(t, p), "data_in", packet, "data_out", "-"}
		text, err := zoo.Run(t, Command(), words...)
		if err != nil {
			t.Fatal(err)
		}
		want := zoo.Bpftool(t, append([]string{"prog"}, words...)...)
		withoutTime := func(s string) string { s, _, _ = strings.Cut(s, ", duration"); return s }
		if withoutTime(text) != withoutTime(want) {
			t.Errorf("%v: %q, bpftool prints %q", p.Type(), text, want)
		}
		got := zoo.JSON(t, Command(), words...).(map[string]any)
		old := zoo.Parse(t, zoo.Bpftool(t,
			append([]string{"-j", "prog"}, words...)...)).(map[string]any)
		got["duration"] = old["duration"]
		if diff := cmp.Diff(old, got); diff != "" {
			t.Errorf("%v: -bpftool +bpf:\n%s", p.Type(), diff)
		}
		file := filepath.Join(dir, "out")
		if text, err := zoo.Run(t, Command(), "run", "id", idOf(t, p), "data_in", packet,
			"data_out", file, "repeat", "10"); err != nil || !strings.Contains(text, "(average)") {
			t.Errorf("%v: %v: %s", p.Type(), err, text)
		}
		if data, err := os.ReadFile(file); err != nil || !strings.Contains(string(data), " and ") {
			t.Errorf("%v: %q %v", p.Type(), data, err)
		}
		for more, want := range map[string]string{
			"":                 "data_in FILE",
			"data_out -":       "data_in",
			"data_in /nowhere": "/nowhere",
			"data_in " + packet + " data_size_out 99999999": "more than",
		} {
			_, err := zoo.Run(t, Command(), append([]string{"run", "id", idOf(t, p)},
				strings.Fields(more)...)...)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("run %s: %v", more, err)
			}
		}
	}
}
