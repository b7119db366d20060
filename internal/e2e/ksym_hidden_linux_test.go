package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

const ksymSource = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
extern const void bpf_link_fops __ksym KIND;
__u64 address;
SEC("syscall") int read_address(void *c) { address = (__u64)&bpf_link_fops; return 0; }
`

// TestHiddenAddresses loads programs with the address of a kernel symbol while kernel.kptr_restrict
// hides it, and while it doesn't. The oracle is /proc/kallsyms, with 0 for every address and
// without.
func TestHiddenAddresses(t *testing.T) {
	objects := map[string]string{} // compiled here for the machine, which has no compiler
	for _, kind := range []string{"", "__weak"} {
		objects[kind] = testkit.Compile(t, ksymSource, "-DKIND="+kind)
	}
	testkit.Disposable(t)
	const sysctl = "/proc/sys/kernel/kptr_restrict"
	set := func(value string) {
		t.Helper()
		if err := os.WriteFile(sysctl, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(sysctl)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set(string(before)) })
	load := func(kind string) (address uint64, log string, err error) {
		o, err := bpf.Open(objects[kind], nil)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		obj, err := bpf.Load(o, &bpf.LoadOptions{Logger: slog.New(slog.NewTextHandler(&out, nil))})
		if err != nil {
			return 0, out.String(), err
		}
		defer obj.Close()
		if _, err := obj.Program("read_address").Run(nil); err != nil {
			t.Fatal(err)
		}
		if err := obj.Variable("address").Get(&address); err != nil {
			t.Fatal(err)
		}
		return address, out.String(), nil
	}

	set("0")
	if len(kallsyms(t, "bpf_link_fops")) == 0 {
		testkit.Skip(t, "this kernel's /proc/kallsyms has no bpf_link_fops")
	}
	want := kallsyms(t, "bpf_link_fops")[0]
	for _, kind := range []string{"", "__weak"} {
		address, log, err := load(kind)
		if err != nil || address != want || strings.Contains(log, "hidden") {
			t.Errorf("shown, %q: %#x, %v, %s; want %#x", kind, address, err, log, want)
		}
	}
	if addrs, _, err := kernel.Running().Ksyms([]string{"fixed_percpu_data"}); err != nil {
		t.Errorf("a symbol that is at 0: %v, %v", addrs, err)
	}

	set("2")
	if got := kallsyms(t, "bpf_link_fops"); len(got) == 0 || got[0] != 0 {
		t.Fatalf("the kernel shows %#x", got)
	}
	_, _, err = load("")
	if !errors.Is(err, facts.ErrHidden) || !strings.Contains(err.Error(), "kernel.kptr_restrict") ||
		!strings.Contains(err.Error(), "bpf_link_fops") {
		t.Errorf("hidden: %v", err)
	}
	address, log, err := load("__weak")
	told := strings.Contains(log, "level=WARN") && strings.Contains(log, "kptr_restrict")
	if err != nil || address != 0 || !told {
		t.Errorf("hidden, weak: %#x, %v, %s", address, err, log)
	}
}
