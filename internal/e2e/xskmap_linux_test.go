package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/binary"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/testkit"
)

// An AF_XDP socket with room for xskFrames frames, set up as in
// Documentation/networking/af_xdp.rst.
const (
	xskFrames    = 16
	xskFrameSize = 2048
)

type xskSocket struct {
	fd       int
	umem     []byte
	received []byte // the RX ring
	offsets  unix.XDPMmapOffsets
	taken    uint32
}

// newXSK binds a socket to the first queue of a device, in copy mode, which every device supports.
func newXSK(t testing.TB, device string) *xskSocket {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err == unix.EAFNOSUPPORT && !configured(t, "CONFIG_XDP_SOCKETS") {
		testkit.Skip(t, "the kernel was built without CONFIG_XDP_SOCKETS")
	}
	must(err)
	t.Cleanup(func() { unix.Close(fd) })
	mapped := func(fd int, offset int64, size, flags int) []byte {
		t.Helper()
		b, err := unix.Mmap(fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, flags)
		must(err)
		t.Cleanup(func() { unix.Munmap(b) })
		return b
	}
	s := &xskSocket{fd: fd,
		umem: mapped(-1, 0, xskFrames*xskFrameSize, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)}
	umem := unix.XDPUmemReg{Addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(s.umem)))),
		Len: uint64(len(s.umem)), Size: xskFrameSize}
	must(unix.SetsockoptString(fd, unix.SOL_XDP, unix.XDP_UMEM_REG,
		string(unsafe.Slice((*byte)(unsafe.Pointer(&umem)), unsafe.Sizeof(umem)))))
	for _, ring := range []int{unix.XDP_UMEM_FILL_RING, unix.XDP_UMEM_COMPLETION_RING,
		unix.XDP_RX_RING} {
		must(unix.SetsockoptInt(fd, unix.SOL_XDP, ring, xskFrames))
	}
	size := uint32(unsafe.Sizeof(s.offsets))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP,
		unix.XDP_MMAP_OFFSETS,
		uintptr(unsafe.Pointer(&s.offsets)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 || uintptr(size) != unsafe.Sizeof(s.offsets) {
		t.Fatal(size, errno)
	}
	s.received = mapped(fd, unix.XDP_PGOFF_RX_RING, int(s.offsets.Rx.Desc)+
		xskFrames*int(unsafe.Sizeof(unix.XDPDesc{})), unix.MAP_SHARED|unix.MAP_POPULATE)
	fill := mapped(fd, unix.XDP_UMEM_PGOFF_FILL_RING, int(s.offsets.Fr.Desc)+xskFrames*8,
		unix.MAP_SHARED|unix.MAP_POPULATE)
	for i := range xskFrames {
		binary.NativeEndian.PutUint64(fill[int(s.offsets.Fr.Desc)+8*i:], uint64(i*xskFrameSize))
	}
	binary.NativeEndian.PutUint32(fill[s.offsets.Fr.Producer:], xskFrames)
	must(unix.Bind(fd, &unix.SockaddrXDP{Flags: unix.XDP_COPY,
		Ifindex: uint32(deviceIndex(t, device))}))
	return s
}

// arrives reports whether a frame arrives in the socket's memory within d, beside other frames.
func (s *xskSocket) arrives(frame []byte, d time.Duration) bool {
	for deadline := time.Now().Add(d); time.Now().Before(deadline); {
		unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, 10)
		produced := binary.NativeEndian.Uint32(s.received[s.offsets.Rx.Producer:])
		for ; s.taken != produced; s.taken++ {
			desc := s.received[int(s.offsets.Rx.Desc)+
				int(s.taken%xskFrames)*int(unsafe.Sizeof(unix.XDPDesc{})):]
			at, n := binary.NativeEndian.Uint64(desc), uint64(binary.NativeEndian.Uint32(desc[8:]))
			if at < uint64(len(s.umem)) &&
				bytes.Equal(s.umem[at:min(at+n, uint64(len(s.umem)))], frame) {
				s.taken++
				return true
			}
		}
	}
	return false
}

// TestXSKMap: a program redirects frames to the AF_XDP socket in its map, and passes them while
// there is none. The oracles are the socket's memory and a packet socket.
func TestXSKMap(t *testing.T) {
	testkit.Netns(t)
	for _, mode := range []bpf.XDPMode{bpf.XDPNative, bpf.XDPGeneric} {
		devicePair(t, "veth", "v0", "v1")
		from, to := packetSocket(t, "v1"), packetSocket(t, "v0")
		obj := load(t, open(t, "xskmap"), nil)
		link, err := obj.Program("to_socket").AttachXDP("v0", &bpf.XDPOptions{Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		sent := frame(100)
		for i := 14; i < len(sent); i++ {
			sent[i] = byte(i)
		}
		expect := func(what string, socket *xskSocket) {
			t.Helper()
			if _, err := unix.Write(from, sent); err != nil {
				t.Fatal(err)
			}
			if socket != nil && !socket.arrives(sent, testkit.Patience(20*time.Second)) {
				t.Errorf("%v, %s: the frame isn't in the socket's memory", mode, what)
			}
			if passed := arrives(to, socket == nil); passed != (socket == nil) {
				t.Errorf("%v, %s: the frame passed: %v", mode, what, passed)
			}
		}
		expect("no socket", nil)
		socket, key := newXSK(t, "v0"), make([]byte, 4)
		if err := obj.Map("sockets").Update(key,
			binary.NativeEndian.AppendUint32(nil, uint32(socket.fd)), 0); err != nil {
			t.Fatal(err)
		}
		expect("a socket", socket)
		expect("a second frame", socket)
		if err := obj.Map("sockets").Delete(key); err != nil {
			t.Error(err)
		}
		expect("the socket taken out", nil)
		closeLink(t, link)
		deviceDelete(t, "v0")
	}
}
