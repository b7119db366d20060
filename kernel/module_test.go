//go:build linux

package kernel

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/oldkernel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// btfObject is a BTF object of a simulated kernel.
type btfObject struct {
	id     uint32
	name   string
	kernel uint32
	raw    []byte
	open   syscall.Errno // answer to BPF_BTF_GET_FD_BY_ID
	info   syscall.Errno // answer to BPF_OBJ_GET_INFO_BY_FD
}

// moduleKernel answers BPF_BTF_GET_NEXT_ID, BPF_BTF_GET_FD_BY_ID and BPF_OBJ_GET_INFO_BY_FD as a
// kernel with those BTF objects would.
type moduleKernel struct {
	funnel.Kernel
	objects []btfObject
	list    syscall.Errno

	mu    sync.Mutex
	fds   map[uint32]*btfObject
	opens int
}

func (k *moduleKernel) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	_ unsafe.Pointer) (int, syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := call{Cmd: cmd, Attr: attr, Size: size}
	switch cmd {
	case uapi.CmdBTFGetNextID:
		if k.list != 0 {
			return -1, k.list
		}
		for i := range k.objects {
			if o := &k.objects[i]; o.id > c.Word(0) {
				*(*uint32)(unsafe.Add(attr, 4)) = o.id
				return 0, 0
			}
		}
		return -1, syscall.ENOENT
	case uapi.CmdBTFGetFDByID:
		for i := range k.objects {
			if o := &k.objects[i]; o.id == c.Word(0) {
				if o.open != 0 {
					return -1, o.open
				}
				fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
				if err != nil {
					return -1, syscall.EIO
				}
				k.fds[uint32(fd)] = o
				k.opens++
				return fd, 0
			}
		}
		return -1, syscall.ENOENT
	case uapi.CmdObjGetInfoByFD:
		o := k.fds[c.Word(0)]
		if o == nil {
			break
		}
		if o.info != 0 {
			return -1, o.info
		}
		info := *(**sys.BTFInfo)(unsafe.Add(attr, 8))
		if !info.BTF.IsNil() {
			copy(unsafe.Slice((*byte)(info.BTF.Unsafe()), info.Size), o.raw)
		}
		if !info.Name.IsNil() {
			copy(unsafe.Slice((*byte)(info.Name.Unsafe()), info.NameLen), o.name+"\x00")
		}
		info.Size, info.ID, info.KernelBTF, info.NameLen = uint32(len(o.raw)), o.id, o.kernel,
			uint32(len(o.name))
		return 0, 0
	}
	return k.Kernel.BPF(cmd, attr, size, nil)
}

func installModules(t *testing.T, objects ...btfObject) *moduleKernel {
	t.Helper()
	testkit.Root(t)
	k := &moduleKernel{objects: objects, fds: map[uint32]*btfObject{}}
	t.Cleanup(funnel.Replace(k))
	return k
}

// splitBTF returns BTF of a struct of that name, split over this kernel's.
func splitBTF(t *testing.T, name string) []byte {
	t.Helper()
	base, err := Running().BTF()
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	b := btf.NewBuilder(base)
	b.AddStruct(name, 4)
	spec, err := b.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec.Raw()
}

// The oracle is libbpf's reading of the list (libbpf-behaviour 4.5: kernel BTF other than
// vmlinux's; objects that are gone are skipped, missing permission means none) and, for broken BTF,
// real cases: modules with 24 bytes or none (cilium/ebpf 1436, 1902).
func TestModules(t *testing.T) {
	foo, bar := splitBTF(t, "of_foo"), splitBTF(t, "of_bar")
	k := installModules(t,
		btfObject{id: 1, name: "vmlinux", kernel: 1, raw: []byte("not even looked at")},
		btfObject{id: 5, name: "foo", kernel: 1, raw: foo},
		btfObject{id: 6, raw: []byte("a program's")},
		btfObject{id: 7, name: "gone", kernel: 1, open: syscall.ENOENT},
		btfObject{id: 8, name: "empty", kernel: 1},
		btfObject{id: 9, name: "header_only", kernel: 1, raw: foo[:24]},
		btfObject{id: 10, name: "dust", kernel: 1, raw: []byte(strings.Repeat("dust", 20))},
		btfObject{id: 11, name: "hidden", kernel: 1, info: syscall.EPERM},
		btfObject{id: 12, name: "bar", kernel: 1, raw: bar},
	)
	f := Running()
	list, err := f.Modules()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
	}
	if strings.Join(names, " ") != "foo bar" {
		t.Errorf("modules: %v", names)
	}
	for _, m := range list {
		if ids := m.BTF.Named("of_" + m.Name); len(ids) != 1 || m.BTF.Base() == nil {
			t.Errorf("%s: %v", m.Name, ids)
		}
	}
	if list[0].ID != 5 || list[1].ID != 12 {
		t.Errorf("ids %d, %d", list[0].ID, list[1].ID)
	}
	skipped := map[string]*ModuleError{}
	for _, err := range f.SkippedModules() {
		e := err.(*ModuleError)
		skipped[e.Name] = e
	}
	if len(skipped) != 4 || skipped["empty"] == nil || skipped["header_only"] == nil ||
		skipped["dust"] == nil || !errors.Is(skipped[""], syscall.EPERM) {
		t.Errorf("skipped: %v", f.SkippedModules())
	}
	if text := skipped["dust"].Error(); !strings.Contains(text, "dust") ||
		!strings.Contains(text, "10") {
		t.Errorf("the error doesn't say which: %q", text)
	}
	// A view reads the list once.
	opens := k.opens
	k.objects = nil
	if again, err := f.Modules(); err != nil || len(again) != 2 || k.opens != opens {
		t.Errorf("second question: %d modules, %v", len(again), err)
	}
	if later, err := Running().Modules(); err != nil || len(later) != 0 {
		t.Errorf("a later view: %d modules, %v", len(later), err)
	}
}

func TestModulesRefused(t *testing.T) {
	k := installModules(t)
	k.list = syscall.EPERM
	f := Running()
	if list, err := f.Modules(); err != nil || len(list) != 0 {
		t.Errorf("no permission to list: %v, %v", list, err)
	}
	if s := f.SkippedModules(); len(s) != 1 || !errors.Is(s[0], syscall.EPERM) {
		t.Errorf("skipped: %v", s)
	}
	// Too few descriptors do not count as "no modules", and are not remembered.
	k.list = 0
	k.objects = []btfObject{{id: 3, name: "foo", kernel: 1, raw: splitBTF(t, "of_foo"),
		open: syscall.EMFILE}}
	f = Running()
	if _, err := f.Modules(); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("too many open files: %v", err)
	}
	k.objects[0].open = 0
	if list, err := f.Modules(); err != nil || len(list) != 1 {
		t.Errorf("after that: %v, %v", list, err)
	}
}

func TestModulesOfAnOldKernel(t *testing.T) {
	testkit.Root(t)
	install(t, func(c call) syscall.Errno {
		if c.Cmd == uapi.CmdBTFGetNextID {
			t.Error("listed BTF objects")
		}
		return oldkernel.Lacks[facts.ModuleBTF](c)
	})
	if list, err := Running().Modules(); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// The oracle is sysfs, which has a file for each module with BTF.
func TestModulesOfThisMachine(t *testing.T) {
	testkit.Root(t)
	f := Running()
	list, err := f.Modules()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, m := range list {
		got[m.Name] = true
	}
	for _, err := range f.SkippedModules() {
		got[err.(*ModuleError).Name] = true
	}
	for _, name := range sysfsModules(t) {
		if !got[name] {
			t.Errorf("module %s isn't listed", name)
		}
		delete(got, name)
	}
	if len(got) != 0 {
		t.Errorf("in the list, but not in sysfs: %v", got)
	}
}

func TestBTFByID(t *testing.T) {
	testkit.Root(t)
	raw := rawBTF(withInt(5, kindPtr, 1), "\x00int\x00x\x00")
	if _, err := sys.BTFLoad(&sys.BTFLoadAttr{BTF: sys.Slice(raw),
		Size: uint32(len(raw))}); err == nil {
		t.Fatal("a pointer with a name was accepted")
	}
	raw = rawBTF(withInt(0, kindPtr, 1), "\x00int\x00")
	fd, err := sys.BTFLoad(&sys.BTFLoadAttr{BTF: sys.Slice(raw), Size: uint32(len(raw))})
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	info, err := sys.BTFInfoByFD(fd.Int())
	if err != nil {
		t.Fatal(err)
	}
	spec, err := BTFByID(info.ID, nil)
	if err != nil || spec.Len() != 3 || string(spec.Raw()) != string(raw) {
		t.Errorf("%v, %v", spec, err)
	}
	if _, err := BTFByID(1<<30, nil); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("absent: %v", err)
	}
}

func sysfsModules(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/sys/kernel/btf")
	if err != nil {
		testkit.Skip(t, "%v", err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "vmlinux" {
			names = append(names, e.Name())
		}
	}
	return names
}
