package e2e

import (
	"math"

	"github.com/purebpf/bpf"

	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// tokenDir tells the process that TestToken starts in a user namespace where to mount its bpffs.
const tokenDir = "PUREBPF_TEST_TOKEN_DIR"

// TestToken loads objects in a user namespace, where the kernel permits nothing, by a token of a
// bpffs to which this privileged process delegated bpf(2). The oracle is the kernel: without the
// token, and with one for fewer commands, it refuses.
func TestToken(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestTokenChild$", "-test.v")
	cmd.Env = append(os.Environ(), tokenDir+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	passed := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line := lines.Text()
		output.WriteString(line + "\n")
		var fd int
		var delegated string
		if n, _ := fmt.Sscanf(line, "delegate %d %s", &fd, &delegated); n == 2 {
			if err := delegate(cmd.Process.Pid, fd, delegated); err != nil {
				t.Error(err)
			}
			fmt.Fprintln(stdin, "done")
		}
		passed = passed || strings.HasPrefix(line, "--- PASS: TestTokenChild")
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil || !passed {
		t.Errorf("in the user namespace: %v\n%s", err, &output)
	}
}

// delegate makes the bpffs that process pid is setting up through its descriptor fd permit that
// process the listed commands: only a process of the initial user namespace can do that.
func delegate(pid, fd int, what string) error {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	fs, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fs)
	for _, option := range strings.Split(what, ",") {
		key, value, _ := strings.Cut(option, "=")
		if err := unix.FsconfigSetString(fs, key, value); err != nil {
			return fmt.Errorf("%s: %w", option, err)
		}
	}
	return unix.FsconfigCreate(fs)
}

// mountDelegated mounts a bpffs of this user namespace at dir, which delegates the listed commands.
func mountDelegated(t *testing.T, answers *bufio.Scanner, dir, what string) {
	t.Helper()
	fs, err := unix.Fsopen("bpf", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fs)
	fmt.Printf("delegate %d %s\n", fs, what)
	if !answers.Scan() {
		t.Fatal("nobody delegates")
	}
	mount, err := unix.Fsmount(fs, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(mount)
	if err := unix.MoveMount(mount, "", unix.AT_FDCWD, dir,
		unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		t.Fatal(err)
	}
}

// TestTokenChild is what TestToken runs in the user namespace.
func TestTokenChild(t *testing.T) {
	dir := os.Getenv(tokenDir)
	if dir == "" {
		return // the work of TestToken
	}
	answers := bufio.NewScanner(os.Stdin)
	narrow := dir + "/narrow"
	wide := dir + "/wide"
	for _, d := range []string{narrow, wide} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mountDelegated(t, answers, narrow, "delegate_cmds=map_create:btf_load,delegate_maps=any")
	mountDelegated(t, answers, wide,
		"delegate_cmds=any,delegate_maps=any,delegate_progs=any,delegate_attachs=any")

	t.Run("Info", func(t *testing.T) {
		testkit.Kernel(t, "6.17") // information about tokens
		for dir, want := range map[string]sys.TokenInfo{
			narrow: {Cmds: 1<<uapi.CmdMapCreate | 1<<uapi.CmdBTFLoad, Maps: math.MaxUint64},
			wide: {Cmds: math.MaxUint64, Maps: math.MaxUint64, Progs: math.MaxUint64,
				Attachs: math.MaxUint64},
		} {
			f, err := os.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			token, err := sys.TokenCreate(int(f.Fd()), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer token.Close()
			if info, err := sys.TokenInfoByFD(token.Int()); err != nil || *info != want {
				t.Errorf("%s: %+v, %v, want %+v", dir, info, err, want)
			}
		}
	})

	attempt := func(opts *bpf.LoadOptions) error {
		obj, err := bpf.Load(only(open(t, "sections"), "count", "switched"), opts)
		if err != nil {
			return err
		}
		defer obj.Close()
		if r, err := obj.Program("count").Run(&bpf.RunOptions{Data: make([]byte,
			64)}); err != nil ||
			r.Return != 40 {
			t.Errorf("the program returns %d, %v", r.Return, err)
		}
		trie := &object.Map{Name: "trie", Type: uapi.MapLPMTrie, KeySize: 8, ValueSize: 8,
			MaxEntries: 1, Flags: uapi.FNoPrealloc}
		if m, err := bpf.CreateMap(trie, nil); !errors.Is(err, bpf.ErrPermission) {
			m.Close()
			t.Errorf("a map without the token: %v", err)
		}
		spec, number, _ := types(t)
		hash := &object.Map{Name: "hash", Type: uapi.MapHash, KeySize: 4, ValueSize: 4,
			MaxEntries: 1, KeyType: number, ValueType: number}
		token := bpf.BorrowedFD(obj.TokenFD())
		for spec, types := range map[*object.Map]*btf.Spec{trie: nil, hash: spec} {
			m, err := bpf.CreateMap(spec, &bpf.MapOptions{TokenFD: token, BTF: types})
			if err != nil {
				return fmt.Errorf("with the token: %w", err)
			}
			m.Close()
		}
		clone, err := obj.Program("count").Clone(nil)
		if err != nil {
			return fmt.Errorf("clone: %w", err)
		}
		return clone.Close()
	}
	if err := attempt(nil); !errors.Is(err, bpf.ErrPermission) {
		t.Errorf("without a token: %v", err)
	}
	if err := attempt(&bpf.LoadOptions{TokenPath: wide}); err != nil {
		t.Errorf("with a token: %v", err)
	}
	if err := attempt(&bpf.LoadOptions{TokenPath: wide, Kernel: kernel.Running()}); err != nil {
		t.Errorf("with a token and a kernel: %v", err)
	}
	if err := attempt(&bpf.LoadOptions{TokenPath: narrow}); !errors.Is(err, bpf.ErrPermission) {
		t.Errorf("with a token for maps only: %v", err)
	}
	if err := attempt(&bpf.LoadOptions{TokenPath: dir}); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), dir) {
		t.Errorf("with a token of what is no bpffs: %v", err)
	}
	const tokenPath = "LIBBPF_BPF_TOKEN_PATH"
	t.Setenv(tokenPath, wide)
	if err := attempt(nil); err != nil {
		t.Errorf("with %s: %v", tokenPath, err)
	}
	if err := attempt(&bpf.LoadOptions{NoToken: true}); !errors.Is(err, bpf.ErrPermission) {
		t.Errorf("with NoToken: %v", err)
	}
	t.Setenv(tokenPath, dir+"/nothing")
	if err := attempt(nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("with %s naming nothing: %v", tokenPath, err)
	}
	t.Setenv(tokenPath, "")
	mountDelegated(t, answers, "/sys/fs/bpf",
		"delegate_cmds=any,delegate_maps=any,delegate_progs=any,delegate_attachs=any")
	if err := attempt(nil); !errors.Is(err, bpf.ErrPermission) {
		t.Errorf("with %s set to nothing: %v", tokenPath, err)
	}
	os.Unsetenv(tokenPath)
	if err := attempt(nil); err != nil {
		t.Errorf("with the token of /sys/fs/bpf, which nobody asked for: %v", err)
	}
}

// TestTokenMount mounts bpffs with options that delegate; the oracle is the thread's mountinfo.
// Before 6.9 bpffs accepts any options and shows none.
func TestTokenMount(t *testing.T) {
	testkit.Root(t)
	// /proc/self would show the mounts of the process's first thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir := t.TempDir()
	options := []string{"delegate_cmds=map_create:prog_load", "delegate_maps=hash:array",
		"delegate_progs=xdp", "delegate_attachs=any"}
	if err := unix.Mount("bpf", dir, "bpf", 0, strings.Join(options, ",")); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	_, mount, _ := strings.Cut(string(text), " "+dir+" ")
	mount, _, found := strings.Cut(mount, "\n")
	if !found {
		t.Fatalf("no mount at %s", dir)
	}
	if !strings.Contains(mount, "delegate_") {
		testkit.Kernel(t, "6.9")
	}
	for _, option := range options {
		if !slices.Contains(strings.FieldsFunc(mount, func(r rune) bool {
			return r == ' ' || r == ','
		}), option) {
			t.Errorf("%s: mounted is %s", option, mount)
		}
	}
	// In the first user namespace, where processes have their privileges, there are no tokens.
	obj, err := bpf.Load(only(open(t, "sections"), "count"), &bpf.LoadOptions{TokenPath: dir})
	if err == nil {
		obj.Close()
	}
	if !errors.Is(err, bpf.ErrNotSupported) {
		t.Errorf("a token of this user namespace: %v", err)
	}
}
