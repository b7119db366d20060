package maps_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/maps"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

func id(t *testing.T, m *bpf.Map) string {
	t.Helper()
	info, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatUint(uint64(info.ID), 10)
}

// TestTypes compares how maps of a compiled object are printed by their types, and what update
// makes of fields, JSON and numbers. The oracle is bpftool.
func TestTypes(t *testing.T) {
	obj := bpftest.Load(t, "../../../../testdata/maps.bpf.o", "count", "callee")
	hash := id(t, obj.Map("hash"))
	for _, line := range []string{
		"update id " + hash + " key id=7 kind=0x2 value count=9 last=8",
		"update id " + hash + ` key {"id":8} value {"count":1,"name":[1,2,3]} noexist`,
		"update id " + hash + " key 9 0 0 0 1 0 0 0 value hex " + strings.Repeat("1f ", 24) + "any",
		"update id " + id(t, obj.Map("array")) + " key 3 value 12",
		"update id " + id(t, obj.Map("percpu")) + " value 77 key 2",
	} {
		if out, err := zoo.Run(t, maps.Command(), strings.Fields(line)...); err != nil ||
			out != "" {
			t.Errorf("%s: %v %s", line, err, out)
		}
	}
	for _, m := range obj.Maps() {
		if m.Type() == uapi.MapQueue {
			continue
		}
		compare(t, m.Type(), id(t, m))
	}
	for _, format := range []string{"-j", "-p"} {
		line := []string{format, "lookup", "id", hash, "key", "7", "0", "0", "0", "2", "0", "0",
			"0"}
		got, err := zoo.Run(t, maps.Command(), line...)
		if err != nil {
			t.Error(err)
		}
		same(t, line, got, theirs(t, line...))
		line = []string{format, "getnext", "id", hash}
		got, err = zoo.Run(t, maps.Command(), line...)
		if err != nil {
			t.Error(err)
		}
		same(t, line, got, theirs(t, line...))
	}
}

// TestElements changes maps and reads them. The oracle is bpftool's plain output and JSON.
func TestElements(t *testing.T) {
	testkit.Root(t)
	m, err := bpf.CreateMap(&object.Map{Name: "elements", Type: uapi.MapHash, KeySize: 4,
		ValueSize: 2, MaxEntries: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	queue, err := bpf.CreateMap(&object.Map{Name: "queue", Type: uapi.MapQueue, ValueSize: 2,
		MaxEntries: 30}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer queue.Close()
	replace := strings.NewReplacer("ID", "id "+id(t, m), "QUEUE", "id "+id(t, queue))
	for _, test := range []struct {
		line string
		// status is our exit status; bpftool's are others.
		status tool.ExitStatus
	}{
		{"getnext ID", tool.Missing},
		{"update ID key 1 0 0x10 010 value 1 255", 0},
		{"update ID k 1 0 0x10 010 v hex a ff exist", 0},
		{"lookup ID key hex 1 0 10 8", 0},
		{"lookup ID key 2 0 0 0", tool.Missing},
		{"getnext ID", 0},
		{"getnext ID key 1 0 16 8", tool.Missing},
		{"dump ID", 0},
		{"delete ID key 1 0 16 8", 0},
		{"delete ID key 1 0 16 8", tool.Missing},
		{"enqueue QUEUE value 3 4", 0},
		{"push QUEUE value 5 6", 0},
		{"peek QUEUE", 0},
	} {
		for _, format := range []string{"", "-j"} {
			line := strings.Fields(format + " " + replace.Replace(test.line))
			if strings.HasPrefix(test.line, "delete") && format == "-j" {
				continue // it is gone
			}
			got, err := zoo.Run(t, maps.Command(), line...)
			if status(err) != test.status {
				t.Errorf("%q: status %d, %v", line, status(err), err)
			}
			want := theirs(t, line...)
			switch {
			case test.status != 0 && !strings.HasPrefix(test.line, "lookup"):
				// An error, which has other words.
			case strings.HasPrefix(test.line, "enq"), strings.HasPrefix(test.line, "push"):
				// bpftool has added one as well.
			case format == "" && got != want:
				t.Errorf("%q: %q, bpftool prints %q", line, got, want)
			case format == "-j":
				same(t, line, got, want)
			}
		}
	}
}

// status returns the exit status that the frame gives an error.
func status(err error) tool.ExitStatus {
	var told tool.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &told):
		return told
	case errors.Is(err, bpf.ErrNotExist):
		return tool.Missing
	}
	return tool.Failed
}

// TestCreate creates and pins maps. The oracle is bpftool.
func TestCreate(t *testing.T) {
	dir := testkit.BPFFS(t)
	for _, line := range []string{
		"create DIR/a type hash key 4 value 0x8 entries 010 name first flags 1",
		"create DIR/b type array_of_maps key 4 value 4 entries 2 name second inner_map pinned DIR/a",
		"pin pinned DIR/a DIR/c",
		"update pinned DIR/b key 1 0 0 0 value pinned DIR/a",
		"freeze pinned DIR/b",
	} {
		line = strings.ReplaceAll(line, "DIR", dir)
		if out, err := zoo.Run(t, maps.Command(), strings.Fields(line)...); err != nil ||
			out != "" {
			t.Errorf("%s: %v %s", line, err, out)
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		line := []string{"-j", "show", "pinned", dir + "/" + name}
		got, err := zoo.Run(t, maps.Command(), append(line, "--no-owners")...)
		if err != nil {
			t.Error(err)
		}
		same(t, line, got, theirs(t, line...))
	}
	got, err := zoo.Run(t, maps.Command(), "-j", "show", "-f", "--no-owners", "name", "second")
	if err != nil || !strings.Contains(got, fmt.Sprintf(`"pinned":[%q]`, dir+"/b")) {
		t.Errorf("%v %s", err, got)
	}
}

// TestBadInput: an error names what is wrong, in one line.
func TestBadInput(t *testing.T) {
	dir := testkit.BPFFS(t)
	obj := bpftest.Load(t, "../../../../testdata/maps.bpf.o", "count", "callee")
	hash := "id " + id(t, obj.Map("hash"))
	array := "id " + id(t, obj.Map("array"))
	if err := obj.Program("count").Pin(dir + "/program"); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir + "/program")
	for _, test := range []struct{ line, want string }{
		{"dump", "name a map"},
		{"dump id", "id of a map is missing"},
		{"dump id 4294967295", "no such"},
		{"dump id x", `"x" is no number`},
		{"dump name no_such_map_here", "no map has name no_such_map_here"},
		{"dump pinned " + dir + "/program", "bpf-prog"},
		{"dump pinned " + dir + "/none", "no such file"},
		{"dump " + hash + " more", `"more" is not expected`},
		{"update " + hash + " key 1 2 3", "the key has 8 bytes, 3 are given"},
		{"update " + hash + " key 1 2 3 value 4", "the key has 8 bytes, 3 are given"},
		{"update " + hash + " key 1 2 3 4 5 6 7 8", "the value is missing"},
		{"update " + hash + " key 1 2 3 4 5 6 7 256", "256 is larger than 255"},
		{"update " + hash + " key 1 2 3 4 5 6 7 8 9", `"9" is not expected`},
		{"update " + hash + " key id=1 knd=2", "near: kind"},
		{"update " + hash + " key id=x", "x"},
		{"update " + hash + ` key {"id":1`, "key"},
		{"update " + hash + " key id=1 kind=300", "300"},
		{"update " + hash + " key id=1 value count=1 any exist", "only one of"},
		{"update " + array + " key 9 0 0 0 value 1", "max_entries is 8"},
		{"delete " + array + " key 1 0 0 0", "can't be removed"},
		{"dump id " + id(t, obj.Map("queue")), "bpf map peek"},
		{"event_pipe " + hash, "only a perf_event_array"},
		{"create " + dir + "/x type hashh name x", "near: hash"},
		{"create " + dir + "/x type hash", "name is missing"},
		{"create /tmp/x type hash key 4 value 4 entries 1 name x", "not on a BPF file system"},
		{"frobnicate", "frobnicate"},
	} {
		for _, format := range []string{"", "-j"} {
			out, err := zoo.Run(t, maps.Command(), strings.Fields(format+" "+test.line)...)
			switch {
			case err == nil:
				t.Errorf("%s: no error, %s", test.line, out)
			case format == "" || test.line == "frobnicate":
				if text := err.Error(); !strings.Contains(text, test.want) ||
					strings.Contains(text, "\n") {
					t.Errorf("%s: %v", test.line, err)
				}
			default:
				var told tool.ExitStatus
				if !errors.As(err, &told) || !strings.HasPrefix(out, `{"error":"`) {
					t.Errorf("%s: %v %s", test.line, err, out)
				}
			}
		}
	}
}
