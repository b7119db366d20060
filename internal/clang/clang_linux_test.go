package clang

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/include"
	"github.com/purebpf/bpf/internal/testkit"
)

const program = `
#include <linux/bpf.h>
#include <linux/ptrace.h>
#if __has_include(<sys/types.h>)
#include <sys/types.h>
#endif
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "mine.h"
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 1);
	__uint(key_size, 4); __uint(value_size, 4);
} jumps SEC(".maps");
#if defined(__TARGET_ARCH_x86)
int x86 = 1;
#elif defined(__TARGET_ARCH_s390)
int s390 = 1;
#elif defined(__TARGET_ARCH_arm64)
int arm64 = 1;
#endif
SEC("xdp") int count_packets(struct xdp_md *ctx)
{
	bpf_tail_call_static(ctx, &jumps, 0);
	return twice(ctx->data_end - ctx->data);
}
char _license[] SEC("license") = "GPL";
`

const mine = `static inline __attribute__((always_inline)) int twice(int n)
{
	return n + bpf_get_prandom_u32();
}
`

func setup(t *testing.T, dir string) (source string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	source = filepath.Join(dir, "a b.bpf.c")
	for path, text := range map[string]string{source: program,
		filepath.Join(dir, "mine.h"): mine} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return source
}

func symbols(t *testing.T, object []byte) (elf.FileHeader, string) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	return f.FileHeader, " " + strings.Join(names, " ") + " "
}

// TestCompile: an object has the same bytes wherever source, headers and working folder are, as
// long as the source is in the same place seen from there; it has BTF with the lines of the source,
// and no DWARF. Oracle: clang, and the standard library's reader of ELF files.
func TestCompile(t *testing.T) {
	ctx := context.Background()
	c, err := Find(ctx)
	if err != nil {
		testkit.Tool(t, "clang-19")
		t.Fatal(err)
	}
	var first []byte
	for _, place := range []struct{ at, from, as string }{
		{"p", "p", "a b.bpf.c"}, {"q", "q", "./a b.bpf.c"}, {"s", "s", ""},
		{"t", "t", "../t/a b.bpf.c"},
	} {
		root := t.TempDir()
		source := setup(t, filepath.Join(root, place.at))
		if place.as != "" {
			source = place.as
		}
		t.Chdir(filepath.Join(root, place.from))
		headers, err := WriteHeaders(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		object, said, err := c.Compile(ctx, &Job{Source: source, GOARCH: "amd64",
			Headers: headers})
		if err != nil || len(said) > 0 {
			t.Fatalf("%v: %v\n%s", place, err, said)
		}
		if bytes.Contains(object, []byte(root)) || bytes.Contains(object, []byte(headers)) {
			t.Errorf("%v: the object names the folder", place)
		}
		if first == nil {
			first = object
		}
		if !bytes.Equal(object, first) {
			t.Errorf("%v: the object is another one: files %q instead of %q", place,
				files(object), files(first))
		}
	}
	if !bytes.Contains(first, []byte(".BTF.ext")) || bytes.Contains(first, []byte(".debug_")) ||
		!bytes.Contains(first, []byte("\treturn twice(ctx->data_end - ctx->data);\x00")) ||
		!bytes.Contains(first, []byte("\t__asm__ volatile(\"r1 = %0\\n\"\x00")) ||
		!slices.Equal(files(first), []string{"./a b.bpf.c", "./mine.h",
			"purebpf/bpf/bpf_helpers.h"}) {
		t.Errorf("the object has not what it should: files %q", files(first))
	}
}

// TestHeaderLines: the BTF of a program has the lines of our headers too, with every clang, as it
// has those of libbpf's, which are where clang finds them by name. Oracle: the text of the header.
func TestHeaderLines(t *testing.T) {
	ctx := context.Background()
	text, err := include.Files.ReadFile("bpf/bpf_helpers.h")
	if err != nil {
		t.Fatal(err)
	}
	source := setup(t, t.TempDir())
	headers, err := WriteHeaders(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"clang-14", "clang-16", "clang-19"} {
		t.Setenv("BPF_CLANG", testkit.Tool(t, name))
		c, err := Find(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for flags, want := range map[string]bool{"": true, "-gdwarf-4": false} {
			object, said, err := c.Compile(ctx, &Job{Source: source, GOARCH: "amd64",
				Headers: headers, Flags: strings.Fields(flags)})
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			const line = `__asm__ volatile("r1 = %0\n"`
			if !bytes.Contains(text, []byte(line+"\n")) ||
				bytes.Contains(object, []byte(line+"\x00")) != want {
				t.Errorf("%s, flags %q: lines of the header are there: %v", name, flags, !want)
			}
		}
	}
}

// TestLinuxBPF: our linux/bpf.h precedes an older one of the system, also beside the system's other
// headers; a newer one of the system precedes ours, and one in a folder that the user names
// precedes both. Oracle: clang, which knows no constant that a header doesn't have.
func TestLinuxBPF(t *testing.T) {
	ctx := context.Background()
	c, err := Find(ctx)
	if err != nil {
		testkit.Tool(t, "clang-19")
		t.Fatal(err)
	}
	ours, err := include.Files.ReadFile(linuxBPF)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	file := func(path, text string) string {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const old = "#ifndef __LINUX_BPF_H__\n#define __LINUX_BPF_H__\n" +
		"/* no BPF_MAP_TYPE_ARENA */ enum { BPF_MAP_TYPE_UNSPEC, OLD };\n#endif\n"
	file("old/usr/include/linux/bpf.h", old)
	file("new/usr/include/linux/bpf.h", string(ours)+"enum { BPF_OF_TOMORROW = TCX_NEXT };\n")
	file("mine/linux/bpf.h", old)
	headers, err := WriteHeaders(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	compile := func(text string, flags ...string) {
		t.Helper()
		_, said, err := c.Compile(ctx, &Job{Source: file("a.bpf.c", text), GOARCH: runtime.GOARCH,
			Headers: headers, Flags: flags})
		if err != nil || len(said) > 0 {
			t.Errorf("%q: %v\n%s", flags, err, said)
		}
	}
	const use = "#include <bpf/bpf_helpers.h>\nint a[] = {BPF_MAP_TYPE_ARENA, TCX_NEXT};\n"
	const linux = "#include <linux/bpf.h>\n"
	const werror = "-Werror"
	compile(linux+use, werror)
	compile(linux+use, werror, "--sysroot="+filepath.Join(root, "old"))
	compile(linux+use+"int b = BPF_OF_TOMORROW;\n", werror,
		"--sysroot", filepath.Join(root, "new"))
	for _, option := range []string{"-I", "-isystem"} {
		compile(linux+"int a = OLD;\n", werror, option, filepath.Join(root, "mine"))
	}
	if _, err := os.Stat("/usr/include/linux/bpf.h"); err != nil {
		testkit.Skip(t, "the kernel's headers are not installed")
	}
	compile(linux+`
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/pkt_cls.h>
#include <linux/perf_event.h>
#include <linux/bpf_perf_event.h>
#include <linux/btf.h>
#include <netinet/in.h>
`+use, werror)
}

// files lists the names of source files in an object.
func files(object []byte) (list []string) {
	for _, text := range bytes.Split(object, []byte{0}) {
		if bytes.HasSuffix(text, []byte(".h")) || bytes.HasSuffix(text, []byte(".c")) {
			list = append(list, string(text))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// TestTarget: the oracle is clang's preprocessor and the ELF header.
func TestTarget(t *testing.T) {
	ctx := context.Background()
	c, err := Find(ctx)
	if err != nil {
		testkit.Tool(t, "clang-19")
		t.Fatal(err)
	}
	dir := t.TempDir()
	source := setup(t, dir)
	headers, err := WriteHeaders(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		goarch string
		big    bool
		flag   string
		want   string
	}{
		{"amd64", false, "", "x86"}, {"arm64", false, "", "arm64"}, {"s390x", true, "", "s390"},
		{"amd64", true, "", "s390"}, {"arm64", false, "-D__TARGET_ARCH_x86", "x86"},
		{"amd64", false, "-D __TARGET_ARCH_arm64", "arm64"},
	} {
		job := Job{Source: source, GOARCH: x.goarch, BigEndian: x.big, Headers: headers}
		if x.flag != "" {
			job.Flags = strings.Fields(x.flag)
		}
		object, said, err := c.Compile(ctx, &job)
		if err != nil {
			t.Fatalf("%+v: %v\n%s", x, err, said)
		}
		header, names := symbols(t, object)
		if big := header.Data == elf.ELFDATA2MSB; big != x.big ||
			!strings.Contains(names, " "+x.want+" ") {
			t.Errorf("%+v: %v, symbols %s", x, header.Data, names)
		}
	}
}

// TestCompileErrors: the message is clang's, with file and line.
func TestCompileErrors(t *testing.T) {
	ctx := context.Background()
	c, err := Find(ctx)
	if err != nil {
		testkit.Tool(t, "clang-19")
		t.Fatal(err)
	}
	dir := t.TempDir()
	setup(t, dir)
	t.Chdir(filepath.Dir(dir))
	headers, err := WriteHeaders(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(filepath.Base(dir), "bad.bpf.c")
	if err := os.WriteFile(bad, []byte("int x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, said, err := c.Compile(ctx, &Job{Source: bad, GOARCH: runtime.GOARCH, Headers: headers})
	if err == nil || err.Error() != c.Name+" failed" ||
		!strings.HasPrefix(string(said), bad+":1:6: error: expected ';'") {
		t.Errorf("%v\n%s", err, said)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := c.Compile(canceled, &Job{Source: bad, Headers: headers}); err == nil {
		t.Error("canceled: no error")
	}
	_, _, err = c.Compile(ctx, &Job{Source: bad, Headers: headers, Flags: []string{"-E"}})
	if err == nil {
		t.Error("preprocessed text passed for an object")
	}
}

// TestFind: programs that say other versions, or nothing. Oracle: the shell, which prints what a
// clang would.
func TestFind(t *testing.T) {
	ctx := context.Background()
	clang := func(dir, name, says string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+says+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	says := func(version string) string {
		return "echo 'Debian clang version " + version + " (tags/x)'; echo more"
	}
	a, b, c := t.TempDir(), t.TempDir(), t.TempDir()
	clang(a, "clang-14", says("14.0.6"))
	clang(a, "clang++-21", says("21.0.0"))
	clang(a, "clang-format-22", says("22.0.0"))
	clang(b, "clang-9", says("9.0.1"))
	clang(b, "clang", says("20.1.2"))
	clang(b, "clang-23", "exit 1") // a link that leads nowhere
	broken := clang(c, "other", "echo other 1.0")
	apple := clang(c, "mine", "echo 'Apple clang version 17.0.0 (clang-1700)'")
	old := clang(c, "clang-8", says("8.0.1"))
	if err := os.WriteFile(filepath.Join(c, "clang-30"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	join := func(dirs ...string) string {
		return strings.Join(dirs, string(os.PathListSeparator)) + ":/no/such:."
	}
	for _, x := range []struct{ path, env, name, says string }{
		{join(a, b), "", "clang", ""},
		{join(a), "", "clang-14", ""},
		{join(a, b), filepath.Join(a, "clang-14"), "clang-14", ""},
		{join(a, b), "clang-14", "clang-14", ""},
		{join(), "", "", ErrNone.Error()},
		{join(c), "", "", "clang-8 (version 8) is too old: BTF and CO-RE need clang 10 or newer"},
		{join(a), "no-such-clang", "", "BPF_CLANG"},
		{join(a), broken, "", "it is no clang"},
		{join(a), apple, "", "is Apple's"},
		{join(a), old, "", "clang-8 (version 8) is too old"},
	} {
		t.Setenv("PATH", x.path)
		t.Setenv("BPF_CLANG", x.env)
		found, err := Find(ctx)
		switch {
		case x.says != "":
			if err == nil || !strings.Contains(err.Error(), x.says) ||
				(x.says == ErrNone.Error()) != errors.Is(err, ErrNone) {
				t.Errorf("%+v: %v", x, err)
			}
		case err != nil || found.Name != x.name:
			t.Errorf("%+v: %+v, %v", x, found, err)
		}
	}
}
