package prog

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
)

// ownKeys are keys that Debian's bpftool 7.1 does not write: pids needs a bpftool that was built
// with skeletons, orphaned is newer.
var ownKeys = []string{"pids", "orphaned"}

// inZoo loads a zoo and returns its programs, the last with maps, BTF and metadata.
func inZoo(t *testing.T) []*bpf.Program {
	t.Helper()
	list := zoo.Programs(t)
	o := bpftest.Load(t, "testdata/zoo.bpf.o", "zoo_program_of_a_long_name")
	return append(list, o.Program("zoo_program_of_a_long_name"))
}

func idOf(t *testing.T, p *bpf.Program) string {
	t.Helper()
	return strconv.FormatUint(uint64(bpftest.ProgramID(t, p)), 10)
}

// TestShow: the oracle is Debian's bpftool, field by field, of programs of every type.
func TestShow(t *testing.T) {
	testkit.Root(t)
	dir := testkit.BPFFS(t)
	testkit.Tool(t, "bpftool")
	programs := inZoo(t)
	if len(programs) < 10 {
		t.Fatalf("only %d programs", len(programs))
	}
	pin := filepath.Join(dir, "pinned program")
	if err := programs[0].Pin(pin); err != nil {
		t.Fatal(err)
	}
	listing := map[string]any{}
	for _, p := range zoo.JSON(t, Command(), "show", "-f").([]any) {
		object := p.(map[string]any)
		listing[string(object["id"].(json.Number))] = p
	}
	for _, p := range programs {
		id := idOf(t, p)
		got := zoo.JSON(t, Command(), "show", "id", id, "-f").(map[string]any)
		// Processes that list programs have each open for a moment.
		for _, object := range []any{listing[id], any(got)} {
			if !zoo.Owned(object) {
				t.Errorf("program %s isn't said to be of this process: %v", id, object)
			}
		}
		if diff := cmp.Diff(listing[id], any(got)); diff != "" {
			t.Errorf("program %s in the listing and alone: %s", id, diff)
		}
		want := zoo.Parse(t, zoo.Bpftool(t, "-jf", "prog", "show", "id", id)).(map[string]any)
		for _, key := range ownKeys {
			delete(got, key)
		}
		sameSecond(t, got, want)
		if want["type"] == json.Number("32") {
			want["type"] = "netfilter" // newer than bpftool 7.1
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("program %s: -bpftool +bpf:\n%s", id, diff)
		}
		text, err := zoo.Run(t, Command(), "show", "id", id, "-f", "--no-owners")
		if err != nil {
			t.Error(err)
		}
		plain := strings.Replace(zoo.Bpftool(t, "-f", "prog", "show", "id", id), "type 32",
			"netfilter", 1)
		if diff := cmp.Diff(lines(plain), lines(text)); diff != "" {
			t.Errorf("program %s: -bpftool +bpf:\n%s", id, diff)
		}
	}
	alone := zoo.JSON(t, Command(), "show", "pinned", pin).(map[string]any)
	if fmt.Sprint(alone["id"]) != idOf(t, programs[0]) {
		t.Errorf("pinned: %v", alone)
	}
	// Other processes may have loaded one of the same name.
	last := programs[len(programs)-1]
	named, err := zoo.Run(t, Command(), "show", "name", "zoo_program_of_a_long_name", "-j")
	if err != nil || !strings.Contains(named, `"id":`+idOf(t, last)+",") {
		t.Errorf("by name: %v: %s", err, named)
	}
}

// sameSecond makes the times of loading equal if they differ by less than the clocks, which are
// read one after the other.
func sameSecond(t *testing.T, got, want map[string]any) {
	t.Helper()
	a, errA := got["loaded_at"].(json.Number).Int64()
	b, errB := want["loaded_at"].(json.Number).Int64()
	if errA != nil || errB != nil || a-b > 1 || b-a > 1 {
		t.Errorf("loaded at %v, bpftool says %v", got["loaded_at"], want["loaded_at"])
	}
	got["loaded_at"] = want["loaded_at"]
}

// lines returns lines without the time of loading.
func lines(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if before, after, ok := strings.Cut(line, "loaded_at "); ok && len(after) > 24 {
			line = before + after[24:]
		}
		list = append(list, strings.TrimRight(line, " "))
	}
	return list
}

// TestShowRefuses: what doesn't exist is an error of its own, in JSON if that is asked for. Oracle:
// the kernel, which has no such programs.
func TestShowRefuses(t *testing.T) {
	testkit.Root(t)
	for words, want := range map[string]string{
		"show id 4294967295":               "no such file or directory",
		"show id 99999999999":              "larger than 32 bits",
		"show id x":                        "no number",
		"show name no_program_is_called_x": "no program has name",
		"show tag 12":                      "16 hexadecimal digits",
		"show tag 0000000000000001":        "no program has tag 0000000000000001",
		"show pinned /nowhere":             "/nowhere",
		"show nmae x":                      "near: name",
		"show id":                          "id of a program is missing",
		"shwo":                             "near: show",
	} {
		out, err := zoo.Run(t, Command(), strings.Fields(words)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v %s", words, err, out)
		}
		if strings.HasPrefix(words, "shwo") {
			continue
		}
		out, err = zoo.Run(t, Command(), append(strings.Fields(words), "-j")...)
		object, ok := zoo.Parse(t, out).(map[string]any)
		if !ok || err == nil || !strings.Contains(object["error"].(string), want) {
			t.Errorf("%s -j: %v %s", words, err, out)
		}
	}
}
