package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
)

const recordSource = `
struct event { int pid; char comm[16]; };
struct trace_event { char raw[316]; };
struct other { char raw[8]; };
struct same { char raw[8]; };
struct tail { int pid; int args; char text[4096]; };
struct flexible { int pid; char text[]; };
struct late { long a; int b; };
const struct event *unused;
struct other *other_unused;
volatile struct late const *unused_late;
struct trace_event *seen;
struct tail *tail;
struct flexible *flexible;
struct same *same;
int unused_number, *unused_pointer;
`

// Oracle: the C source, which declares types of records with names that mark them, and has others.
func TestRecordTypes(t *testing.T) {
	o, err := bpf.Open(testkit.Compile(t, recordSource), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		flags   string
		streams string
		size    int
		perf    bool
		want    string
		says    string
	}{
		{"", "events", 20, false, "event", ""},
		{"", "records", 20, false, "event", ""},
		{"", "events", 8, false, "other", ""},
		{"", "events", 16, false, "late", ""},
		{"", "events", 316, false, "",
			"nothing in the object says what they are; --type events=STRUCT decodes them"},
		{"", "events", 12, false, "", "nothing in the object says"},
		// 16 bytes too
		{"", "events", 20, true, "",
			"const struct event and volatile const struct late both are declared and fit"},
		// 4 bytes of size, 8 of data, 4 to a multiple of 8
		{"", "events", 12, true, "other", ""},
		{"", "events", 24, true, "", "nothing"},
		{"", "events others", 20, false, "event", ""},
		{"", "records others", 20, false, "", "nothing"},
		{"", "events others", 8, false, "", "nothing"},
		{"event", "events", 316, false, "",
			"--type struct event is refused, it has 20 bytes: records of 316 bytes"},
		{"events=event", "events", 316, false, "", "--type struct event is refused"},
		{"events=event", "events", 4, false, "event", ""}, // cut off in comm
		{"events=event", "events", 3, false, "", "refused"},
		{"events=late", "events", 15, false, "", "refused"},
		{"events=late", "events", 17, false, "", "refused"},
		{"struct tail", "events", 100, false, "tail", ""},
		{"tail", "events", 5000, false, "", "refused"},
		{"flexible", "events", 5000, false, "flexible", ""},
		{"others=event", "events others", 8, false, "", "nothing"},
	} {
		var flags []string
		if row.flags != "" {
			flags = []string{row.flags}
		}
		streams := strings.Fields(row.streams)
		types, err := newRecordTypes(o.BTF, flags, streams)
		if err != nil {
			t.Errorf("%+v: %v", row, err)
			continue
		}
		id, note := types.of(record{streams[0], row.size, row.perf})
		got := ""
		if id != 0 {
			got = o.BTF.Skip(id).Name()
		}
		if got != row.want || (note == "") != (row.says == "") ||
			!strings.Contains(note, row.says) {
			t.Errorf("%+v: %q, %q", row, got, note)
		}
		if _, again := types.of(record{streams[0], row.size, row.perf}); again != "" {
			t.Errorf("%+v: said twice: %q", row, again)
		}
	}
	for flag, says := range map[string]string{
		"evnts=event":    `no ring or perf buffer "evnts"; near: events`,
		"other=event":    `no ring or perf buffer "other"; it has ["events"]`,
		"events=no_such": "no_such", "events=": "has no struct", "events=evnet": "near: event",
	} {
		if _, err := newRecordTypes(o.BTF, []string{flag}, []string{"events"}); err == nil ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("--type %s: %v", flag, err)
		}
	}
}

// Oracle: the sources of the programs, none of which declares the type of its records: for no
// record size is a struct used, as trace_event_raw_sys_enter was for the 316 bytes of execsnoop's.
func TestRecordTypesOfCorpus(t *testing.T) {
	for _, path := range testkit.Corpus(t, "tools") {
		o, err := bpf.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		types, err := newRecordTypes(o.BTF, nil, []string{"events"})
		if err != nil {
			t.Fatal(err)
		}
		sizes := map[int]bool{316: true}
		for id := btf.ID(1); id < o.BTF.Len(); id++ {
			if size, err := o.BTF.SizeOf(id); err == nil {
				sizes[int(size)] = true
			}
		}
		for size := range sizes {
			for _, perf := range []bool{false, true} {
				if id, _ := types.of(record{"events", size, perf}); id != 0 {
					t.Errorf("%s: a record of %d bytes is taken for %s",
						filepath.Base(path), size, o.BTF.CString(id))
				}
			}
		}
	}
}
