package e2e

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestKconfigLarge loads a kconfig string of 16 MiB. Oracle: the kernel, which has the value
// followed by zeroes, and the Go runtime: the load allocates less than that.
func TestKconfigLarge(t *testing.T) {
	testkit.Root(t)
	const size = 16 << 20
	o, err := bpf.Open(testkit.Compile(t, `
extern char CONFIG_PUREBPF_TEXT[16 << 20] __attribute__((section(".kconfig"), weak));
__attribute__((section("socket"), used)) int p(void *ctx) { return CONFIG_PUREBPF_TEXT[1]; }
`), nil)

	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	obj, err := bpf.Load(o, &bpf.LoadOptions{Kconfig: "CONFIG_PUREBPF_TEXT=\"text\"\n"})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	if n := after.TotalAlloc - before.TotalAlloc; n > size/2 {
		t.Errorf("%d bytes allocated", n)
	}
	value, err := obj.Map(".kconfig").LookupBytes(make([]byte, 4))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(value, append([]byte("text"), make([]byte, size-4)...)) {
		t.Errorf("%d bytes, %q...", len(value), value[:16])
	}
}
