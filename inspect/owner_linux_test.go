package inspect_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/testkit"
)

const ownersChild = "PUREBPF_OWNERS_CHILD"

// name is what /proc calls a process.
func name(t *testing.T, pid int) string {
	t.Helper()
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(comm), "\n")
}

// TestOwners: this process and an unprivileged child have a program; the map, the link and the BTF
// are this process's only, and after it closed them nobody's. The oracles are what this test opens,
// passes on and closes, and the ids that the kernel gives.
func TestOwners(t *testing.T) {
	obj := bpftest.Load(t, "../testdata/link.bpf.o", "raw_tp")
	p := obj.Program("raw_tp")
	program, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	m, err := obj.Map("sockets").Info()
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Attach()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	link, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}

	fd, err := unix.FcntlInt(uintptr(p.FD()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "program")
	defer file.Close()
	child := exec.Command("/proc/self/exe", "-test.run=^TestOwnersChild$")
	child.Env = append(os.Environ(), fmt.Sprint(ownersChild, "=", program.ID))
	child.Dir = "/"
	child.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	child.ExtraFiles = []*os.File{file}
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n') // it has the program now
	if err != nil {
		t.Fatal(err)
	}
	own := inspect.Owner{PID: os.Getpid(), Name: name(t, os.Getpid())}
	other := inspect.Owner{PID: child.Process.Pid, Name: name(t, child.Process.Pid)}
	if want := fmt.Sprint(true, " ", []inspect.Owner{other}, "\n"); said != want {
		t.Errorf("the child says %q, want %q", said, want)
	}

	check := func(kind inspect.Kind, id uint32, want ...inspect.Owner) {
		t.Helper()
		owners, err := inspect.ReadOwners()
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(want, func(a, b inspect.Owner) int { return a.PID - b.PID })
		if got := owners.Of(kind, id); !slices.Equal(got, want) {
			t.Errorf("%s %d belongs to %v, want %v", kind, id, got, want)
		}
	}
	check(inspect.KindProgram, program.ID, own, other)
	check(inspect.KindMap, m.ID, own)
	check(inspect.KindLink, link.ID, own)
	check(inspect.KindBTF, program.BTFID, own)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := obj.Close(); err != nil {
		t.Error(err)
	}
	file.Close()
	check(inspect.KindProgram, program.ID, other)
	check(inspect.KindMap, m.ID)
	check(inspect.KindLink, link.ID)
	check(inspect.KindBTF, program.BTFID)
	in.Close()
	io.Copy(io.Discard, out)
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	check(inspect.KindProgram, program.ID)
}

// TestOwnersChild is the child of TestOwners: it says whether other processes are hidden from it,
// and who has the program.
func TestOwnersChild(t *testing.T) {
	var program uint32
	if _, err := fmt.Sscan(os.Getenv(ownersChild), &program); err != nil {
		return // only the child has work to do
	}
	owners, err := inspect.ReadOwners()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(owners.Hidden > 0, owners.Of(inspect.KindProgram, program))
	io.Copy(io.Discard, os.Stdin) // until the test has seen this process
}

// TestPins: the pins of a program, a link and a map are found by
// their ids in a directory with a space in its name. The oracles are the pins that the test makes.
func TestPins(t *testing.T) {
	obj := bpftest.Load(t, "../testdata/link.bpf.o", "raw_tp")
	p := obj.Program("raw_tp")
	l, err := p.Attach()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(testkit.BPFFS(t), "two words")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	want := map[string]inspect.Held{}
	pin := func(name string, kind inspect.Kind, id uint32, pin func(path string) error) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := pin(path); err != nil {
			t.Fatal(err)
		}
		want[path] = inspect.Held{Kind: kind, ID: id}
	}
	program, err := p.Info()
	if err != nil {
		t.Fatal(err)
	}
	m, err := obj.Map("sockets").Info()
	if err != nil {
		t.Fatal(err)
	}
	link, err := l.Info()
	if err != nil {
		t.Fatal(err)
	}
	pin("program", inspect.KindProgram, program.ID, p.Pin)
	pin("map", inspect.KindMap, m.ID, obj.Map("sockets").Pin)
	pin("link", inspect.KindLink, link.ID, l.Pin)
	pins, err := inspect.Pins()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]inspect.Held{}
	for _, p := range pins {
		if filepath.Dir(p.Path) == dir {
			got[p.Path] = p.Held
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
