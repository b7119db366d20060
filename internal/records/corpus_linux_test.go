package records_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
)

// truth is what a C source says about records of one buffer.
type truth struct {
	typ     string
	size    uint64 // 0: any
	inBTF   bool
	members []member
}

type member struct {
	name            string
	off, size, elem uint32
}

// truths reads the table of what C sources say, by object and buffer.
func truths(t testing.TB) map[string]map[string][]truth {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "records.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string][]truth{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		col := strings.Split(line, "\t")
		if len(col) != 6 {
			t.Fatalf("records.tsv: %q", line)
		}
		x := truth{typ: col[2], inBTF: col[4] == "yes"}
		x.size, _ = strconv.ParseUint(col[3], 10, 64)
		for _, f := range strings.Fields(col[5]) {
			p := strings.Split(f, ":")
			n := make([]uint32, 3)
			for i, s := range p[1:] {
				v, err := strconv.ParseUint(s, 10, 32)
				if err != nil {
					t.Fatalf("records.tsv: %q", f)
				}
				n[i] = uint32(v)
			}
			x.members = append(x.members, member{p[0], n[0], n[1], n[2]})
		}
		if all[col[0]] == nil {
			all[col[0]] = map[string][]truth{}
		}
		all[col[0]][col[1]] = append(all[col[0]][col[1]], x)
	}
	return all
}

// refused are objects of which the kernel refuses every program that makes records, or whose
// programs make none on purpose: they test the verifier.
var refused = map[string]string{
	"selftests/dynptr_fail":             "each program is refused",
	"selftests/test_d_path_check_types": "the program is refused: it submits memory of a variable",
	"selftests/test_kfunc_dynptr_param": "each program is refused",
	"selftests/user_ringbuf_fail":       "each program is refused",
}

// TestCorpus compares the types and fields that are found in real objects with the C sources: what
// is claimed must never be wrong, and nine of ten buffers must be right.
// Oracle: testdata/records.tsv, made from the sources by reading them.
func TestCorpus(t *testing.T) {
	table := truths(t)
	right, unknown := 0, 0
	seen := map[string]bool{}
	for _, path := range testkit.Corpus(t, "tools", "xdp", "selftests") {
		name := filepath.Base(filepath.Dir(path)) + "/" +
			strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".o"), ".bpf")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Parse(raw, path)
		if err != nil {
			continue
		}
		for _, s := range records.Analyze(o, nil).Streams {
			if len(s.Sources) == 0 && s.Gap == "" || refused[name] != "" {
				continue
			}
			said := table[name][s.Map.Name]
			if said == nil {
				t.Errorf("%s: %s gets records, but the table has no line", name, s.Map.Name)
				continue
			}
			seen[name+" "+s.Map.Name] = true
			switch ok, why := judge(s, said); {
			case why != "":
				t.Errorf("%s: %s: %s", name, s.Map.Name, why)
			case ok:
				right++
			default:
				unknown++
				t.Logf("%s: %s: nothing is known", name, s.Map.Name)
			}
		}
	}
	for object, buffers := range table {
		for buffer := range buffers {
			if !seen[object+" "+buffer] {
				t.Errorf("%s: no records found for %s", object, buffer)
			}
		}
	}
	t.Logf("%d buffers: %d right, %d unknown", right+unknown, right, unknown)
	if 10*right < 9*(right+unknown) {
		t.Error("less than nine of ten buffers are right")
	}
}

// judge compares what is known about a buffer with what its source says. It is right if each place
// has the type, or, where the object's BTF lacks the type, at least a field.
func judge(s *records.Stream, said []truth) (right bool, wrong string) {
	right = s.Gap == ""
	for _, x := range s.Sources {
		at := x.Program + ": "
		var match *truth
		for i, w := range said {
			if x.Type != 0 && x.Spec.CString(x.Type) == w.typ || w.size == x.Min ||
				w.size == 0 && match == nil {
				match = &said[i]
			}
		}
		if match == nil {
			return false, at + "no such type in the source"
		}
		if x.Type != 0 {
			size, _ := x.Spec.SizeOf(x.Type)
			if c := x.Spec.CString(x.Type); c != match.typ || size != match.size {
				return false, at + c + " of " + strconv.FormatUint(size, 10) + " bytes, it is " +
					match.typ
			}
			if !match.inBTF {
				return false, at + "the table says that BTF lacks the type"
			}
			continue
		}
		for _, f := range x.Fields {
			if why := match.wrong(f); why != "" {
				return false, at + why
			}
		}
		structure := strings.HasPrefix(match.typ, "struct ")
		right = right && !(match.inBTF && structure) && len(x.Fields) > 0
	}
	return right, ""
}

// wrong says why a field is not in the struct of the source, "" if it is.
func (w *truth) wrong(f records.Field) string {
	text := "field " + f.Name + " at +" + strconv.Itoa(int(f.Off)) + " of " +
		strconv.Itoa(int(f.Size))
	covered := f.Off
	for _, m := range w.members {
		if f.Off == m.off && f.Size == m.size {
			if f.Name != "" && f.Name != m.name && f.Name != w.other(m) {
				return text + " is " + m.name
			}
			return ""
		}
		if m.elem != 0 && f.Off >= m.off && f.Off+f.Size <= m.off+m.size &&
			(f.Off-m.off)%m.elem == 0 && f.Size%m.elem == 0 {
			index := strconv.Itoa(int((f.Off - m.off) / m.elem))
			if f.Name != "" && f.Name != m.name && f.Name != m.name+"["+index+"]" {
				return text + " is in " + m.name
			}
			return ""
		}
		if m.off == covered {
			covered += m.size
			if covered == f.Off+f.Size && f.Name == "" {
				return ""
			}
		}
	}
	return text + " is not a member"
}

// other returns the name of another member with the same place.
func (w *truth) other(m member) string {
	for _, o := range w.members {
		if o != m && o.off == m.off && o.size == m.size {
			return o.name
		}
	}
	return ""
}
