package uapi_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// namesOf has our names of the values from 0 on, by bpftool's word for the kind.
var namesOf = map[string]func(v uint32) string{
	"prog_types":   func(v uint32) string { return uapi.ProgType(v).String() },
	"map_types":    func(v uint32) string { return uapi.MapType(v).String() },
	"attach_types": func(v uint32) string { return uapi.AttachType(v).String() },
	"link_types":   func(v uint32) string { return uapi.LinkType(v).String() },
}

// The oracle is bpftool feature list_builtins, which prints libbpf's names in the order of their
// values.
func TestNamesOfBpftool(t *testing.T) {
	for group, name := range namesOf {
		lines := strings.Fields(
			string(testkit.Run(t, "bpftool", "feature", "list_builtins", group)))
		if len(lines) < 10 {
			t.Errorf("%s: bpftool prints %q", group, lines)
			continue
		}
		v := uint32(0)
		if lines[0] != "unspec" && name(0) == "unspec" {
			v = 1
		}
		for _, want := range lines {
			if got := name(v); got != want {
				t.Errorf("%s: %d is %q, bpftool says %q", group, v, got, want)
			}
			v++
		}
	}
}

// The oracle is libbpf_bpf_*_type_str of C libbpf 1.5.
func TestNamesOfLibbpf(t *testing.T) {
	lib := filepath.Join(filepath.Dir(testkit.OraclePath(t)), "libbpf")
	const source = `
#include <stdio.h>
#include <bpf/libbpf.h>
#define ALL(group, str) for (int i = 0; str(i); i++) printf(group " %d %s\n", i, str(i));
int main(void)
{
	ALL("prog_types", libbpf_bpf_prog_type_str)
	ALL("map_types", libbpf_bpf_map_type_str)
	ALL("attach_types", libbpf_bpf_attach_type_str)
	ALL("link_types", libbpf_bpf_link_type_str)
}`
	bin := filepath.Join(t.TempDir(), "names")
	cmd := exec.Command(testkit.Tool(t, "clang-19"), "-I"+filepath.Join(lib, "include"), "-x", "c",
		"-", "-x", "none",
		filepath.Join(lib, "libbpf.a"), "-lelf", "-lz", "-o", bin)
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("clang-19: %v\n%s", err, out)
	}
	out, err := exec.Command(bin).Output()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var group, want string
		var v uint32
		if _, err := fmt.Sscanf(line, "%s %d %s", &group, &v, &want); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		counts[group]++
		if got := namesOf[group](v); got != want {
			t.Errorf("%s: %d is %q, libbpf says %q", group, v, got, want)
		}
	}
	t.Log(counts)
	if counts["prog_types"] < 33 || counts["map_types"] < 34 || counts["attach_types"] < 57 ||
		counts["link_types"] < 14 {
		t.Errorf("too few names: %v", counts)
	}
}

// A value beyond the tables is printed as a number.
func TestUnknownNames(t *testing.T) {
	for got, want := range map[string]string{
		uapi.Cmd(1000).String():           "Cmd(1000)",
		uapi.MapType(1000).String():       "MapType(1000)",
		uapi.ProgType(1000).String():      "ProgType(1000)",
		uapi.AttachType(1000).String():    "AttachType(1000)",
		uapi.LinkType(1<<32 - 1).String(): "LinkType(4294967295)",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
