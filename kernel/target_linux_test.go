package kernel

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// TestTargetType: the oracle is C libbpf's libbpf_find_vmlinux_btf_id.
func TestTargetType(t *testing.T) {
	testkit.VmlinuxBTF(t)
	testkit.LittleEndian(t)
	names := []string{"vfs_read", "file_open", "sys_enter", "bpf_map", "task", "no such name", ""}
	types := []uapi.AttachType{uapi.AttachTraceFentry, uapi.AttachTraceRawTP, uapi.AttachLSMMac,
		uapi.AttachLSMCgroup, uapi.AttachTraceIter, uapi.AttachXDP}
	var args []string
	for _, name := range names {
		for _, typ := range types {
			args = append(args, name, strconv.Itoa(int(typ)))
		}
	}
	out, err := exec.Command(testkit.LibbpfProgram(t, "testdata/target.c"), args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	found, lines := 0, strings.Fields(string(out))
	if len(lines) != len(names)*len(types) {
		t.Fatalf("%d answers", len(lines))
	}
	for i, line := range lines {
		want, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		name, typ := names[i/len(types)], types[i%len(types)]
		id, err := Running().TargetType(name, typ)
		switch {
		case want < 0 && !errors.Is(err, fs.ErrNotExist), want >= 0 && err != nil,
			want >= 0 && int(id) != want:
			t.Errorf("%q, %v: %d %v, C libbpf: %d", name, typ, id, err, want)
		case want >= 0:
			found++
		}
	}
	if found < 3 {
		t.Errorf("only %d were found", found)
	}
}

// TestModuleBTF reads each module's BTF by its name. The oracle is the list of the kernel's files.
func TestModuleBTF(t *testing.T) {
	testkit.VmlinuxBTF(t)
	k := Running()
	base, err := k.BTF()
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(sysfsBTF)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "vmlinux" {
			continue
		}
		spec, err := k.ModuleBTF(f.Name())
		if err != nil || spec.Base() != base || spec.Len() <= base.Len() {
			t.Errorf("%s: %v", f.Name(), err)
		}
	}
	for _, name := range []string{"no_such_module", "vmlinux", "", "../../etc/passwd"} {
		if _, err := k.ModuleBTF(name); err == nil {
			t.Errorf("BTF of module %q", name)
		}
	}
	if _, err := k.ModuleBTF("no_such_module"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestLoadBTF loads BTF that the kernel takes, and some that it refuses: its log says why.
func TestLoadBTF(t *testing.T) {
	testkit.Root(t)
	b := btf.NewBuilder(nil)
	number := b.AddInt("int", 4, btf.Signed)
	b.AddPtr(number)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := LoadBTF(spec, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd.Close()
	bad := btf.NewBuilder(nil)
	bad.AddTypedef("1bad name", bad.AddInt("int", 4, btf.Signed))
	if spec, err = bad.Spec(); err != nil {
		t.Fatal(err)
	}
	if fd, err := LoadBTF(spec, 0); err == nil || !strings.Contains(err.Error(), "Invalid name") {
		fd.Close()
		t.Errorf("a type with an invalid name: %v", err)
	}
}

// TestHasHelperAt: the kernel offers bpf_bind to programs of connect, not to those of sendmsg
// (sock_addr_func_proto in net/core/filter.c).
func TestHasHelperAt(t *testing.T) {
	testkit.Root(t)
	for at, want := range map[uapi.AttachType]bool{uapi.AttachCgroupInet4Connect: true,
		uapi.AttachCgroupInet6Connect: true, uapi.AttachCgroupUDP4SendMsg: false} {
		got, err := Running().HasHelperAt(uapi.ProgCgroupSockAddr, at, 64)
		if got != want || err != nil {
			t.Errorf("%v: %v, %v", at, got, err)
		}
	}
}
