package main

import (
	"os"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestWarnings: the command shows warnings unless LIBBPF_LOG_LEVEL says otherwise. The oracle is C
// libbpf, which tells by default that it skips the relocations of a table of pointers, and clang,
// which writes them.
func TestWarnings(t *testing.T) {
	testkit.Root(t)
	obj := testkit.Compile(t, `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
int a = 5, b = 6;
int *table[2] = {&a, &b};
SEC("xdp") int x(void *c) { return table[1] != 0 ? 1 : 2; }
char _license[] SEC("license") = "GPL";
`)
	for _, x := range []struct {
		level      string
		warns, all bool
	}{{"", true, false}, {"warn", true, false}, {"debug", true, true}, {"none", false, false}} {
		cmd := command(t, "verify", obj)
		for i, v := range cmd.Env {
			if strings.HasPrefix(v, "LIBBPF_LOG_LEVEL=") {
				cmd.Env[i] = "IGNORED="
			}
		}
		if x.level != "" {
			cmd.Env = append(cmd.Env, "LIBBPF_LOG_LEVEL="+x.level)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", x.level, err, out)
		}
		if warns := strings.Contains(string(out), "subject=.rel.data"); warns != x.warns {
			t.Errorf("LIBBPF_LOG_LEVEL=%q: warns %v\n%s", x.level, warns, out)
		}
		if all := strings.Contains(string(out), "level=DEBUG"); all != x.all {
			t.Errorf("LIBBPF_LOG_LEVEL=%q: debug messages %v\n%s", x.level, all, out)
		}
	}
	if _, err := os.Stat(testkit.OraclePath(t)); err == nil {
		if log := testkit.OracleLog(t, obj); !strings.Contains(log, ".rel.data") {
			t.Errorf("C libbpf doesn't tell about .rel.data:\n%s", log)
		}
	}
}
