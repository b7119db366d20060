package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// lircCalls records requests for infrared receivers and reports success; other calls go to the
// kernel.
type lircCalls struct {
	funnel.Kernel
	asked []uint32 // of each call: command, attach type, flags; descriptors are checked not to be 0
}

func (c *lircCalls) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	if cmd != uapi.CmdProgAttach && cmd != uapi.CmdProgDetach {
		return c.Kernel.BPF(cmd, attr, size, common)
	}
	a := (*[4]uint32)(attr) // target_fd, attach_bpf_fd, attach_type, attach_flags of union bpf_attr
	if a[0] == 0 || a[1] == 0 {
		return -1, syscall.EBADF
	}
	c.asked = append(c.asked, uint32(cmd), a[2], a[3])
	return 0, 0
}

// TestLIRC: no machine that these tests were run on has an infrared receiver, nor a kernel with
// CONFIG_BPF_LIRC_MODE2, so TestLIRCReceiver has always been skipped. This test checks the requests
// to the kernel (the oracle is union bpf_attr in linux/bpf.h: BPF_PROG_ATTACH 8, BPF_PROG_DETACH 9,
// BPF_LIRC_MODE2 16), and refusals.
func TestLIRC(t *testing.T) {
	testkit.Root(t)
	obj := load(t, only(open(t, "net"), "xdp_pass"), nil)
	p := obj.Program("xdp_pass")
	if err := nolink.AddLIRC(p, "/dev/lirc-absent"); !errors.Is(err, bpf.ErrNotExist) ||
		!strings.Contains(err.Error(), "/dev/lirc-absent") {
		t.Error(err)
	}
	if err := nolink.AddLIRC(p, "/dev/null"); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), ", want lirc_mode2") {
		t.Error(err)
	}
	if err := nolink.RemoveLIRC(p, "/dev/null"); err == nil {
		t.Error("detached from what is no receiver")
	}
	if _, err := hooks.QueryFile("/dev/null", uapi.AttachLIRCMode2, 0); err == nil {
		t.Error("queried what is no receiver")
	}
	if err := nolink.AddLIRC(obj.Program("xdp_drop"), "/dev/null"); !errors.Is(
		err,
		syscall.EINVAL,
	) ||
		!strings.Contains(err.Error(), "was not loaded") {
		t.Error(err)
	}
	calls := &lircCalls{}
	defer funnel.Replace(calls)()
	if err := errors.Join(nolink.AddLIRC(p, "/dev/null"),
		nolink.RemoveLIRC(p, "/dev/null")); err != nil {
		t.Fatal(err)
	}
	if want := []uint32{8, 16, 0, 9, 16, 0}; len(calls.asked) != len(want) ||
		[6]uint32(calls.asked) != [6]uint32(want) {
		t.Errorf("asked %v, not %v", calls.asked, want)
	}
}

// TestLIRCReceiver runs a program at a receiver that receives what it sends itself (module
// rc-loopback). The oracle is that device.
func TestLIRCReceiver(t *testing.T) {
	testkit.Root(t)
	if !configured(t, "CONFIG_BPF_LIRC_MODE2") {
		testkit.Skip(t, "the kernel was built without CONFIG_BPF_LIRC_MODE2")
	}
	names, err := filepath.Glob("/sys/class/rc/rc*/lirc*")
	if err != nil {
		t.Fatal(err)
	}
	path := ""
	for _, name := range names {
		if text, err := os.ReadFile(filepath.Join(filepath.Dir(name), "uevent")); err == nil &&
			strings.Contains(string(text), "DRV_NAME=rc-loopback") {
			path = "/dev/" + filepath.Base(name)
		}
	}
	if path == "" {
		testkit.Skip(
			t,
			"the module rc-loopback, which makes a receiver that hears itself, is not loaded",
		)
	}
	obj := load(t, open(t, "lirc"), nil)
	p, ran := obj.Program("heard"), counter(t, obj, "ran")
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	say := func() {
		t.Helper()
		var pulses []byte // microseconds, alternating pulse and space
		for _, n := range []uint32{900, 450, 900} {
			pulses = binary.NativeEndian.AppendUint32(pulses, n)
		}
		if _, err := device.Write(pulses); err != nil {
			t.Fatal(err)
		}
	}
	if err := nolink.AddLIRC(p, path); err != nil {
		t.Fatal(err)
	}
	if hook, err := hooks.QueryFile(path, uapi.AttachLIRCMode2, 0); err != nil ||
		!hook.Has(bpftest.ProgramID(t, p)) {
		t.Errorf("%+v %v", hook, err)
	}
	say()
	if !testkit.Await(testkit.Patience(5*time.Second), func() bool { return *ran != 0 }) {
		t.Error("it sent, and the program heard nothing")
	}
	if err := nolink.RemoveLIRC(p, path); err != nil {
		t.Error(err)
	}
	if err := nolink.RemoveLIRC(p, path); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}
