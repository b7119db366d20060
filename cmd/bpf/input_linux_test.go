package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// within fails a test that waits forever.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(testkit.Patience(20 * time.Second)):
		t.Fatalf("%s: it doesn't end", what)
	}
}

// fileVerbs are the commands that read a file, each with a placeholder for it.
var fileVerbs = [][]string{
	{"objdump", "FILE"}, {"plan", "FILE"}, {"verify", "FILE"}, {"check", "FILE"}, {"run", "FILE"},
	{"attach", "FILE", "p", "xdp:lo"},
	{"vmlinux", "FILE"}, {"btf", "dump", "file", "FILE"},
	{"check", "--btf", "FILE", "OBJ"}, {"check", "--core-btf", "FILE", "OBJ"},
	{"check", "--kconfig", "FILE", "OBJ"},
	{"plan", "--btf", "FILE", "OBJ"}, {"plan", "--core-btf", "FILE", "OBJ"},
	{"plan", "--kconfig", "FILE", "OBJ"},
	{"verify", "--core-btf", "FILE", "OBJ"}, {"verify", "--kconfig", "FILE", "OBJ"},
	{"run", "--core-btf", "FILE", "OBJ"}, {"run", "--kconfig", "FILE", "OBJ"},
}

// fileVerb fills in FILE and OBJ.
func fileVerb(verb []string, file string) []string {
	var args []string
	for _, a := range verb {
		args = append(args, strings.NewReplacer("FILE", file, "OBJ",
			"../../testdata/link.bpf.o").Replace(a))
	}
	return args
}

// TestFilesWithoutEnd gives every command files that have no end or block forever. Oracle: the
// kernel, which says what the files are, and how much memory the command had at most (ru_maxrss):
// 256 MiB are less than any of the files would take.
func TestFilesWithoutEnd(t *testing.T) {
	testkit.Root(t)
	dir := t.TempDir()
	sparse, fifo := filepath.Join(dir, "sparse"), filepath.Join(dir, "fifo")
	if err := os.WriteFile(sparse, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(sparse, 20<<30); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	files := []string{sparse, fifo, "/dev/zero", "/dev/full"}
	instance := filepath.Join(testkit.Tracefs(t), "instances", "purebpf_"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(instance, 0o700); err == nil {
		t.Cleanup(func() { os.Remove(instance) })
		// claims to be regular, and blocks
		files = append(files, filepath.Join(instance, "trace_pipe"))
	} else {
		t.Logf("no instance of tracing: %v", err)
	}
	total, step := len(fileVerbs)*len(files), 1
	if testing.Short() {
		step = len(files) + 1 // one file for each command
	}
	testkit.Sample(t, "commands and files", total, total/step)
	for n := 0; n < total; n += step {
		args := fileVerb(fileVerbs[n/len(files)], files[n%len(files)])
		file := files[n%len(files)]
		cmd := command(t, args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(testkit.Patience(20*time.Second), func() { cmd.Process.Kill() })
		cmd.Wait()
		stop.Stop()
		if code := cmd.ProcessState.ExitCode(); code != 1 ||
			!strings.Contains(out.String(), file) ||
			strings.Count(strings.TrimSpace(out.String()), "\n") > 0 {
			t.Errorf("%q: status %d, %s", args, code, out.String())
		}
		// The kernel counts what this process had when it started the other.
		var own syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
			t.Fatal(err)
		}
		kib := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
		if kib > max(256<<10, own.Maxrss) {
			t.Errorf("%q: took %d KiB", args, kib)
		}
	}
}

// TestLibraryFilesWithoutEnd is TestFilesWithoutEnd for the library's functions.
func TestLibraryFilesWithoutEnd(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/zero", t.TempDir()} {
		for name, open := range map[string]func(string) error{
			"bpf.Open":          func(p string) error { _, err := bpf.Open(p, nil); return err },
			"kernel.ReadBTF":    func(p string) error { _, err := kernel.ReadBTF(p); return err },
			"kernel.EachSymbol": func(p string) error { return kernel.EachSymbol(p, nil) },
			"kernel.OpenToken":  func(p string) error { _, err := kernel.OpenToken(p); return err },
			"inspect.Cgroup": func(p string) error {
				_, err := inspect.Cgroup(p, 0)
				return err
			},
		} {
			within(t, name+" of "+path, func() {
				if err := open(path); err == nil || !strings.Contains(err.Error()+path, path) {
					t.Errorf("%s of %s: %v", name, path, err)
				}
			})
		}
	}
}

// TestKernelFiles gives commands files that the kernel generates as they are read. They are refused
// by their kind, which stat(1) shows as well, and not read: that would take the kernel's log from
// another reader.
func TestKernelFiles(t *testing.T) {
	testkit.Root(t)
	words := map[string]string{ // by the magic numbers of linux/magic.h; busybox has no names
		"9fa0": "a file of /proc", "74726163": "a file of tracefs",
		"63677270": "a file of a cgroup",
		"27e0eb":   "a file of a cgroup", "6e736673": "a namespace",
	}
	files := []string{
		"/proc/kmsg", "/proc/self/mem", "/proc/self/maps", "/proc/self/environ",
		"/proc/self/pagemap",
		"/proc/self/clear_refs", "/proc/self/ns/net", filepath.Join(testkit.Tracefs(t), "trace"),
		filepath.Join(testkit.Tracefs(t), "trace_pipe"),
		filepath.Join(testkit.Tracefs(t), "trace_marker"),
	}
	if dir, err := rootCgroup(); err == nil {
		files = append(files, filepath.Join(dir, "cgroup.procs"))
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			t.Logf("no file %s here: %v", file, err)
			continue
		}
		kind := strings.TrimSpace(string(testkit.Run(t, "stat", "-L", "-f", "-c", "%t", file)))
		want := words[kind]
		if want == "" {
			t.Errorf("%s is on a %s", file, kind)
			continue
		}
		for _, args := range [][]string{
			{"verify", file}, {"run", file}, {"objdump", file}, {"plan", file},
			{"check", "../../testdata/link.bpf.o", "--btf", file},
			{"check", "../../testdata/link.bpf.o", "--core-btf", file},
		} {
			text, err := verb(args...)
			if err != nil {
				text += err.Error()
			}
			if err == nil || !strings.Contains(text, want) ||
				!strings.Contains(text, "give a regular file") {
				t.Errorf("%q: %v: %s; want %s", args, err, text, want)
			}
		}
	}
	// A file that can't be read isn't treated as empty.
	for _, file := range []string{"/sys/class/net/lo/speed", "/sys/class/net/lo/uevent"} {
		_, readErr := os.ReadFile(file)
		if _, err := verb("plan", file); readErr != nil && !errors.Is(err, errors.Unwrap(readErr)) {
			t.Errorf("plan %s: %v; read: %v", file, err, readErr)
		}
	}
	if _, err := verb("plan", "/sys/bus/pci/rescan"); errors.Is(err, syscall.EACCES) &&
		!strings.Contains(err.Error(), "mode 0200") {
		t.Errorf("a file for writing alone: %v", err)
	}
	socket := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, v := range []string{"plan", "objdump"} {
		if _, err := verb(v, socket); err == nil || !strings.Contains(err.Error(), "a socket") {
			t.Errorf("%s of a socket: %v", v, err)
		}
	}
}

// TestFilesRecognised gives commands files that the tools themselves make. Oracle: those tools, and
// their use of the files.
func TestFilesRecognised(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "clang-19")
	dir := t.TempDir()
	object := testkit.Compile(t, "int x;\n")
	source := filepath.Join(dir, "x.c")
	if err := os.WriteFile(source, []byte("#include <linux/bpf.h>\nint x;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain.c")
	if err := os.WriteFile(plain, []byte("int f(void *c) { return 0; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	clang := func(out string, flags ...string) []string {
		return append(append([]string{"clang-19", "-O2", "-c", plain}, flags...), "-o", at(out))
	}
	sh := func(script string) []string { return []string{"sh", "-c", script, "sh", object, dir} }
	for _, tc := range []struct {
		file string
		make []string
		want string // "" if no more than one of these refuses it
	}{
		{"x.gz", sh(`gzip -c "$1" > "$2/x.gz"`), "gzip-compressed: unpack it with gunzip"},
		{"x.xz", sh(`xz -c "$1" > "$2/x.xz"`), "xz-compressed: unpack it with xz -d"},
		{"x.tar", sh(`tar -cf "$2/x.tar" -C "$2" x.c`), "a tar archive: unpack it with tar -xf"},
		{"x.a", sh(`ar rc "$2/x.a" "$1"`), "an ar archive: extract its members with ar x"},
		{"x.bc", clang("x.bc", "-target", "bpf", "-emit-llvm"),
			"LLVM bitcode: compile it with llc -march=bpf -filetype=obj, or link with bpf-linker"},
		{"x.ll", clang("x.ll", "-target", "bpf", "-emit-llvm", "-S"),
			"LLVM assembly: compile it with llc -march=bpf"},
		{"x.s", clang("x.s", "-target", "bpf", "-S"), "assembly: assemble it"},
		{"g.s", clang("g.s", "-target", "bpf", "-S", "-g", "-DCONFIG_X"), "assembly: assemble it"},
		{"host.o", clang("host.o", "--target=x86_64-linux-gnu"),
			"an ELF file for x86-64 (machine 62): compile it with -target bpf"},
		{"host32.o", clang("host32.o", "--target=i386-linux-gnu"),
			"an ELF file for 32-bit (ELF class 1) x86 (machine 3): compile it with -target bpf"},
		{"macho.o", clang("macho.o", "--target=arm64-apple-macos"),
			"a Mach-O file: it is for macOS"},
		{"wasm.o", clang("wasm.o", "--target=wasm32"), "WebAssembly"},
		{"exe", sh(`cp /bin/true "$2/exe"`), "ELF type 3, an executable or shared library"},
		{"x.c", nil, "C source text: compile it: clang -O2 -g -target bpf -c"},
		{"plain.c", nil, "text: give a compiled object"},
		{"script", sh(`printf '#!/bin/sh\n' > "$2/script"`), "a script"},
		{"empty", sh(`: > "$2/empty"`), "an empty file"},
		{"x.btf", sh(`objcopy -I elf64-little -O binary --only-section=.BTF --set-section-flags .BTF=alloc "$1" "$2/x.btf"`),
			"raw BTF without code"},
		{"folder", sh(`mkdir "$2/folder"`), "a directory: give a regular file"},
	} {
		if tc.make != nil {
			testkit.Run(t, tc.make[0], tc.make[1:]...)
		}
		for _, v := range []string{"objdump", "plan", "check", "verify"} {
			text, err := verb(v, at(tc.file))
			if err != nil {
				text += err.Error()
			}
			want := tc.want
			if filepath.Ext(tc.file) == ".c" && v != "objdump" {
				want = "is C source: compile it first: bpf gen"
			}
			if err == nil || !strings.Contains(text, want) || !strings.Contains(text, tc.file) {
				t.Errorf("%s %s: %v: %s", v, tc.file, err, text)
			}
		}
	}
	// Files for options that take BTF.
	for _, tc := range []struct{ file, want string }{
		{"x.xz", "xz-compressed: unpack it with xz -d"}, {"x.tar", "a tar archive: unpack"},
		{"x.bc", "LLVM bitcode"},
		{"empty", "too short"}, {"plain.c", "neither BTF nor ELF but text"},
	} {
		for _, flag := range []string{"--btf", "--core-btf"} {
			if _, err := verb("check", flag, at(tc.file), object); err == nil ||
				!strings.Contains(err.Error(), tc.want) {
				t.Errorf("check %s %s: %v", flag, tc.file, err)
			}
		}
	}
	for _, file := range []string{object, at("x.gz")} {
		_, err := verb("check", "--btf", file, object)
		if err == nil || !strings.Contains(err.Error(), "no kernel") {
			t.Errorf("%s: a BPF object is taken for a kernel: %v", file, err)
		}
	}
	if _, err := verb("plan", "--kconfig", at("exe"), object); err == nil ||
		!strings.Contains(err.Error(), "ELF file") {
		t.Errorf("--kconfig of a program: %v", err)
	}
}

// TestPacked reads BTF, kconfig and kallsyms compressed by gzip. Oracle: gzip, and the same results
// as for the uncompressed files.
func TestPacked(t *testing.T) {
	btf, err := kernel.ReadBTF("/sys/kernel/btf/vmlinux")
	if err != nil {
		testkit.Skip(t, "the kernel shows no BTF: %v", err)
	}
	object := testkit.Compile(t, `
extern int CONFIG_PUREBPF_X __attribute__((section(".kconfig"), weak));
extern const void init_task __attribute__((section(".ksyms")));
__attribute__((section("socket"), used)) int p(void *ctx) { return CONFIG_PUREBPF_X + (long)&init_task; }
char _license[] __attribute__((section("license"), used)) = "GPL";
`)
	plain, packed := t.TempDir(), t.TempDir()
	for name, data := range map[string][]byte{
		"vmlinux": btf, "config": []byte("CONFIG_PUREBPF_X=42\n"),
		"kallsyms": []byte("ffffffff81000000 D init_task\n"), "version": []byte("6.12.1\n"),
	} {
		if err := os.WriteFile(filepath.Join(plain, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(packed, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if name != "version" {
			testkit.Run(t, "gzip", path)
		}
	}
	want, err := verb("plan", "--btf", plain, object)
	if err != nil || !strings.Contains(want, "42") ||
		!strings.Contains(want, "0xffffffff81000000") {
		t.Fatalf("%v: %s", err, want)
	}
	if got, err := verb("plan", "--btf", packed, object); err != nil || got != want {
		t.Errorf("packed: %v: %s\nplain: %s", err, got, want)
	}
	one, err := verb("check", "--btf", filepath.Join(plain, "vmlinux"), object)
	if got, packedErr := verb(
		"check", "--btf", filepath.Join(packed, "vmlinux.gz"), object); got != one ||
		(packedErr == nil) != (err == nil) {
		t.Errorf("packed: %v: %s\nplain: %v: %s", packedErr, got, err, one)
	}
	// A gzip bomb: gzip files may be concatenated.
	var mebibyte bytes.Buffer
	z := gzip.NewWriter(&mebibyte)
	z.Write(make([]byte, 1<<20))
	z.Close()
	bomb := bytes.Repeat(mebibyte.Bytes(), 257)
	path := filepath.Join(t.TempDir(), "bomb.gz")
	if err := os.WriteFile(path, bomb, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := verb("check", "--kconfig", path, object); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("check --kconfig with a gzip bomb: %v", err)
	}
	if _, err := verb("check", "--btf", path, object); err == nil ||
		!strings.Contains(err.Error(), "zero") {
		t.Errorf("check --btf with a gzip bomb: %v", err)
	}
}

// TestPiped reads an object and BTF from pipes. Oracle: the same results as for the files.
func TestPiped(t *testing.T) {
	const object = "../../testdata/link.bpf.o"
	raw, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	btf, err := kernel.ReadBTF(object)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		stdin []byte
		args  []string
	}{
		{raw, []string{"objdump", "FILE"}},
		{btf, []string{"check", "--btf", "FILE", object}},
	} {
		file := filepath.Join(t.TempDir(), "stdin")
		if err := os.WriteFile(file, tc.stdin, 0o600); err != nil {
			t.Fatal(err)
		}
		run := func(file string, stdin []byte) string {
			cmd := command(t, fileVerb(tc.args, file)...)
			cmd.Stdin = bytes.NewReader(stdin)
			out, err := cmd.CombinedOutput()
			if err != nil && cmd.ProcessState.ExitCode() < 0 {
				t.Fatal(err)
			}
			return strings.ReplaceAll(string(out), file, "FILE")
		}
		want, got := run(file, nil), run("/dev/stdin", tc.stdin)
		if got != want || len(got) < 40 {
			t.Errorf("%q: %s\nwant %s", tc.args, got, want)
		}
	}
}
