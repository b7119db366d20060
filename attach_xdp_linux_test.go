package bpf

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: which frames that one end of a veth pair sends reach the other end; beside it ip(8).

// sameAsIP compares what is attached to an interface with what ip(8) says.
func sameAsIP(t *testing.T, iface string, mode XDPMode, id uint32) {
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
	if got := all[0].XDP; got.Prog.ID != id || id != 0 && got.Mode != int(mode) { // 1 native, 2 generic, as here
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
	expect := func(what string, mode XDPMode, p *Program) {
		t.Helper()
		id := uint32(0)
		if p != nil {
			id = programID(t, p)
		}
		*runs = 0
		sendFrames(t, from, 1, 64)
		if got := arrives(to); got != (p != drop) {
			t.Errorf("%s: arrived: %v", what, got)
		}
		if (*runs > 0) != (p != nil) {
			t.Errorf("%s: %d runs", what, *runs)
		}
		status, err := QueryXDP("v0")
		if err != nil || status.ProgramID != id || p != nil && status.Mode != mode {
			t.Errorf("%s: %+v %v", what, status, err)
		}
		sameAsIP(t, "v0", mode, id)
	}
	expect("nothing", 0, nil)
	for mode, becomes := range map[XDPMode]XDPMode{XDPAny: XDPNative, XDPNative: XDPNative, XDPGeneric: XDPGeneric} {
		link, err := pass.AttachXDP("v0", &XDPOptions{Mode: mode})
		if err != nil {
			t.Fatal(mode, err)
		}
		expect("link "+mode.String(), becomes, pass)
		if info, err := link.Info(); err != nil || *info.Detail.(*linkinfo.XDP) != (linkinfo.XDP{IfIndex: uint32(deviceIndex(t, "v0"))}) {
			t.Errorf("%+v %v", info, err)
		}
		if err := link.Update(drop, pass); err != nil {
			t.Error(err)
		}
		expect("updated link "+mode.String(), becomes, drop)
		if _, err := pass.AttachXDP("v0", &XDPOptions{Mode: mode}); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "(xdp_drop) is attached there") {
			t.Error(err)
		}
		if _, err := pass.SetXDP("v0", &XDPOptions{Mode: mode}); !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "Can't replace active BPF XDP link") {
			t.Error("not in the kernel's words:", err)
		}
		if err := link.Close(); err != nil {
			t.Error(err)
		}
		expect("closed link", 0, nil)
		if got, err := pass.SetXDP("v0", &XDPOptions{Mode: mode}); err != nil || mode == XDPAny && got != becomes {
			t.Fatal(mode, got, err)
		}
		expect("netlink "+mode.String(), becomes, pass)
		if _, err := drop.SetXDP("v0", &XDPOptions{Mode: mode, Replace: drop}); !errors.Is(err, ErrExist) || !strings.Contains(err.Error(), "Active program does not match expected") {
			t.Error("not in the kernel's words:", err)
		}
		if _, err := drop.SetXDP("v0", &XDPOptions{Mode: mode, Replace: pass}); err != nil {
			t.Error(err)
		}
		expect("replaced "+mode.String(), becomes, drop)
		if err := pass.UnsetXDP("v0"); !errors.Is(err, ErrNotExist) {
			t.Error(err)
		}
		if err := drop.UnsetXDP("v0"); err != nil {
			t.Error(err)
		}
		expect("taken away", 0, nil)
	}
	if _, err := pass.AttachXDP("v0", &XDPOptions{Mode: XDPOffload}); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, ErrNotSupported) {
		t.Error("a veth can't offload:", err)
	}
}

// TestXDPFrags: a program for packets in fragments goes where large packets come; another is refused in the driver's words.
func TestXDPFrags(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "v0", "v1")
	deviceMTU(t, "v0", 9000)
	deviceMTU(t, "v1", 9000)
	from, to := packetSocket(t, "v1"), packetSocket(t, "v0")
	obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_frags"), nil)
	runs := &array[[32]uint64](t, obj, "runs")[netXDPFrags]
	if _, err := obj.Program("xdp_pass").SetXDP("v0", &XDPOptions{Mode: XDPNative}); !errors.Is(err, syscall.ERANGE) || !strings.Contains(err.Error(), "MTU") {
		t.Error(err)
	}
	link, err := obj.Program("xdp_frags").AttachXDP("v0", &XDPOptions{Mode: XDPNative})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	sendFrames(t, from, 1, 8000)
	if !arrives(to) || *runs == 0 {
		t.Errorf("%d runs", *runs)
	}
	if err := link.Update(obj.Program("xdp_pass"), nil); err == nil {
		t.Error("a program that doesn't know fragments took the place of one that does")
	}
}

// TestXDPRedirect: a frame that comes in at one veth goes out of another, through a program of the devmap.
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
			for program, iface := range map[string]string{kind.redirect: "v0", kind.pass: "w1"} { // the peer of a target takes frames in native mode
				link, err := obj.Program(program).AttachXDP(iface, &XDPOptions{Mode: XDPNative})
				if err != nil {
					t.Fatal(err)
				}
				defer link.Close()
			}
			sendFrames(t, from, 1, kind.size)
			if !arrives(to) || runs[netRedirect] == 0 || runs[netDevmap] == 0 {
				t.Errorf("runs: %v", runs)
			}
			if _, err := obj.Program(kind.devmap).AttachXDP("w0", nil); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "devmap") {
				t.Error("a program of a devmap at an interface:", err)
			}
		})
	}
}

// TestXDPRedirectCPU: a frame that comes in at a veth goes to a processor, through a program of the cpumap that runs there.
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
			devicePair(t, "veth", "v0", "v1")
			deviceMTU(t, "v0", uint32(max(kind.size, 1500)))
			deviceMTU(t, "v1", uint32(max(kind.size, 1500)))
			from, to := packetSocket(t, "v1"), packetSocket(t, "v0")
			obj := load(t, only(open(t, "net"), kind.redirect, kind.cpumap), nil)
			runs, onCPU, cpu := array[[32]uint64](t, obj, "runs"), array[uint32](t, obj, "on_cpu"), array[uint32](t, obj, "cpu")
			value := binary.NativeEndian.AppendUint32(nil, 192) // frames in its queue
			value = binary.NativeEndian.AppendUint32(value, uint32(obj.Program(kind.cpumap).FD()))
			cpus := min(runtime.NumCPU(), int(obj.Map("cpus").MaxEntries()))
			for i := range cpus {
				if err := obj.Map("cpus").Update(binary.NativeEndian.AppendUint32(nil, uint32(i)), value, 0); err != nil {
					t.Fatal(err)
				}
			}
			link, err := obj.Program(kind.redirect).AttachXDP("v0", &XDPOptions{Mode: XDPNative})
			if err != nil {
				t.Fatal(err)
			}
			defer link.Close()
			for i := range cpus {
				*cpu, *onCPU, *runs = uint32(i), 0, [32]uint64{}
				sendFrames(t, from, 3, kind.size)
				for range 3 {
					if !arrives(to) {
						t.Error("a frame does not arrive")
					}
				}
				if runs[netRedirect] < 3 || runs[netCPUMap] != runs[netRedirect] || int(*onCPU) != i+1 {
					t.Errorf("to processor %d: last on %d, runs %v", i, int(*onCPU)-1, runs)
				}
			}
			if _, err := obj.Program(kind.cpumap).AttachXDP("v1", nil); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "cpumap") {
				t.Error("a program of a cpumap at an interface:", err)
			}
		})
	}
}

// TestXDPInterfaceGone: a link outlives its interface, and says so.
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
	if info, err := link.Info(); err != nil || info.Type != uapi.LinkXDP || *info.Detail.(*linkinfo.XDP) != (linkinfo.XDP{}) {
		t.Errorf("%+v %v", info, err)
	}
	if err := link.Update(obj.Program("xdp_drop"), nil); !errors.Is(err, syscall.ENOLINK) {
		t.Error(err)
	}
	if _, err := obj.Program("xdp_pass").AttachXDP("v0", nil); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
}

// TestXDPLiveFrames: frames of a test run are received like others when the program passes them, and go where it redirects them.
func TestXDPLiveFrames(t *testing.T) {
	testkit.Netns(t)
	devicePair(t, "veth", "w0", "w1")
	obj := load(t, only(open(t, "net"), "xdp_pass", "xdp_redirect"), nil)
	value := binary.NativeEndian.AppendUint32(nil, uint32(deviceIndex(t, "w0")))
	value = append(value, 0, 0, 0, 0) // no program
	if err := obj.Map("devices").Update(make([]byte, 4), value, 0); err != nil {
		t.Fatal(err)
	}
	link, err := obj.Program("xdp_pass").AttachXDP("w1", &XDPOptions{Mode: XDPNative})
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	for program, iface := range map[string]string{"xdp_pass": "lo", "xdp_redirect": "w1"} {
		to := packetSocket(t, iface)
		if _, err := obj.Program(program).Run(&RunOptions{Data: frame(64), Repeat: 8, Flags: RunLiveFrames}); err != nil {
			t.Fatal(program, err)
		}
		for i := range 8 {
			if !arrives(to) {
				t.Errorf("%s: frame %d doesn't arrive at %s", program, i, iface)
				break
			}
		}
	}
}
