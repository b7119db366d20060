package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/uapi"
)

// metadataSource reads data that only the driver of a device has, which needs a program that is
// bound to the device.
const metadataSource = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;
SEC("xdp") int stamp(struct xdp_md *ctx)
{
	__u64 at;
	return bpf_xdp_metadata_rx_timestamp(ctx, &at) ? XDP_PASS : XDP_DROP;
}
char LICENSE[] SEC("license") = "GPL";
`

// TestDeviceBound binds programs to devices (6.3). The oracle is the kernel: to which devices it
// lets them be attached, and what it refuses on devices without XDP of their own.
func TestDeviceBound(t *testing.T) {
	testkit.Netns(t)
	testkit.Kernel(t, "6.3")
	devicePair(t, "veth", "v0", "v1")
	bound := func(device string) (*bpf.Object, error) {
		o := only(open(t, "net"), "xdp_pass")
		p := o.Program("xdp_pass")
		p.Flags |= uapi.FXDPDevBoundOnly
		p.IfIndex = uint32(deviceIndex(t, device))
		return bpf.Load(o, nil)
	}
	obj, err := bound("v0")
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	p := obj.Program("xdp_pass")
	if l, err := p.AttachXDP("v1", nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("attached to another device: %v, %v", l, err)
	}
	l, err := p.AttachXDP("v0", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}

	// A clone for the other end.
	clone, err := p.Clone(&bpf.CloneOptions{IfIndex: uint32(deviceIndex(t, "v1"))})
	if err != nil {
		t.Fatal(err)
	}
	defer clone.Close()
	if l, err = clone.AttachXDP("v1", nil); err != nil {
		t.Error(err)
	} else if err := l.Close(); err != nil {
		t.Error(err)
	}

	if _, err := bound("lo"); !errors.Is(err, syscall.EOPNOTSUPP) ||
		!errors.Is(err, bpf.ErrNotSupported) {
		t.Errorf("bound to lo: %v", err)
	}
	// that is, offloaded
	unbound, err := p.Clone(
		&bpf.CloneOptions{Flags: uapi.FXDPHasFrags, IfIndex: uint32(deviceIndex(t, "v0"))})
	if err == nil {
		unbound.Close()
		t.Error("a veth runs offloaded programs")
	}

	// Metadata.
	o, err := bpf.Open(testkit.Compile(t, metadataSource), nil)
	if err != nil {
		t.Fatal(err)
	}
	if obj, err := bpf.Load(o, nil); err == nil {
		obj.Close()
		t.Error("a program without a device reads its metadata: the test tests nothing")
	}
	o.Programs[0].Flags |= uapi.FXDPDevBoundOnly
	o.Programs[0].IfIndex = uint32(deviceIndex(t, "v0"))
	load(t, o, nil)
}
