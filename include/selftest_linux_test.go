//go:build amd64 || arm64

package include_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/purebpf/bpf/include"
	"github.com/purebpf/bpf/internal/testkit"
)

// The kernel's BPF selftests, compiled with libbpf 1.5's headers and with ours, are the same
// objects: instructions, data, relocations, BTF, functions, lines and CO-RE relocations. Left out
// are lines that lie in the headers themselves. Oracle: C libbpf's headers and clang.
func TestSelftests(t *testing.T) {
	for _, version := range []string{"6.1", "6.12"} {
		t.Run(version, func(t *testing.T) {
			tree := testkit.KernelSource(t, version)
			pattern := filepath.Join(tree, "tools/testing/selftests/bpf/progs/*.c")
			sources, err := filepath.Glob(pattern)
			if err != nil || len(sources) == 0 {
				t.Fatalf("no selftests, %s: %v", pattern, err)
			}
			some := 16
			if testing.Short() {
				some = 2
			}
			compareSources(t, tree, sources, some)
		})
	}
}

// The same for the other BPF programs in the kernel's tree: bpftool's, perf's, those of sched_ext
// and HID devices, samples.
func TestKernelPrograms(t *testing.T) {
	for _, version := range []string{"6.1", "6.12"} {
		t.Run(version, func(t *testing.T) {
			tree := testkit.KernelSource(t, version)
			var sources []string
			err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
				switch name := d.Name(); {
				case err != nil:
					return err
				case d.IsDir() && strings.HasSuffix(path, "tools/testing/selftests/bpf"):
					return fs.SkipDir
				case strings.HasSuffix(name, ".bpf.c"), strings.HasSuffix(name, "_kern.c"):
					sources = append(sources, path)
				}
				return nil
			})
			if err != nil || len(sources) == 0 {
				t.Fatalf("no programs in %s: %v", tree, err)
			}
			some := 6
			if testing.Short() {
				some = 1
			}
			compareSources(t, tree, sources, some)
		})
	}
}

// compareSources compares the objects of some sources of a kernel's tree.
func compareSources(t *testing.T, tree string, sources []string, some int) {
	t.Helper()
	theirs := oracleHeaders(t)
	here, err := filepath.Abs("bpf")
	if err != nil {
		t.Fatal(err)
	}
	ours := t.TempDir() // without our uapi/linux/bpf.h, whose types the tree's own would not equal
	if err := os.Symlink(here, filepath.Join(ours, "bpf")); err != nil {
		t.Fatal(err)
	}
	vmlinuxHeader(t)
	sources = testkit.Spread(t, "sources", sources, some)
	var refused, same counter
	t.Run("sources", func(t *testing.T) {
		for _, source := range sources {
			t.Run(filepath.Base(source), func(t *testing.T) {
				t.Parallel()
				want, err := compileSource(t, tree, source, theirs)
				if err != nil {
					refused.add() // libbpf's headers or clang-19 don't take it
					return
				}
				got, err := compileSource(t, tree, source, ours)
				if err != nil {
					t.Fatal(err)
				}
				compareObjects(t, want, got, theirs, ours)
				same.add()
			})
		}
	})
	t.Logf("%d of %d sources compared, %d don't compile with libbpf's headers",
		same.n, len(sources), refused.n)
	if len(sources) >= 16 && refused.n > len(sources)/2 {
		t.Errorf("most sources don't compile: their headers are not found")
	}
}

// newer are the helpers whose prototypes changed after libbpf 1.5, and thereby the instructions of
// their callers: lengths of dynptrs became 64 bits wide, and bpf_d_path takes a const path.
var newer = []string{"d_path", "dynptr_from_mem", "dynptr_read", "dynptr_write", "dynptr_data"}

// oracleHeaders returns a folder with libbpf's headers, in which the newer prototypes are ours.
func oracleHeaders(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(testkit.LibbpfHeaders(t))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bpf", "bpf_helper_defs.h")
	theirs, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := include.Files.ReadFile("bpf/bpf_helper_defs.h")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range newer {
		prototype := regexp.MustCompile(`static [^;]*\(\* const bpf_` + name + `\)\([^)]*\)`)
		old, now := prototype.Find(theirs), prototype.Find(ours)
		if old == nil || now == nil ||
			slices.Equal(strings.Fields(string(old)), strings.Fields(string(now))) {
			t.Fatalf("the prototype of bpf_%s is no difference:\n%s\n%s", name, old, now)
		}
		theirs = bytes.Replace(theirs, old, now, 1)
	}
	if err := os.WriteFile(path, theirs, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
}

// vmlinuxDir has vmlinux.h of the running kernel, as bpftool writes it.
var vmlinuxDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "include-")
	if err != nil {
		log.Fatal(err)
	}
	vmlinuxDir = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func vmlinuxHeader(t *testing.T) string {
	t.Helper()
	path := filepath.Join(vmlinuxDir, "vmlinux.h")
	if _, err := os.Stat(path); err == nil {
		return vmlinuxDir
	}
	text := testkit.Run(t, "bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux",
		"format", "c")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return vmlinuxDir
}

// samplePrelude is what samples/bpf/*_kern.c take from headers of the kernel that are not for user
// space.
const samplePrelude = `
#include <linux/types.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#define TASK_COMM_LEN 16
#define AF_INET6 10
#define SOL_SOCKET 1
#define SOL_TCP 6
`

func compileSource(t *testing.T, tree, source, headers string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	object := filepath.Join(dir, "out.bpf.o")
	var prelude []string
	if strings.HasSuffix(source, "_kern.c") {
		if err := os.Mkdir(filepath.Join(dir, "linux"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"prelude.h": samplePrelude,
			"linux/compiler.h": "#define __user\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		prelude = []string{"-include", filepath.Join(dir, "prelude.h"), "-idirafter", dir}
	}
	args := append([]string{"-g", "-O2", "-mcpu=v3", "-target", "bpf",
		"-D__TARGET_ARCH_x86", "-I" + headers, "-I.", "-I" + vmlinuxDir, "-I../../../include/uapi",
		"-I" + filepath.Dir(source), "-idirafter", "../../../../include",
		"-idirafter", "/usr/include/x86_64-linux-gnu", "-idirafter", "/usr/include",
		"-Wno-compare-distinct-pointer-types", "-c", source, "-o", object}, prelude...)
	cmd := exec.Command(testkit.Tool(t, "clang-19"), args...)
	cmd.Dir = filepath.Join(tree, "tools/testing/selftests/bpf")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return object, nil
}
