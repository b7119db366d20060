package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/include"
	"github.com/purebpf/bpf/internal/testkit"
)

func runHeaders(args ...string) (string, error) {
	var out bytes.Buffer
	root := newRootCommand()
	root.SetArgs(append([]string{"headers"}, args...))
	root.SetOut(&out)
	err := root.Execute()
	return out.String(), err
}

// The written files are the embedded ones, and clang compiles a program with them, without any
// headers of the system. Oracle: the file system and clang.
func TestHeaders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	out, err := runHeaders(dir)
	if err != nil || !strings.Contains(out, "headers written, 0 were there\n") {
		t.Fatalf("%q, %v", out, err)
	}
	files := headersIn(t, dir)
	if len(files) < 10 {
		t.Fatalf("only %d files", len(files))
	}
	for name, text := range files {
		if want, err := include.Files.ReadFile(name); err != nil || text != string(want) {
			t.Errorf("%s is not what is embedded: %v", name, err)
		}
		if first, _, _ := strings.Cut(text,
			"\n"); !strings.Contains(first, "SPDX-License-Identifier: ") {
			t.Errorf("%s starts with %q", name, first)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil ||
			info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	testkit.Run(t, "clang-19", "-target", "bpf", "-g", "-O2", "-nostdlibinc", "-I", dir,
		"-idirafter",
		filepath.Join(dir, "uapi"), "-c", "../../include/testdata/packetcount.bpf.c",
		"-o", filepath.Join(t.TempDir(), "o"))

	out, err = runHeaders(dir)
	if err != nil || !strings.Contains(out, ": 0 headers written, ") {
		t.Errorf("again: %q, %v", out, err)
	}
	older := filepath.Join(dir, "bpf", "bpf_endian.h")
	write(t, older, "/* SPDX-License-Identifier: X */\n/* "+include.Mark+" */\n")
	out, err = runHeaders(dir)
	if err != nil || !strings.Contains(out, ": 1 headers written, ") {
		t.Errorf("with an older one: %q, %v", out, err)
	}
}

// A file in the way that is not from this command is named, and then nothing is written, unless the
// user insists.
func TestHeadersInTheWay(t *testing.T) {
	libbpf, err := os.ReadFile(filepath.Join(testkit.LibbpfHeaders(t), "bpf", "usdt.bpf.h"))
	if err != nil {
		t.Fatal(err)
	}
	for what, make := range map[string]func(path string){
		"libbpf's header": func(path string) { write(t, path, string(libbpf)) },
		"an empty file":   func(path string) { write(t, path, "") },
		"a folder":        func(path string) { mkdir(t, path) },
		"a fifo":          func(path string) { mkfifo(t, path) },
		"a symlink": func(path string) {
			if err := os.Symlink("/dev/null", path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "bpf", "usdt.bpf.h")
		mkdir(t, filepath.Dir(path))
		make(path)
		before := entries(t, dir)
		out, err := runHeaders(dir)
		if err == nil || out != "" || !strings.Contains(err.Error(), path+" is in the way") ||
			!strings.Contains(err.Error(), "--force") {
			t.Errorf("%s: %q, %v", what, out, err)
		}
		if after := entries(t, dir); after != before {
			t.Errorf("%s: was %s, is %s", what, before, after)
		}
		out, err = runHeaders("--force", dir)
		if what == "a folder" {
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, forced: %q, %v", what, out, err)
			}
			continue
		}
		want, _ := include.Files.ReadFile("bpf/usdt.bpf.h")
		if got, e := os.ReadFile(path); err != nil || e != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, forced: %v, %v", what, err, e)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if _, err := runHeaders(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as the folder: %v", err)
	}
}

func headersIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func entries(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		all = append(all, path+d.Type().String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func mkfifo(t *testing.T, path string) {
	t.Helper()
	if err := unix.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
}
