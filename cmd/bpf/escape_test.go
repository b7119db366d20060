package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/purebpf/bpf/internal/testkit"
)

// hostileSource has a name of every kind that an object can have. The test overwrites HOSTILE_ and
// the rest of the name.
const hostileSource = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
enum HOSTILE_ENUM_XXXXXXXXXXXXXXXX { HOSTILE_VALUE_XXXXXXXXXXXXXXX = 7 };
struct HOSTILE_EVENT_XXXXXXXXXXXXXXX {
	int HOSTILE_MEMBER_XXXXXXXXXXXXXX;
	enum HOSTILE_ENUM_XXXXXXXXXXXXXXXX kind;
	char str[16];
};
struct HOSTILE_CORE_XXXXXXXXXXXXXXXX { int HOSTILE_FIELD_XXXXXXXXXXXXXXX; } __attribute__((preserve_access_index));
struct {
	__uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 10); __type(key, int);
	__type(value, struct HOSTILE_EVENT_XXXXXXXXXXXXXXX);
} HOSTILE_MAP_XXXXXXXXXXXXXXXXX SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } HOSTILE_RING_XXXXXXXXXXXXXXXX SEC(".maps");
struct HOSTILE_EVENT_XXXXXXXXXXXXXXX HOSTILE_VARIABLE_XXXXXXXXXXXX;
int sectioned SEC(".data.HOSTILE_DATA_XXXXXXXXXXXXXXXX") = 1;
extern int CONFIG_HOSTILE_XXXXXXXXXXXXX __kconfig __weak;
extern void HOSTILE_KFUNC_XXXXXXXXXXXXXXX(void) __ksym __weak;
extern const int HOSTILE_KSYM_XXXXXXXXXXXXXXXX __ksym __weak;
static __attribute__((noinline)) int HOSTILE_SUBPROG_XXXXXXXXXXXXX(struct HOSTILE_CORE_XXXXXXXXXXXXXXXX *c) {
	return __builtin_preserve_field_info(c->HOSTILE_FIELD_XXXXXXXXXXXXXXX, 2) + sectioned;
}
SEC("tp/syscalls/sys_enter_getpriority") int HOSTILE_PROGRAM_XXXXXXXXXXXXX(void *ctx) {
	struct HOSTILE_EVENT_XXXXXXXXXXXXXXX e = { 1, 7, "\x1b]0;S\x07\xff\xfe" }; int k = 1;
	if (CONFIG_HOSTILE_XXXXXXXXXXXXX) k++;
	if (HOSTILE_KFUNC_XXXXXXXXXXXXXXX) k++;
	if (&HOSTILE_KSYM_XXXXXXXXXXXXXXXX) k++;
	k += HOSTILE_SUBPROG_XXXXXXXXXXXXX(ctx);
	bpf_map_update_elem(&HOSTILE_MAP_XXXXXXXXXXXXXXXXX, &k, &e, 0);
	bpf_ringbuf_output(&HOSTILE_RING_XXXXXXXXXXXXXXXX, &e, sizeof e, 0);
	HOSTILE_VARIABLE_XXXXXXXXXXXX = e; return 0; }
#line 1000 "HOSTILE_FILE_XXXXXXXXXXXXXXXX"
SEC("HOSTILE_SECTION_XXXXXXXXXXXXX") int sectionless(void *ctx) { return 0; }
char _license[] SEC("license") = "HOSTILE_LICENSE_XXXXXXXXXXXXX";
`

// hostileText sets a terminal's title, forges a line, and has C1 characters, a character that
// reverses text, and a byte that is no UTF-8.
const hostileText = "\x1b]0;x\a\nFORGED\u009b\u202e\xff"

// hostileObject returns the object with hostile text in the names that have that word; "" for none.
func hostileObject(t *testing.T, raw []byte, word string) string {
	t.Helper()
	raw = bytes.Clone(raw)
	n := 0
	for at := 0; word != ""; n++ {
		i := bytes.Index(raw[at:], []byte(word))
		if i < 0 {
			break
		}
		at += i
		copy(raw[at:], hostileText)
		for at += len(hostileText); at < len(raw) && raw[at] == 'X'; at++ {
		}
	}
	if word != "" && n == 0 {
		t.Fatalf("the object has no %s", word)
	}
	path := filepath.Join(t.TempDir(), "hostile.bpf.o")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// onTerminal returns the part of a command's output that must not reach a terminal. The oracle is
// package unicode.
func onTerminal(text string) string {
	if !utf8.ValidString(text) {
		return "bytes that are not UTF-8"
	}
	if i := strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsPrint(r) && r != '\n' && r != '\t'
	}); i >= 0 {
		return "what doesn't print"
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "FORGED") {
			return "a forged line"
		}
	}
	return ""
}

// TestHostileNames: no command writes the name of an object, a file or an argument unescaped.
// Oracles: package unicode for text, encoding/json and Python for JSON.
func TestHostileNames(t *testing.T) {
	testkit.Root(t)
	python, _ := exec.LookPath("python3")
	raw, err := os.ReadFile(testkit.Compile(t, hostileSource))
	if err != nil {
		t.Fatal(err)
	}
	var documents bytes.Buffer
	run := func(what string, args ...string) string {
		t.Helper()
		cmd := command(t, args...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Errorf("%s: %q: %v\n%s", what, args, err, errs.String())
		}
		for _, text := range []string{out.String(), errs.String()} {
			if bad := onTerminal(text); bad != "" {
				t.Errorf("%s: %q writes %s:\n%q", what, args, bad, text)
			}
		}
		for _, arg := range args {
			if arg != "-j" {
				continue
			}
			dec := json.NewDecoder(bytes.NewReader(out.Bytes()))
			for {
				var doc json.RawMessage
				if err := dec.Decode(&doc); err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("%s: %q: %v in\n%q", what, args, err, out.String())
					break
				}
				if err := json.Compact(&documents, doc); err != nil {
					t.Error(err)
				}
				documents.WriteByte('\n')
			}
		}
		return out.String() + errs.String()
	}
	btf := testkit.Compile(t, hostileSource) // any BTF will do for a kernel that lacks everything
	// TestHostileRecords shows the types, errors of the verifier the file.
	elsewhere := "HOSTILE_ENUM_ HOSTILE_VALUE_ HOSTILE_EVENT_ HOSTILE_MEMBER_ HOSTILE_FILE_"
	words := []string{"", "HOSTILE_MAP_", "HOSTILE_RING_", "HOSTILE_PROGRAM_", "HOSTILE_SECTION_",
		"HOSTILE_VARIABLE_", "HOSTILE_DATA_",
		"CONFIG_HOSTILE_", "HOSTILE_KFUNC_", "HOSTILE_KSYM_", "HOSTILE_SUBPROG_", "HOSTILE_ENUM_",
		"HOSTILE_VALUE_", "HOSTILE_EVENT_",
		"HOSTILE_MEMBER_", "HOSTILE_CORE_", "HOSTILE_FIELD_", "HOSTILE_LICENSE_", "HOSTILE_FILE_"}
	some := len(words)
	if testing.Short() {
		some = 2
	}
	step := len(words) / testkit.Sample(t, "kinds of name", len(words), some)
	for i := 0; i < len(words); i += step {
		word := words[i]
		path := hostileObject(t, raw, word)
		all := ""
		for _, args := range [][]string{
			{"plan"}, {"plan", "-j"}, {"plan", "--btf", btf}, {"check"}, {"check", "-v"},
			{"check", "-j"}, {"check", "-v", "--btf", btf},
			{"objdump"}, {"objdump", "-S"}, {"verify"}, {"verify", "-j"}, {"verify", "--log"},
		} {
			all += run(word, append(args, path)...)
		}
		program := "HOSTILE_PROGRAM_XXXXXXXXXXXXX"
		all += run(word, "run", path, "--for", "50ms")
		all += run(word, "run", "-j", path, "--for", "50ms")
		all += run(word, "attach", path, program, "auto", "--for", "10ms")
		all += run(word, "attach", "-j", path, program, "auto", "--for", "10ms")
		if !strings.Contains(elsewhere, word) && !strings.Contains(all, "]0;x") {
			t.Errorf("no command shows %s", word)
		}
	}

	maps, err := os.ReadFile("../../testdata/maps.bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	lines := hostileObject(t, maps, "__u64 *n = bpf_map_lookup_elem(&array, &zero);")
	if text := run("source line", "objdump", "-S", lines) +
		run("source line", "verify", "--log", lines); !strings.Contains(text, `]0;x\a\nFORGED`) {
		t.Errorf("no source line is shown: %s", text)
	}

	named := filepath.Join(t.TempDir(), hostileText+".bpf.o")
	if err := os.WriteFile(named, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	name := strings.ReplaceAll(hostileText, "/", "")
	for _, args := range [][]string{
		{"plan", named}, {"check", named}, {"check", "-j", named}, {"check", named, named},
		{"objdump", named}, {"verify", named}, {"verify", "-j", named},
		{"run", named, "--for", "10ms"}, {"run", "-j", named, "--for", "10ms"},
		{"plan", name}, {"check", name, name}, {"objdump", name, name}, {"verify", name},
		{"verify", "-j", name}, {"run", name},
		{"attach", named, name, "auto"}, {"attach", named, "sectionless", name},
		{"attach", named, "sectionless", "tp:" + name},
		{"attach", "--program", name, "auto"}, {"detach", name}, {"detach", "-j", name, name},
		{"detach", "xdp:" + name, "--program-id", "1"},
		{"run", named, "--type", name}, {"run", named, "--attach", name},
		{"run", named, "--attach", "sectionless=" + name},
		{"run", named, "--iface", name, "--attach", "sectionless=xdp:" + name},
		{"run", named, "--cgroup", name}, {"run", named, "--pin", name},
		{"run", named, "--pin-root", "/sys/fs/bpf/" + name}, {"plan", named, "--kconfig", name},
		{"plan", named, "--core-btf", name},
		{"plan", named, "--btf", name}, {"run", named, "--token", name}, {"run", "--for", name},
		{"--" + name}, {"-" + name}, {name}, {"help", name},
		{"run", "--" + name}, {"version", name}, {"version"}, {"detach", "--stale"},
	} {
		run("argument", args...)
	}

	if python != "" {
		cmd := exec.Command(python, "-c",
			"import json,sys\nfor line in sys.stdin.buffer: json.loads(line.decode('ascii'))")
		cmd.Stdin = &documents
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("python: %v\n%s", err, out)
		}
	}
}

// TestHostileRecords: values of maps and records of rings. Oracle: package unicode.
func TestHostileRecords(t *testing.T) {
	testkit.Root(t)
	source := strings.Replace(hostileSource, "HOSTILE_SECTION_XXXXXXXXXXXXX", "socket", 1)
	source = strings.Replace(source, "HOSTILE_LICENSE_XXXXXXXXXXXXX", "GPL", 1)
	raw, err := os.ReadFile(testkit.Compile(t, source))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"HOSTILE_MEMBER_", "HOSTILE_VALUE_"} {
		path := hostileObject(t, raw, word)
		for _, format := range [][]string{nil, {"-j"}} {
			cmd := command(t, append([]string{"run", path, "--for", "20s", "--interval", "50ms",
				"--type", "HOSTILE_EVENT_XXXXXXXXXXXXXXX"}, format...)...)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			text := ""
			for buf := make([]byte, 4096); !strings.Contains(text, "]0;S") ||
				strings.Count(text, "\n") < 20; {
				syscall.Getpriority(syscall.PRIO_PROCESS, 0)
				n, err := out.Read(buf)
				text += string(buf[:n])
				if err != nil {
					break
				}
			}
			cmd.Process.Signal(os.Interrupt)
			rest, _ := io.ReadAll(out)
			cmd.Wait()
			text += string(rest)
			if !strings.Contains(text, "]0;S") || !strings.Contains(text, "]0;x") {
				t.Errorf("%s %v: no record is shown:\n%s%s", word, format, text, errs.String())
			}
			for _, text := range []string{text, errs.String()} {
				if bad := onTerminal(text); bad != "" {
					t.Errorf("%s %v: %s:\n%q", word, format, bad, text)
				}
			}
		}
	}
}
