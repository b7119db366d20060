package objdump_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/objdump"
	"github.com/purebpf/bpf/internal/testkit"
)

const sample = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, int); __type(value, long); __uint(max_entries, 8); } counts SEC(".maps");
const volatile int limit = 3;
int table[4];
extern int bpf_dynptr_is_null(const void *p) __ksym __weak;
extern const void bpf_prog_fops __ksym;
extern unsigned LINUX_KERNEL_VERSION __kconfig;
struct task_struct { int pid; } __attribute__((preserve_access_index));

static __attribute__((noinline)) int local(int x) { return x * table[2]; }
__attribute__((noinline)) int global(int x) { bpf_printk("seen \"%d\"", x); return x; }
static int callback(int i, void *ctx) { return i > limit; }

SEC("raw_tp/x")
int prog(void *ctx)
{
	int key = 0;
	long *v = bpf_map_lookup_elem(&counts, &key);
	if (!v)
		return local(1) + global(2);
	bpf_loop(10, callback, 0, 0);
	struct task_struct *t = (void *)bpf_get_current_task_btf();
	*v = t->pid + (long)&bpf_prog_fops + LINUX_KERNEL_VERSION;
	return bpf_dynptr_is_null(ctx);
}
char LICENSE[] SEC("license") = "GPL";
`

// The oracle is the names in the C source, which clang-19 compiled for both byte orders.
func TestComments(t *testing.T) {
	for _, target := range []string{"bpfel", "bpfeb"} {
		out := list(t, testkit.Compile(t, sample, "-target", target), objdump.Options{NoRaw: true})
		lines := strings.Split(out, "\n")
		for _, want := range []struct{ text, comment string }{
			{"ll", "map counts"},
			{"call 0x1", "bpf_map_lookup_elem"},
			{"call 0xb5", "bpf_loop"},
			{"call", "subprog local"},
			{"call", "subprog global"},
			{"ll", "subprog callback"},
			{"ll", "extern bpf_prog_fops"},
			{"ll", "extern LINUX_KERNEL_VERSION"},
			{"call -0x1", "kfunc bpf_dynptr_is_null"},
			{"*(u32 *)(", "CO-RE <byte_off> ["},
			{"*(u32 *)(", "] struct task_struct.pid (0:0 @ offset 0)"},
			{"ll", ".rodata limit"},
			{"ll", ".bss table"},
			{"ll", ".rodata global.____fmt"},
		} {
			found := false
			for _, line := range lines {
				text, comment, ok := strings.Cut(line, " # ")
				found = found || ok && strings.Contains(text, want.text) &&
					strings.Contains(comment, want.comment)
			}
			if !found {
				t.Errorf("%s: no %q with the comment %q in\n%s", target, want.text, want.comment,
					out)
			}
		}
	}
}

// The oracle is the string literal in the source.
func TestLiterals(t *testing.T) {
	path := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("socket") int prog(void *ctx)
{
	bpf_trace_printk("one\n", 5);
	return bpf_trace_printk("a text that is longer than what a comment shows of it", 54);
}`)
	out := list(t, path, objdump.Options{})
	for _, want := range []string{`.rodata.str1.1 "one\n"`,
		`"a text that is longer than what a commen"...`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

// The oracle is llvm-objdump-19 on an object of the other byte order, source lines included.
func TestBigEndian(t *testing.T) {
	dir := t.TempDir()
	source, path := filepath.Join(dir, "sample.c"), filepath.Join(dir, "sample.o")
	if err := os.WriteFile(source, []byte(sample), 0o644); err != nil {
		t.Fatal(err)
	}
	testkit.Run(t, "clang-19", "-target", "bpfeb", "-mcpu=v4", "-g", "-O2", "-idirafter",
		"/usr/include/x86_64-linux-gnu", "-c", source, "-o", path)
	testkit.Run(t, "llvm-strip-19", "--strip-debug", path)
	want := string(testkit.Run(t, "llvm-objdump-19", "-d", path))
	if got := list(t, path, objdump.Options{NoComments: true}); got != want {
		t.Error(firstDifference(got, want))
	}
	want = string(testkit.Run(t, "llvm-objdump-19", "-d", "-S", path))
	if got := list(t, path, objdump.Options{NoComments: true, Source: true}); got != want {
		t.Error(firstDifference(got, want))
	}
	if !strings.Contains(want, "; \tlong *v = bpf_map_lookup_elem(&counts, &key);\n") {
		t.Errorf("llvm-objdump prints no source lines:\n%s", want)
	}
}

func TestNoBPFObject(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"nothing": nil, "text": []byte(sample),
		"a program of this machine": self} {
		var out bytes.Buffer
		if err := objdump.Write(&out, name, raw, nil); err == nil || out.Len() > 0 {
			t.Errorf("%s: error %v, output %q", name, err, out.String())
		}
	}
}
