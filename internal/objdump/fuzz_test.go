package objdump_test

import (
	"os"
	"testing"

	"github.com/purebpf/bpf/internal/hostile"
	"github.com/purebpf/bpf/internal/objdump"
	"github.com/purebpf/bpf/internal/testkit"
)

// counter counts the bytes written, and fails a test whose output is far too large.
type counter struct {
	t     *testing.T
	n     int
	limit int
}

func (c *counter) Write(p []byte) (int, error) {
	if c.n += len(p); c.n > c.limit {
		c.t.Fatalf("more than %d bytes of output", c.limit)
	}
	return len(p), nil
}

// FuzzWrite checks that any file is listed or refused without a panic, in limited time and with
// output proportional to it: a line has at most one name, one source line and one comment of
// limited length for each byte of code.
func FuzzWrite(f *testing.F) {
	for _, name := range []string{"tools/bashreadline.bpf.o", "selftests/bind_perm.bpf.o",
		"xdp/xdp-dispatcher.o"} {
		raw, err := os.ReadFile(testkit.CorpusObject(f, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	raw, err := os.ReadFile(testkit.Compile(f, sample, "-target", "bpfeb"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, opts := range []objdump.Options{{Source: true}, {NoRaw: true}} {
			c := &counter{t: t, limit: 4096 + len(raw)*(64+2*1024+4096)}
			if n := hostile.Allocated(func() {
				objdump.Write(c, "fuzz", raw, &opts)
			}); n > hostile.Limit(len(raw)) {
				t.Errorf("listing %d bytes allocates %d", len(raw), n)
			}
		}
	})
}
