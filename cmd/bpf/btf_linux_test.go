package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// newer matches what Debian's bpftool 7.1 doesn't write yet: macros and prototypes for kfuncs.
var newer = regexp.MustCompile(
	`(?s)#ifndef __ksym\n.*?#endif\n#endif\n\n|/\* BPF kfunc prototypes \*/.*?#endif\n\n`)

// byteEnums matches the attribute of small enums, which it doesn't write either.
var byteEnums = regexp.MustCompile(`(?m)^(\t*\}) __attribute__\(\(mode\(byte\)\)\)`)

// TestBTFDump: the oracle is Debian's bpftool with the same words, byte for byte.
func TestBTFDump(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	dir := testkit.BPFFS(t)
	testkit.LittleEndian(t)
	const object = "testdata/btf.bpf.o"
	opened, err := bpf.Open(object, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := bpf.Load(opened, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	program, typed := o.Program("btf_test_program_of_a_long_name"), o.Map("btf_test_typed")
	pinnedProgram, pinnedMap := filepath.Join(dir, "program"), filepath.Join(dir, "map")
	if err := errors.Join(program.Pin(pinnedProgram), typed.Pin(pinnedMap)); err != nil {
		t.Fatal(err)
	}
	programInfo, err := program.Info()
	if err != nil {
		t.Fatal(err)
	}
	mapInfo, err := typed.Info()
	if err != nil {
		t.Fatal(err)
	}
	id := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
	prog, typedMap := "id "+id(programInfo.ID), "id "+id(mapInfo.ID)
	for _, line := range []string{
		"file " + vmlinuxBTF,
		"file " + vmlinuxBTF + " format raw",
		"file " + vmlinuxBTF + " format c",
		"f " + object + " form raw",
		"file " + object + " f c",
		"id 1",
		"prog " + prog,
		"prog " + prog + " format c",
		"p pinned " + pinnedProgram,
		"prog tag " + hex.EncodeToString(programInfo.Tag[:]),
		"prog name btf_test_program_of_a_long_name format c",
		"map " + typedMap,
		"map " + typedMap + " key",
		"map " + typedMap + " value format c",
		"map pinned " + pinnedMap + " kv",
		"map pinned " + pinnedMap + " kv format c",
		"map " + typedMap + " all",
		"map " + typedMap + " all format c",
	} {
		args := append([]string{"btf", "dump"}, strings.Fields(line)...)
		want := testkit.Run(t, "bpftool", args...)
		asC := strings.HasSuffix(line, " c")
		if asC {
			args = append(args, "unsorted")
		}
		got, err := command(t, args...).Output()
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if asC {
			got = newer.ReplaceAll(got, nil)
			got = byteEnums.ReplaceAll(got, []byte("$1"))
		}
		if !bytes.Equal(got, want) {
			sameLines(t, line, string(got), string(want))
		}
	}

	var got, want any
	out, err := command(t, "-j", "btf", "dump", "map", "id", id(mapInfo.ID), "all").Output()
	if err != nil || json.Unmarshal(out, &got) != nil {
		t.Errorf("JSON: %v, %s", err, out)
	}
	json.Unmarshal(testkit.Run(t, "bpftool", "-j", "btf", "dump", "map", "id", id(mapInfo.ID),
		"all"), &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("JSON is %v, bpftool's is %v", got, want)
	}

	for _, line := range []string{"btf show id 1", "btf list id " + id(mapInfo.BTFID),
		"-j btf show id 1", "-p btf s id " + id(mapInfo.BTFID)} {
		args := strings.Fields(line)
		want := testkit.Run(t, "bpftool", args...)
		got, err := command(t, append([]string{"--no-owners"}, args...)...).Output()
		if err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(string(want)) {
			t.Errorf("%s: %v\ngot  %s\nwant %s", line, err, got, want)
		}
	}
}

func sameLines(t *testing.T, what, got, want string) {
	t.Helper()
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s: line %d is %q, bpftool has %q", what, i+1, a[i], b[i])
			return
		}
	}
	t.Errorf("%s: %d lines, bpftool has %d", what, len(a), len(b))
}

// TestBTFDumpSplit: the oracle is bpftool with the same base.
func TestBTFDumpSplit(t *testing.T) {
	testkit.VmlinuxBTF(t)
	base, err := kernel.Running().BTF()
	if err != nil {
		t.Fatal(err)
	}
	task, ok := base.FindByName("task_struct", btf.KindStruct)
	if !ok {
		t.Fatal("no task_struct")
	}
	b := btf.NewBuilder(base)
	pointer := b.AddPtr(task)
	module := b.AddStruct("purebpf_module", 16)
	b.AddMember("first", pointer, 0, 0)
	b.AddMember("second", pointer, 64, 0)
	b.AddTypedef("purebpf_module_t", module)
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	path := filepath.Join(t.TempDir(), "module.btf")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"raw", "c"} {
		want := testkit.Run(t, "bpftool", "-B", vmlinuxBTF, "btf", "dump", "file", path, "format",
			format)
		args := []string{"btf", "dump", "file", path, "-B", vmlinuxBTF, "format", format}
		if format == "c" {
			args = append(args, "unsorted")
		}
		got, err := command(t, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		got = byteEnums.ReplaceAll(newer.ReplaceAll(got, nil), []byte("$1"))
		if !bytes.Equal(got, want) {
			sameLines(t, format, string(got), string(want))
		}
	}
	out, err := command(t, "btf", "dump", "file", path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--base-btf") {
		t.Errorf("without the base: %v, %s", err, out)
	}
	out, err = command(t, "vmlinux", path, "-B", vmlinuxBTF, "--types",
		"purebpf_module_t").Output()
	if err != nil || !strings.Contains(string(out), "\nstruct purebpf_module {\n") ||
		strings.Contains(string(out), "\nstruct task_struct {\n") {
		t.Errorf("types of the module: %v, %d bytes", err, len(out))
	}
}

// TestVmlinux: the oracle is clang, which compiles a program with the header: the whole one, and
// one with the types that the program needs.
func TestVmlinux(t *testing.T) {
	testkit.VmlinuxBTF(t)
	for _, args := range [][]string{
		{"vmlinux"}, {"vmlinux", "--types", "task_struct,sk_buff"},
		{"vmlinux", vmlinuxBTF, "--unsorted", "--guard", "MINE_H", "--types", "task_struct",
			"--types", "sk_buff"},
	} {
		out, err := command(t, args...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "vmlinux.h"), out, 0o644); err != nil {
			t.Fatal(err)
		}
		object := testkit.Compile(t, `
#include "vmlinux.h"
struct task_struct task;
int pid_of(struct task_struct *t, struct sk_buff *skb)
{
	return t->real_parent->tgid + skb->len;
}
`, "-nostdlibinc", "-I", dir)
		spec, err := btfFromFile(object, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := spec.types([]string{"task_struct"})
		if err != nil {
			t.Fatal(err)
		}
		want, err := kernel.Running().BTF()
		if err != nil {
			t.Fatal(err)
		}
		there, _ := want.FindByName("task_struct", btf.KindStruct)
		a, _ := spec.spec.SizeOf(got[0])
		if b, _ := want.SizeOf(there); a != b {
			t.Errorf("%v: task_struct has %d bytes in the object, %d in the kernel", args, a, b)
		}
	}
}

// TestBTFErrors: the oracle is bpftool, which refuses these too, but for what it doesn't have.
func TestBTFErrors(t *testing.T) {
	testkit.Root(t)
	testkit.VmlinuxBTF(t)
	dir := testkit.BPFFS(t)
	plain := filepath.Join(dir, "plain")
	testkit.Run(t, "bpftool", "map", "create", plain, "type", "array", "key", "4", "value", "4",
		"entries", "1", "name", "btf_test_bare")
	for _, x := range []struct{ line, want string }{
		{"btf dump", "name a source of BTF: file PATH"},
		{"btf dump foo", `"foo" is no source of BTF`},
		{"btf dump file", "path of a file is missing"},
		{"btf dump file /no/such", "no such file"},
		{"btf dump file " + dir, "a directory"},
		{"btf dump file " + vmlinuxBTF + " format x", `format "x" does not exist: raw or c`},
		{"btf dump file " + vmlinuxBTF + " format", "name of a format is missing"},
		{"btf dump file " + vmlinuxBTF + " foo", `"foo" is not expected`},
		{"btf dump file " + vmlinuxBTF + " root_id 99999999", "has no type [99999999]"},
		{"btf dump id x", `"x" is no number`},
		{"btf dump id 4294967295", "BTF object 4294967295"},
		{"btf dump prog", "name a program"},
		{"btf dump prog id 4294967295", "no such file"},
		{"btf dump prog tag 12", "16 hexadecimal digits"},
		{"btf dump prog tag 0000000000000000", "no program has tag 0000000000000000"},
		{"btf dump prog name no_such_program", "no program has name no_such_program"},
		{"btf dump prog pinned " + plain, "it is a bpf-map, not a bpf-prog"},
		{"btf dump map name no_such_map", "no map has name no_such_map"},
		{"btf dump map pinned " + plain, "btf_test_bare) was created without BTF"},
		{"vmlinux --types task_strcut", `has no type "task_strcut"; near: task_struct`},
		{"vmlinux --types a_,b_", `has no type "b_"`},
		{"vmlinux /dev/null", "/dev/null"},
		{"vmlinux " + vmlinuxBTF + " more", "accepts at most 1 arg"},
	} {
		cmd := command(t, strings.Fields(x.line)...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		text := errs.String()
		if err == nil || len(out) > 0 || !strings.Contains(text, x.want) ||
			!strings.HasPrefix(text, "bpf: ") || strings.Count(text, "\n") > 2 {
			t.Errorf("%s: %v, %d bytes of output, %q doesn't say %q", x.line, err, len(out), text,
				x.want)
		}
	}
	out, err := command(t, "btf", "dump", "file", vmlinuxBTF, "format", "c", "-j").Output()
	if want := `{"error":"format c has no JSON form"}` + "\n"; err == nil || string(out) != want {
		t.Errorf("-j: %v, %q", err, out)
	}
}

// TestBTFClosedPipe: the oracle is the status: a reader that left is no error to tell.
func TestBTFClosedPipe(t *testing.T) {
	testkit.VmlinuxBTF(t)
	for _, args := range [][]string{{"vmlinux"}, {"btf", "dump", "file", vmlinuxBTF}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(t, args...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = w, &errs
		r.Close()
		err = cmd.Run()
		w.Close()
		if cmd.ProcessState.ExitCode() != 1 || errs.Len() > 0 {
			t.Errorf("%v: %v, %q", args, err, errs.String())
		}
	}
}

// BenchmarkBTFDump runs whole processes, and bpftool's beside: the goal is 0.42 of its time and 15
// MB.
func BenchmarkBTFDump(b *testing.B) {
	own := filepath.Join(b.TempDir(), "bpf")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", own,
		".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for _, bench := range []struct{ name, line string }{
		{"c", "bpftool btf dump file " + vmlinuxBTF + " format c"},
		{"c-unsorted", own + " btf dump file " + vmlinuxBTF + " format c unsorted"},
		{"c-sorted", own + " btf dump file " + vmlinuxBTF + " format c"},
		{"raw", "bpftool btf dump file " + vmlinuxBTF},
		{"raw", own + " btf dump file " + vmlinuxBTF},
	} {
		args := strings.Fields(bench.line)
		b.Run(filepath.Base(args[0])+"-"+bench.name, func(b *testing.B) {
			var cpu float64
			var most int64
			for b.Loop() {
				cmd := exec.Command(args[0], args[1:]...)
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				s := cmd.ProcessState
				cpu += (s.UserTime() + s.SystemTime()).Seconds()
				most = max(most, int64(s.SysUsage().(*syscall.Rusage).Maxrss))
			}
			b.ReportMetric(cpu*1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(most), "peak-KiB")
		})
	}
}
