package e2e

import (
	"github.com/purebpf/bpf"

	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/bpftest"
	"github.com/purebpf/bpf/internal/hooks"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: which frames from one end of a veth pair reach the other
// end; also ip(8).

// sameAsIP compares the attached program and its mode with ip(8).
func sameAsIP(t *testing.T, iface string, mode bpf.XDPMode, id uint32) {
	t.Helper()
	out := oracle(t, "ip", "-j", "link", "show", iface)
	if out == nil {
		return
	}
	var all []struct {
		XDP struct {
			Mode int
			Prog struct{ ID uint32 }
		}
	}
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	// 1 native, 2 generic, as here
	if got := all[0].XDP; got.Prog.ID != id || id != 0 && got.Mode != int(mode) {
		t.Errorf("ip says %+v, not %v %d", got, mode, id)
	}
}

// TestXDPModes runs programs in native and generic mode, by link and by netlink.
func TestXDPModes(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "v0", "v1")
	from, to := packetSocket(t, "v1"), packetSocket(t, "v0")
	obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_drop"), nil)
	pass, drop := obj.Program("xdp_pass"), obj.Program("xdp_drop")
	runs := &array[[32]uint64](t, obj, "runs")[netXDP]
	expect := func(what string, mode bpf.XDPMode, p *bpf.Program) {
		t.Helper()
		id := uint32(0)
		if p != nil {
			id = bpftest.ProgramID(t, p)
		}
		*runs = 0
		sendFrames(t, from, 1, 64)
		if got := arrives(to, p != drop); got != (p != drop) {
			t.Errorf("%s: arrived: %v", what, got)
		}
		if (*runs > 0) != (p != nil) {
			t.Errorf("%s: %d runs", what, *runs)
		}
		if state := xdpState(t, "v0"); state.ProgID != id {
			t.Errorf("%s: %+v", what, state)
		}
		sameAsIP(t, "v0", mode, id)
	}
	expect("nothing", 0, nil)
	for mode, becomes := range map[bpf.XDPMode]bpf.XDPMode{bpf.XDPAny: bpf.XDPNative,
		bpf.XDPNative:  bpf.XDPNative,
		bpf.XDPGeneric: bpf.XDPGeneric} {
		link, err := pass.AttachXDP("v0", &bpf.XDPOptions{Mode: mode})
		if err != nil {
			t.Fatal(mode, err)
		}
		expect("link "+mode.String(), becomes, pass)
		if info, err := link.Info(); err != nil ||
			*info.Detail.(*linkinfo.XDP) != (linkinfo.XDP{IfIndex: uint32(deviceIndex(t, "v0"))}) {
			t.Errorf("%+v %v", info, err)
		}
		if err := link.Update(drop, pass); err != nil {
			t.Error(err)
		}
		expect("updated link "+mode.String(), becomes, drop)
		if _, err := pass.AttachXDP(
			"v0", &bpf.XDPOptions{Mode: mode}); !errors.Is(err, syscall.EBUSY) ||
			!strings.Contains(err.Error(), "(xdp_drop) is attached there") {
			t.Error(err)
		}
		if _, err := nolink.SetXDP(pass, "v0",
			&nolink.XDPOptions{Mode: mode}); !errors.Is(err, syscall.EBUSY) ||
			!strings.Contains(err.Error(), "Can't replace active BPF XDP link") {
			t.Error("not in the kernel's words:", err)
		}
		if err := link.Close(); err != nil {
			t.Error(err)
		}
		expect("closed link", 0, nil)
		if got, err := nolink.SetXDP(pass, "v0", &nolink.XDPOptions{Mode: mode}); err != nil ||
			mode == bpf.XDPAny && got != becomes {
			t.Fatal(mode, got, err)
		}
		expect("netlink "+mode.String(), becomes, pass)
		if _, err := nolink.SetXDP(drop,
			"v0", &nolink.XDPOptions{Mode: mode, Replace: drop}); !errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), "Active program does not match expected") {
			t.Error("not in the kernel's words:", err)
		}
		if _, err := nolink.SetXDP(drop, "v0",
			&nolink.XDPOptions{Mode: mode, Replace: pass}); err != nil {
			t.Error(err)
		}
		expect("replaced "+mode.String(), becomes, drop)
		if err := nolink.UnsetXDP(pass, "v0"); !errors.Is(err, bpf.ErrNotExist) {
			t.Error(err)
		}
		if err := nolink.UnsetXDP(drop, "v0"); err != nil {
			t.Error(err)
		}
		expect("taken away", 0, nil)
	}
	if _, err := pass.AttachXDP(
		"v0", &bpf.XDPOptions{Mode: bpf.XDPOffload}); !errors.Is(err, syscall.EINVAL) &&
		!errors.Is(err, bpf.ErrNotSupported) {
		t.Error("a veth can't offload:", err)
	}
}

// TestXDPFrags: a program for packets in fragments can be attached where large packets come;
// another is refused with the driver's message.
func TestXDPFrags(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "v0", "v1")
	deviceMTU(t, "v0", 9000)
	deviceMTU(t, "v1", 9000)
	from, to := packetSocket(t, "v1"), packetSocket(t, "v0")
	obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_frags"), nil)
	runs := &array[[32]uint64](t, obj, "runs")[netXDPFrags]
	if _, err := nolink.SetXDP(obj.Program("xdp_pass"),
		"v0", &nolink.XDPOptions{Mode: bpf.XDPNative}); !errors.Is(err, syscall.ERANGE) ||
		!strings.Contains(err.Error(), "MTU") {
		t.Error(err)
	}
	link, err := obj.Program("xdp_frags").AttachXDP("v0", &bpf.XDPOptions{Mode: bpf.XDPNative})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	sendFrames(t, from, 1, 8000)
	if !arrives(to, true) || *runs == 0 {
		t.Errorf("%d runs", *runs)
	}
	if err := link.Update(obj.Program("xdp_pass"), nil); err == nil ||
		hearsKernel() && !strings.Contains(err.Error(), "MTU") {
		t.Error(
			"a program that doesn't know fragments takes the place of one that does, or not in the kernel's words:",
			err,
		)
	}
}

// hearsKernel reports whether the kernel has the tracepoint for the messages of its refusals.
func hearsKernel() bool {
	root, err := kernel.Running().Tracefs()
	if err != nil {
		return false
	}
	_, err = os.Stat(root + "/events/netlink/netlink_extack")
	return err == nil
}

// TestXDPAnyMode: a program that native mode refuses runs in generic mode, which logs the reason;
// another program that is attached stays. The oracles are frames that arrive, ip(8), and the
// driver's message from netlink.
func TestXDPAnyMode(t *testing.T) {
	testkit.Netns(t)
	testkit.Tracefs(t)
	devicePair(t, "veth", "v0", "v1")
	deviceMTU(t, "v0", 9000)
	deviceMTU(t, "v1", 9000)
	from, to := packetSocket(t, "v1"), packetSocket(t, "v0")
	logger, book := logBook()
	obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_drop", "xdp_frags", "xdp_devmap"),
		&bpf.LoadOptions{Logger: logger})
	pass, drop, frags := obj.Program("xdp_pass"), obj.Program("xdp_drop"), obj.Program("xdp_frags")

	var refused *rtnl.Error
	if _, err := nolink.SetXDP(pass, "v0",
		&nolink.XDPOptions{Mode: bpf.XDPNative}); !errors.As(err, &refused) ||
		!strings.Contains(refused.Message, "MTU") {
		t.Fatalf("the driver takes it, or doesn't say why not: %v", err)
	}
	words := refused.Message
	_, err := pass.AttachXDP("v0", &bpf.XDPOptions{Mode: bpf.XDPNative})
	if !errors.Is(err, syscall.ERANGE) || hearsKernel() && !strings.Contains(err.Error(), words) {
		t.Errorf("by link: %v; by netlink: %s", err, words)
	}
	if !hearsKernel() {
		words = "range" // the text of the errno
	}
	isGeneric := func(p *bpf.Program) {
		t.Helper()
		sameAsIP(t, "v0", bpf.XDPGeneric, bpftest.ProgramID(t, p))
		sendFrames(t, from, 1, 64)
		if got := arrives(to, p != drop); got != (p != drop) {
			t.Errorf("arrived: %v", got)
		}
		if !logged(book, "the program runs in generic mode", "interface=v0", words) {
			t.Errorf("the log doesn't say why:\n%s", book)
		}
		book.Reset()
	}
	link, err := pass.AttachXDP("v0", nil)
	if err != nil {
		t.Fatal(err)
	}
	isGeneric(pass)
	if !strings.Contains(link.String(), "generic mode: ") ||
		!strings.Contains(link.String(), words) {
		t.Errorf("the link doesn't say why it is generic: %s", link)
	}
	// The link is in the way of both modes.
	if _, err := drop.AttachXDP("v0", nil); !errors.Is(err, syscall.EBUSY) &&
		!errors.Is(err, bpf.ErrExist) ||
		strings.Contains(err.Error(), "in generic mode") {
		t.Error(err)
	}
	link.Close()
	mode, err := nolink.SetXDP(drop, "v0", &nolink.XDPOptions{Logger: logger})
	if err != nil || mode != bpf.XDPGeneric {
		t.Fatal(mode, err)
	}
	isGeneric(drop)
	// A program that the driver could run natively doesn't replace one in generic mode.
	if _, err := nolink.SetXDP(frags, "v0", nil); !errors.Is(err, bpf.ErrExist) {
		t.Error(err)
	}
	if err := nolink.UnsetXDP(drop, "v0"); err != nil {
		t.Error(err)
	}
	if mode, err := nolink.SetXDP(frags, "v0", nil); err != nil || mode != bpf.XDPNative {
		t.Fatal(mode, err)
	}
	_, err = nolink.SetXDP(pass, "v0", nil)
	if !errors.Is(err, syscall.ERANGE) || !errors.Is(err, bpf.ErrExist) ||
		!strings.Contains(err.Error(), "in native mode: "+refused.Message) ||
		!strings.Contains(err.Error(), "in generic mode: ") {
		t.Errorf("not both reasons: %v", err)
	}
	sameAsIP(t, "v0", bpf.XDPNative, bpftest.ProgramID(t, frags))
	if err := nolink.UnsetXDP(frags, "v0"); err != nil {
		t.Error(err)
	}
	// An error of the program itself is reported once.
	if _, err := obj.Program("xdp_devmap").AttachXDP("v0", nil); !errors.Is(err, syscall.EINVAL) ||
		strings.Contains(err.Error(), "generic mode") {
		t.Error(err)
	}
	sameAsIP(t, "v0", bpf.XDPAny, 0)
}

// TestInterfaceNames: names come before numbers, and alternative names work, wherever an interface
// is named. The oracle is ip(8), which sets the names.
func TestInterfaceNames(t *testing.T) {
	testkit.Netns(t)
	const long = "a-very-long-alternative-name"
	devicePair(t, "veth", "v0", "1") // which isn't the loopback
	testkit.Run(t, "ip", "link", "property", "add", "dev", "1", "altname", long, "altname", "77")
	obj := load(t, only(open(t, "net"), "xdp_pass", "tc_first"), nil)
	xdp, tc := obj.Program("xdp_pass"), obj.Program("tc_first")
	index := uint32(deviceIndex(t, "1"))
	if index == 1 {
		t.Fatal("the interface 1 has the index 1")
	}
	shows := func() bool {
		return strings.Contains(string(testkit.Run(t, "ip", "link", "show", "dev", long)),
			"prog/xdp")
	}
	for _, name := range []string{"1", long, "77", strconv.Itoa(int(index))} {
		link, err := xdp.AttachXDP(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := link.Info(); err != nil || info.Detail.(*linkinfo.XDP).IfIndex != index ||
			!shows() {
			t.Errorf("%s: %+v, %v; it is interface %d", name, info, err, index)
		}
		device, err := rtnl.Interface(name)
		if err != nil {
			t.Fatal(err)
		}
		if state, err := rtnl.XDPQuery(device); err != nil ||
			state.ProgID != bpftest.ProgramID(t, xdp) {
			t.Errorf("%s: %+v, %v", name, state, err)
		}
		link.Close()
		if _, err := nolink.SetXDP(xdp, name, nil); err != nil || !shows() {
			t.Errorf("%s: %v", name, err)
		}
		if err := nolink.UnsetXDP(xdp, name); err != nil || shows() {
			t.Errorf("%s: %v", name, err)
		}
		if tcx, err := tc.AttachTCX(name, uapi.AttachTCXIngress, nil); err == nil {
			info, err := tcx.Info()
			if err != nil || info.Detail.(*linkinfo.TCX).IfIndex != index {
				t.Errorf("%s: %+v, %v; it is interface %d", name, info, err, index)
			}
			if there, err := hooks.QueryInterface(name, uapi.AttachTCXIngress); err != nil ||
				!there.Has(bpftest.ProgramID(t, tc)) {
				t.Errorf("%s: %+v, %v", name, there, err)
			}
			tcx.Close()
		} else if !strings.Contains(err.Error(), "no attach type") { // 6.6
			t.Error(err)
		}
	}
	for _, name := range []string{"v0:1", "99", "", long[:16], "v%d"} {
		if link, err := xdp.AttachXDP(name, nil); !errors.Is(err, bpf.ErrNotExist) ||
			!strings.Contains(err.Error(), strconv.Quote(name)) {
			t.Errorf("%q: %v, %v", name, link, err)
		}
	}
}

// TestXDPRedirect: a frame that comes in at one veth goes out of another, through a program of the
// devmap.
func TestXDPRedirect(t *testing.T) {
	for _, kind := range []struct {
		name, redirect, devmap, pass string
		size                         int
		min                          string // kernel
	}{
		{"whole", "xdp_redirect", "xdp_devmap", "xdp_pass", 64, ""},
		{"frags", "frags_redirect", "frags_devmap", "xdp_frags", 64, ""},
		{"frags in fragments", "frags_redirect", "frags_devmap", "xdp_frags", 8000, "6.3"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			if kind.min != "" {
				testkit.Kernel(t, kind.min)
			}
			testkit.Netns(t)
			devicePair(t, "veth", "v0", "v1")
			devicePair(t, "veth", "w0", "w1")
			if kind.size > 1500 {
				for _, name := range []string{"v0", "v1", "w0", "w1"} {
					deviceMTU(t, name, 9000)
				}
			}
			from, to := packetSocket(t, "v1"), packetSocket(t, "w1")
			obj := load(t, only(open(t, "net"), kind.redirect, kind.devmap, kind.pass), nil)
			runs := array[[32]uint64](t, obj, "runs")
			value := binary.NativeEndian.AppendUint32(nil, uint32(deviceIndex(t, "w0")))
			value = binary.NativeEndian.AppendUint32(value, uint32(obj.Program(kind.devmap).FD()))
			if err := obj.Map("devices").Update(make([]byte, 4), value, 0); err != nil {
				t.Fatal(err)
			}
			// the peer of a target accepts frames only in native mode
			for program, iface := range map[string]string{kind.redirect: "v0", kind.pass: "w1"} {
				link, err := obj.Program(program).AttachXDP(iface,
					&bpf.XDPOptions{Mode: bpf.XDPNative})
				if err != nil {
					t.Fatal(err)
				}
				defer link.Close()
			}
			sendFrames(t, from, 1, kind.size)
			if !arrives(to, true) || runs[netRedirect] == 0 || runs[netDevmap] == 0 {
				t.Errorf("runs: %v", runs)
			}
			if _, err := obj.Program(kind.devmap).AttachXDP("w0",
				nil); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "devmap") {
				t.Error("a program of a devmap at an interface:", err)
			}
		})
	}
}

// TestXDPRedirectCPU: a frame that comes in at a veth goes to a processor, through a program of the
// cpumap that runs there.
func TestXDPRedirectCPU(t *testing.T) {
	for _, kind := range []struct {
		name, redirect, cpumap string
		size                   int
	}{
		{"whole", "xdp_redirect_cpu", "xdp_cpumap", 64},
		{"frags", "frags_redirect_cpu", "frags_cpumap", 64},
		{"frags in fragments", "frags_redirect_cpu", "frags_cpumap", 8000},
	} {
		t.Run(kind.name, func(t *testing.T) {
			testkit.Netns(t)
			withoutIPv6(t)
			devicePair(t, "veth", "v0", "v1")
			deviceMTU(t, "v0", uint32(max(kind.size, 1500)))
			deviceMTU(t, "v1", uint32(max(kind.size, 1500)))
			from, to := packetSocket(t, "v1"), packetSocket(t, "v0")
			obj := load(t, only(open(t, "net"), kind.redirect, kind.cpumap), nil)
			runs, onCPU, cpu := array[[32]uint64](t, obj, "runs"), array[uint32](t, obj, "on_cpu"),
				array[uint32](t, obj, "cpu")
			value := binary.NativeEndian.AppendUint32(nil, 192) // frames in its queue
			value = binary.NativeEndian.AppendUint32(value, uint32(obj.Program(kind.cpumap).FD()))
			cpus := min(runtime.NumCPU(), int(obj.Map("cpus").MaxEntries()))
			for i := range cpus {
				if err := obj.Map("cpus").Update(
					binary.NativeEndian.AppendUint32(nil, uint32(i)), value, 0); err != nil {
					t.Fatal(err)
				}
			}
			link, err := obj.Program(kind.redirect).AttachXDP("v0",
				&bpf.XDPOptions{Mode: bpf.XDPNative})
			if err != nil {
				t.Fatal(err)
			}
			defer link.Close()
			for i := range cpus {
				*cpu, *onCPU, *runs = uint32(i), 0, [32]uint64{}
				sendFrames(t, from, 3, kind.size)
				for range 3 {
					if !arrives(to, true) {
						t.Error("a frame does not arrive")
					}
				}
				if runs[netRedirect] < 3 || runs[netCPUMap] != runs[netRedirect] ||
					int(*onCPU) != i+1 {
					t.Errorf("to processor %d: last on %d, runs %v", i, int(*onCPU)-1, runs)
				}
			}
			if _, err := obj.Program(kind.cpumap).AttachXDP("v1",
				nil); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "cpumap") {
				t.Error("a program of a cpumap at an interface:", err)
			}
		})
	}
}

// TestXDPInterfaceGone: a link outlives its interface, and its errors say so.
func TestXDPInterfaceGone(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "v0", "v1")
	obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_drop"), nil)
	link, err := obj.Program("xdp_pass").AttachXDP("v0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	deviceDelete(t, "v1")
	if info, err := link.Info(); err != nil || info.Type != uapi.LinkXDP ||
		*info.Detail.(*linkinfo.XDP) != (linkinfo.XDP{}) {
		t.Errorf("%+v %v", info, err)
	}
	if err := link.Update(obj.Program("xdp_drop"), nil); !errors.Is(err, syscall.ENOLINK) {
		t.Error(err)
	}
	if _, err := obj.Program("xdp_pass").AttachXDP("v0", nil); !errors.Is(err, bpf.ErrNotExist) {
		t.Error(err)
	}
}

// TestClearXDP detaches whatever is attached. The oracle is the kernel's state of the interface.
func TestClearXDP(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "v0", "v1")
	pass := load(t, only(open(t, "net"), "xdp_pass"), nil).Program("xdp_pass")
	for _, attached := range []bpf.XDPMode{bpf.XDPNative, bpf.XDPGeneric} {
		for _, cleared := range []bpf.XDPMode{attached, bpf.XDPAny} {
			if err := nolink.ClearXDP("v0", cleared); !errors.Is(err, bpf.ErrNotExist) {
				t.Errorf("%v when nothing is attached: %v", cleared, err)
			}
			opts := &nolink.XDPOptions{Mode: attached}
			if _, err := nolink.SetXDP(pass, "v0", opts); err != nil {
				t.Fatal(err)
			}
			if err := nolink.ClearXDP("v0", bpf.XDPOffload); !errors.Is(err, bpf.ErrNotExist) {
				t.Errorf("another mode: %v", err)
			}
			if err := nolink.ClearXDP("v0", cleared); err != nil {
				t.Errorf("%v: %v", cleared, err)
			}
			if s, err := inspect.XDP("v0"); err != nil || s.ProgramID != 0 {
				t.Errorf("%+v %v", s, err)
			}
		}
	}
	link, err := pass.AttachXDP("v0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	if err := nolink.ClearXDP("v0", bpf.XDPAny); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("attached by a link: %v", err)
	}
	if err := nolink.ClearXDP("nothing", bpf.XDPAny); !errors.Is(err, bpf.ErrNotExist) {
		t.Errorf("no interface: %v", err)
	}
	const invalid = bpf.XDPOffload + 1
	if err := nolink.ClearXDP("v0", invalid); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), invalid.String()) {
		t.Errorf("no such mode: %v", err)
	}
}

// TestXDPLiveFrames: frames of a test run are received like others when the program passes them,
// and go where it redirects them.
func TestXDPLiveFrames(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "w0", "w1")
	obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_redirect"), nil)
	value := binary.NativeEndian.AppendUint32(nil, uint32(deviceIndex(t, "w0")))
	value = append(value, 0, 0, 0, 0) // no program
	if err := obj.Map("devices").Update(make([]byte, 4), value, 0); err != nil {
		t.Fatal(err)
	}
	link, err := obj.Program("xdp_pass").AttachXDP("w1", &bpf.XDPOptions{Mode: bpf.XDPNative})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	for program, iface := range map[string]string{"xdp_pass": "lo", "xdp_redirect": "w1"} {
		to := packetSocket(t, iface)
		if _, err := obj.Program(program).Run(
			&bpf.RunOptions{Data: frame(64), Repeat: 8, Flags: uapi.FRunLiveFrames}); err != nil {
			t.Fatal(program, err)
		}
		for i := range 8 {
			if !arrives(to, true) {
				t.Errorf("%s: frame %d doesn't arrive at %s", program, i, iface)
				break
			}
		}
	}
}
