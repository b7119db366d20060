// Package zoo loads programs of every type and makes links of many, for the tests of the commands
// that show them, and compares what a command and bpftool print.
package zoo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// attachTypes are of program types that the kernel loads only with one.
var attachTypes = map[uapi.ProgType]uapi.AttachType{
	uapi.ProgCgroupSockAddr: uapi.AttachCgroupInet4Connect,
	uapi.ProgCgroupSockOpt:  uapi.AttachCgroupGetSockOpt,
	uapi.ProgSKLookup:       uapi.AttachSKLookup,
	uapi.ProgNetfilter:      uapi.AttachNetfilter,
	uapi.ProgCgroupSKB:      uapi.AttachCgroupInetIngress,
	uapi.ProgSKReuseport:    uapi.AttachSKReuseportSelect,
}

// Programs loads a program of every type that the kernel takes without BTF, until the test ends.
func Programs(t testing.TB) []*bpf.Program {
	t.Helper()
	testkit.Root(t)
	var list []*bpf.Program
	for typ := uapi.ProgSocketFilter; typ <= uapi.ProgNetfilter; typ++ {
		insns := []asm.Instruction{asm.Mov64Imm(0, 0), asm.ExitInsn()}
		license := []byte("GPL\x00")
		if typ%4 == 0 {
			license = []byte("none\x00")
		}
		attr := sys.ProgLoadAttr{Type: typ, InsnCnt: uint32(len(insns)),
			Insns: sys.Slice(asm.Raw(insns)), License: sys.Slice(license),
			ExpectedAttachType: attachTypes[typ]}
		if typ%3 > 0 {
			copy(attr.Name[:], "zoo_"+typ.String())
			attr.Name[len(attr.Name)-1] = 0
		}
		if typ == uapi.ProgSyscall {
			attr.Flags = uapi.FSleepable
		}
		fd, err := sys.ProgLoad(&attr)
		if err != nil {
			t.Logf("no program of type %v: %v", typ, err)
			continue
		}
		p, err := bpf.ProgramFromFD(fd.Int())
		fd.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		list = append(list, p)
	}
	return list
}

// Run runs a command with the words and returns what it prints.
func Run(t testing.TB, cmd *cobra.Command, words ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetArgs(words)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.Execute()
	return out.String(), err
}

// JSON runs a command and returns the JSON that it prints.
func JSON(t testing.TB, cmd *cobra.Command, words ...string) any {
	t.Helper()
	text, err := Run(t, cmd, append(words, "-j")...)
	if err != nil {
		t.Fatalf("%q: %v: %s", words, err, text)
	}
	return Parse(t, text)
}

// Bpftool runs bpftool and returns what it prints, without errors.
func Bpftool(t testing.TB, words ...string) string {
	t.Helper()
	var errors bytes.Buffer
	cmd := exec.Command(testkit.Tool(t, "bpftool"), words...)
	cmd.Stderr = &errors
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("bpftool %q: %v: %s%s", words, err, text, &errors)
	}
	return string(text)
}

// Parse parses JSON. Numbers keep their digits.
func Parse(t testing.TB, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// Owned reports whether the key pids of an object in JSON has this process, and removes the key.
func Owned(object any) bool {
	o, ok := object.(map[string]any)
	if !ok {
		return false
	}
	pids, _ := o["pids"].([]any)
	delete(o, "pids")
	return slices.ContainsFunc(pids, func(p any) bool {
		pid, _ := p.(map[string]any)
		return fmt.Sprint(pid["pid"]) == strconv.Itoa(os.Getpid())
	})
}
