package skelgen_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/purebpf/bpf/internal/skelgen"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestParts: variables in arenas and pointers into them, struct_ops, and a subskeleton. Oracle:
// what programs in the kernel wrote, and the kernel's list of congestion controls.
func TestParts(t *testing.T) {
	testkit.Root(t)
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	m := newModule(t)
	m.skeleton(testkit.Compile(t, text("nodes.bpf.c"), "-mcpu=v4"), skelgen.Options{Name: "nodes"})
	m.skeleton(filepath.Join("..", "..", "testdata", "structops.bpf.o"),
		skelgen.Options{Name: "structops"})
	object := nastyObject(t)
	m.skeleton(object, skelgen.Options{Name: "nasty"})
	m.skeleton(object, skelgen.Options{Name: "part", Subskeleton: true})
	m.write("main.go", text("parts_main.go"))
	env := []string{"CGO_ENABLED=0"}
	m.run(env, "vet", ".")
	m.run(env, "build", "-o", "parts", ".")
	for _, c := range []struct{ mode, want string }{
		{"arena", "1\n42\n"},
		{"structops", "purebpf_plain ssthresh\npurebpf_skel true false\n"},
		{"part", "99 1 6 fill <nil>\n" +
			"true skeleton part: object nodes lacks map things, map rb, map per_cpu, program fill, " +
			"program check, program emit, program on_switch, program by_hand, variable shared, " +
			"variable counter, variable factor, variable greeting, variable verbose, " +
			"variable custom, variable huge, variable hits, variable keep, variable tailed, " +
			"variable unused: file does not exist\n"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			if got := string(output(t, filepath.Join(m.dir, "parts"), c.mode, nil)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
