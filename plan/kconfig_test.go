//go:build linux

package plan_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
)

// kconfigTexts are Kconfig texts that exercise every rule: types, prefixes, ranges, order,
// malformed lines.
var kconfigTexts = []string{
	"CONFIG_LETTER=y", "CONFIG_LETTER=n", "CONFIG_LETTER=m", "CONFIG_LETTER=yes",
	"CONFIG_LETTER=65", "CONFIG_LETTER=0x41", "CONFIG_LETTER=127",
	"CONFIG_LETTER=128", "CONFIG_LETTER=300", "CONFIG_LETTER=-128", "CONFIG_LETTER=-129",
	`CONFIG_LETTER="x"`,
	"CONFIG_HZ=0x10", "CONFIG_HZ=010", "CONFIG_HZ=-1", "CONFIG_HZ=+7", "CONFIG_HZ= 7",
	"CONFIG_HZ=7 ", "CONFIG_HZ=0", "CONFIG_HZ=0x", "CONFIG_HZ=08",
	"CONFIG_HZ=18446744073709551615", "CONFIG_HZ=18446744073709551616", "CONFIG_HZ=12abc",
	"CONFIG_HZ=y", "CONFIG_HZ=", "CONFIG_HZ", "CONFIG_HZ==1",
	"CONFIG_HZ=1\nCONFIG_HZ=2", "# CONFIG_HZ=3", " CONFIG_HZ=3", "config_hz=3", "CONFIG_HZ=4\r\n",
	"CONFIG_HZ=5\n\nCONFIG_LETTER=y\n",
	"CONFIG_SHORT=32767", "CONFIG_SHORT=32768", "CONFIG_SHORT=-32768", "CONFIG_SHORT=-32769",
	"CONFIG_SHORT=65535",
	`CONFIG_DEFAULT_HOSTNAME="abc"`, `CONFIG_DEFAULT_HOSTNAME=""`, `CONFIG_DEFAULT_HOSTNAME="abc`,
	`CONFIG_DEFAULT_HOSTNAME="`, `CONFIG_DEFAULT_HOSTNAME=abc`,
	`CONFIG_DEFAULT_HOSTNAME="0123456789012345678901234567890123456789"`,
	`CONFIG_DEFAULT_HOSTNAME="012345678901234567890123456789012345"`,
	"CONFIG_DEFAULT_HOSTNAME=y", "CONFIG_DEFAULT_HOSTNAME=1",
	"CONFIG_IP_NF_IPTABLES=m", "CONFIG_IP_NF_IPTABLES=y", "CONFIG_IP_NF_IPTABLES=1",
	`CONFIG_IP_NF_IPTABLES="m"`,
	"CONFIG_BPF_SYSCALL=n", "CONFIG_BPF_SYSCALL=m", "CONFIG_BPF_SYSCALL=1",
	"CONFIG_BPF_SYSCALL=yoyo",
	"CONFIG_NO_SUCH_THING=4294967295", "CONFIG_NO_SUCH_THING=4294967296", "CONFIG_UNKNOWN=whatever",
	"CONFIG_UNKNOWN", "CONFIG_",
	"LINUX_KERNEL_VERSION=3", "no such line at all", "",
}

// Oracle: C libbpf 1.5 given the same text, on the running kernel: the same errno, or the same
// bytes in .kconfig.
func TestKconfig(t *testing.T) {
	testkit.Root(t)
	path := filepath.Join("testdata", "kconfig.o")
	record := testkit.LibbpfProgram(t, filepath.Join("testdata", "record.c"), testkit.WrapSyscall)
	o := open(t, path)
	var args []string
	for _, text := range kconfigTexts {
		args = append(args, "-k", text, path)
	}
	out, err := exec.Command(record, args...).Output()
	if err != nil {
		t.Fatalf("record: %v", err)
	}
	var wants []string
	value := ""
	for _, line := range strings.Split(string(out), "\n") {
		if rest, ok := strings.CutPrefix(line, "value map=kconfig.kconfig "); ok {
			value = " " + rest
		}
		if code, ok := strings.CutPrefix(line, "end load="); ok {
			wants = append(wants, "errno "+code+value)
			value = ""
		}
	}
	if len(wants) != len(kconfigTexts) {
		t.Fatalf("record: %d answers to %d texts", len(wants), len(kconfigTexts))
	}
	for i, text := range kconfigTexts {
		want := wants[i]
		p, err := plan.Resolve(o, kernel.Running(), &plan.Options{Kconfig: text})
		got := "errno 0"
		var e *plan.Error
		switch {
		case errors.As(err, &e):
			got = fmt.Sprintf("errno %d", e.Code)
		case err != nil:
			t.Fatal(err)
		default:
			m := plannedMap(t, p, "kconfig.kconfig")
			got += fmt.Sprintf(" size=%d hash=%x", m.ValueSize, sum(m.Image))
		}
		if got != want {
			t.Errorf("%q: C libbpf %s, here %s (%v)", text, want, got, err)
		}
	}
}

// The kernel's own configuration is read only if something is unset, and given values take
// precedence. Oracle: the values written in the test.
func TestKconfigSources(t *testing.T) {
	o := open(t, "kconfig.o")
	k := &fake{version: 0x060102, kconfig: "CONFIG_HZ=250\nCONFIG_BPF_SYSCALL=y\nCONFIG_LETTER=m\n"}
	p := resolve(t, o, k, &plan.Options{Kconfig: "CONFIG_HZ=1000\nCONFIG_SHORT=-3\n"})
	value := func(name string) int64 {
		e := o.Extern(name)
		b := append(bytes.Clone(plannedMap(t, p, "kconfig.kconfig").Image[e.Offset:][:e.Size]),
			make([]byte, 8)...)
		v := int64(binary.LittleEndian.Uint64(b))
		if e.Signed && e.Size < 8 {
			shift := 64 - 8*e.Size
			v = v << shift >> shift
		}
		return v
	}
	for name, want := range map[string]int64{
		"CONFIG_HZ": 1000, "CONFIG_SHORT": -3, "CONFIG_BPF_SYSCALL": 1, "CONFIG_LETTER": 'm',
		"CONFIG_NO_SUCH_THING": 0,
		"LINUX_KERNEL_VERSION": 0x060102, "LINUX_HAS_BPF_COOKIE": 1, "LINUX_HAS_SYSCALL_WRAPPER": 1,
	} {
		if got := value(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	if !event(p, plan.EventResolved, "CONFIG_NO_SUCH_THING", "absent") {
		t.Error("no event says that a weak extern is absent")
	}

	k = &fake{version: 1}
	all := "CONFIG_HZ=1\nCONFIG_SHORT=1\nCONFIG_BPF_SYSCALL=y\nCONFIG_LETTER=y\nCONFIG_NO_SUCH_THING=1\nCONFIG_IP_NF_IPTABLES=y\nCONFIG_DEFAULT_HOSTNAME=\"x\"\n"
	resolve(t, o, k, &plan.Options{Kconfig: all})
	for _, what := range k.asked {
		if what == "kconfig" {
			t.Error("the kernel's configuration was read although nothing was unset")
		}
	}
	if _, err := plan.Resolve(o, &fake{version: 1, kconfig: "CONFIG_HZ=1\n"}, nil); err == nil ||
		!strings.Contains(err.Error(), "CONFIG_BPF_SYSCALL") {
		t.Errorf("a strong option that is not configured: %v", err)
	}
	if _, err := plan.Resolve(o, &fake{kconfig: "CONFIG_HZ=1\nCONFIG_BPF_SYSCALL=y\n"},
		nil); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("a kernel without version: %v", err)
	}
}
