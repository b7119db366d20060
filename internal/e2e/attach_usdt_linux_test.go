package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/internal/usdt"
	"github.com/purebpf/bpf/kernel"
)

// usdtSeen is struct seen of testdata/usdt.bpf.c.
type usdtSeen struct {
	Count, Cookie uint64
	Num           int64
	Value, Error  [12]int64
	Sum           uint64
}

// usdtHeaders returns the objects of testdata with the same programs by different headers of
// libbpf. For big-endian machines vmtest compiles the one with Debian's header.
func usdtHeaders() []string {
	if runtime.GOARCH == "s390x" {
		return []string{"usdt16"}
	}
	return []string{"usdt16", "usdt24"}
}

// newestUSDT returns the object with the newest header.
func newestUSDT() string { return usdtHeaders()[len(usdtHeaders())-1] }

// usdtObject loads programs of such an object, which record the actions of process pid.
func usdtObject(t testing.TB, header string, pid int, opts *bpf.LoadOptions, names ...string) *bpf.Object {
	t.Helper()
	uprobes(t)
	obj := load(t, only(open(t, header), names...), opts)
	if err := obj.Variable("only_pid").Set(uint32(pid)); err != nil {
		t.Fatal(err)
	}
	return obj
}

func usdtSeenBy(t testing.TB, obj *bpf.Object, program string) *usdtSeen {
	t.Helper()
	s, err := bpf.VarOf[usdtSeen](obj.Variable(program + "_seen"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// targetProbes lists the probes of testdata/target.c: how often each is passed, and the arguments
// of the last time.
var targetProbes = [...]struct {
	name    string
	x86     bool // with x86-64's operands
	indexed bool // needs the header with index registers
	count   uint64
	args    []int64
}{
	{name: "none", count: 1},
	{name: "guarded", count: 1, args: []int64{3 + 8 + 7 + 9}},
	{name: "twelve", count: 1, args: []int64{-1 << 40, -70000, -300, -7, 200, 60000, 4000000000,
		0xabcdefabcdef, 42, 77, -5}},
	{name: "spread", count: 3, args: []int64{1}},
	{name: "registers", x86: true, count: 1,
		args: []int64{0x1122334455667788, 0xcafebabe, -2, 0x5678, -3, 0xfe, -0x78,
			-9, 0x1010, 0xf5}},
	{name: "memory", x86: true, count: 1,
		args: []int64{0x4444444444444444, -55, 0xfffffffd, -3, 0xfe, -2, 0xfe}},
	{name: "indexed", x86: true, indexed: true, count: 1,
		args: []int64{-0x100000003, 0x4444444444444444, 11, 0xfffe, 0, -3}},
	{name: "constants", x86: true, count: 1, args: []int64{-5, 1<<63 - 1, 4294967295, 7, -1}},
	{name: "long_nop", x86: true, count: 1, args: []int64{12345}},
}

// compareSeen compares the arguments that a program saw with those of the probe.
func compareSeen(t testing.TB, s *usdtSeen, num int, want []int64) {
	t.Helper()
	if s.Num != int64(num) {
		t.Errorf("%d arguments, want %d", s.Num, num)
	}
	for i, w := range want {
		if s.Error[i] != 0 || s.Value[i] != w {
			t.Errorf("argument %d is %#x (error %d), want %#x", i, s.Value[i], s.Error[i], w)
		}
	}
	for i := num; i < 12; i++ {
		if s.Error[i] != -int64(syscall.ENOENT) {
			t.Errorf("argument %d, which isn't there: error %d", i, s.Error[i])
		}
	}
}

// TestUSDT attaches to every probe of a C program, by one link to many uprobes and by one each,
// with both headers. The oracle is the arguments that the program passes, and the value that it
// reads from its semaphore.
func TestUSDT(t *testing.T) {
	v := startVictim(t, target(t))
	for _, header := range usdtHeaders() {
		for _, program := range []string{"any", "single", "sleepy"} {
			obj := usdtObject(t, header, v.pid, nil, program)
			s := usdtSeenBy(t, obj, program)
			for _, probe := range targetProbes {
				if probe.x86 && runtime.GOARCH != "amd64" {
					continue
				}
				t.Run(header+"/"+program+"/"+probe.name, func(t *testing.T) {
					l, err := obj.Program(program).AttachUSDT(v.path, "target", probe.name,
						&bpf.USDTOptions{Cookie: 0xc0ffee << 32})
					if probe.indexed && header == "usdt16" {
						if !errors.Is(err, bpf.ErrNotSupported) ||
							!strings.Contains(err.Error(), "too old") {
							t.Error(err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					*s = usdtSeen{}
					guarded, _ := v.run(t, 1)
					if want := 0; probe.name == "guarded" {
						want = 1
						if guarded != want {
							t.Errorf("the semaphore is %d", guarded)
						}
					} else if guarded != want {
						t.Errorf("the semaphore of another probe is %d", guarded)
					}
					if s.Count != probe.count || s.Cookie != 0xc0ffee<<32 {
						t.Errorf("ran %d times with cookie %#x, want %d times",
							s.Count, s.Cookie, probe.count)
					}
					num := len(probe.args)
					if probe.name == "twelve" {
						num = 12 // the last is an address
						if s.Error[11] != 0 || s.Value[11] == 0 {
							t.Errorf("argument 11 is %#x, error %d", s.Value[11], s.Error[11])
						}
					}
					compareSeen(t, s, num, probe.args)
					closeLink(t, l)
					*s = usdtSeen{}
					if guarded, _ := v.run(t, 1); s.Count != 0 || guarded != 0 {
						t.Errorf("afterwards it ran %d times, the semaphore is %d",
							s.Count, guarded)
					}
				})
			}
		}
	}
}

// TestUSDTPlaces attaches two programs at once to a probe that is in three places with two kinds of
// arguments. The oracle is the arguments that the program passes: 1, n, 1 with n = 27.
func TestUSDTPlaces(t *testing.T) {
	v := startVictim(t, target(t))
	for _, names := range [][2]string{{"any", "another"}, {"single", "single"}} {
		obj := usdtObject(t, newestUSDT(), v.pid, nil, names[0], names[1])
		var links bpf.Links
		for i, name := range names {
			l, err := obj.Program(name).AttachUSDT(v.path, "target", "spread",
				&bpf.USDTOptions{Cookie: uint64(i)})
			if err != nil {
				t.Fatal(err)
			}
			links = append(links, l)
		}
		if n := specsWritten(t, obj); n != 4 {
			t.Errorf("%d specs for two kinds of arguments of two attachments", n)
		}
		v.run(t, 1)
		times := uint64(1)
		if names[0] == names[1] {
			times = 2
		}
		for _, name := range names {
			if s := usdtSeenBy(t, obj, name); s.Count != 3*times || s.Sum != 29*times {
				t.Errorf("%s ran %d times, the arguments add up to %d", name, s.Count, s.Sum)
			}
		}
		if _, err := links[0].Info(); (err == nil) != (names[0] == "any") &&
			obj.Program("any").ExpectedAttachType() != 0 {
			t.Errorf("%v: info: %v", links[0], err)
		}
		if err := links.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestUSDTProcess attaches in one of two processes. The oracle is which of them passes the probe.
func TestUSDTProcess(t *testing.T) {
	path := target(t)
	mine, other := startVictim(t, path), startVictim(t, path)
	for _, program := range []string{"any", "single"} {
		obj := usdtObject(t, newestUSDT(), 0, nil, program)
		s := usdtSeenBy(t, obj, program)
		l, err := obj.Program(program).AttachUSDT(path, "target", "guarded",
			&bpf.USDTOptions{PID: mine.pid})
		if err != nil {
			t.Fatal(err)
		}
		other.run(t, 1)
		if s.Count != 0 {
			t.Errorf("%s ran for another process", program)
		}
		mine.run(t, 1)
		if s.Count != 1 || s.Value[0] != 27 {
			t.Errorf("%s ran %d times, saw %d", program, s.Count, s.Value[0])
		}
		closeLink(t, l)
	}
}

// TestUSDTFull: an attachment that needs more ids than the map has leaves nothing behind.
func TestUSDTFull(t *testing.T) {
	v := startVictim(t, target(t))
	obj := usdtObject(t, newestUSDT(), v.pid, nil, "any")
	_, err := obj.Program("any").AttachUSDT(v.path, "target", "kinds", nil)
	if !errors.Is(err, bpf.ErrTooBig) || !strings.Contains(err.Error(), "room for 8") {
		t.Error(err)
	}
	var links bpf.Links
	for range 8 {
		l, err := obj.Program("any").AttachUSDT(v.path, "target", "none", nil)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, l)
	}
	if _, err := obj.Program("any").AttachUSDT(v.path,
		"target", "none", nil); !errors.Is(err, bpf.ErrTooBig) {
		t.Error(err)
	}
	if err := links[:1].Close(); err != nil {
		t.Fatal(err)
	}
	l, err := obj.Program("any").AttachUSDT(v.path, "target", "none", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := append(links, l).Close(); err != nil {
		t.Error(err)
	}
}

// withoutCookies is the running kernel as if it were one before 5.15: without cookies, links to
// perf events and to many uprobes.
type withoutCookies struct{ facts.Kernel }

func (k withoutCookies) Has(f facts.Feature) (bool, error) {
	switch f {
	case facts.BPFCookie, facts.PerfLink, facts.UprobeMultiLink:
		return false, nil
	}
	return k.Kernel.Has(f)
}

// TestUSDTWithoutCookies distinguishes places by their address, as programs do on kernels without
// cookies. The oracle is the arguments that the program passes.
func TestUSDTWithoutCookies(t *testing.T) {
	old := &bpf.LoadOptions{Kernel: withoutCookies{kernel.Running()}}
	static := target(t)
	paths := []string{static}
	if _, err := os.Stat("/lib64/ld-linux-x86-64.so.2"); err == nil {
		paths = append(paths, testkit.Native(t, source(t, "target.c"), "-pie", "-fPIE"))
	}
	for i, path := range paths {
		v := startVictim(t, path)
		header := "usdt24"
		if runtime.GOARCH != "amd64" {
			// vmtest compiles that one for other machines, whose struct pt_regs has the address
			// elsewhere
			header = "usdt16"
		}
		obj := usdtObject(t, header, v.pid, old, "any")
		s := usdtSeenBy(t, obj, "any")
		if i == 1 {
			if _, err := obj.Program("any").AttachUSDT(path, "target",
				"spread", nil); !errors.Is(err, bpf.ErrNotSupported) ||
				!strings.Contains(err.Error(), "give a process") {
				t.Error(err)
			}
		}
		o := &bpf.USDTOptions{PID: v.pid, Cookie: 5}
		l, err := obj.Program("any").AttachUSDT(path, "target", "spread", o)
		if err != nil {
			t.Fatal(err)
		}
		v.run(t, 1)
		if s.Count != 3 || s.Sum != 29 || s.Cookie != 5 {
			t.Errorf("%s: ran %d times, cookie %d, the arguments add up to %d",
				path, s.Count, s.Cookie, s.Sum)
		}
		if _, err := obj.Program("any").AttachUSDT(path,
			"target", "spread", o); !errors.Is(err, bpf.ErrExist) ||
			!strings.Contains(err.Error(), "cookies (5.15) distinguish them") {
			t.Error("attached twice:", err)
		}
		*s = usdtSeen{}
		if v.run(t, 1); s.Count != 3 || s.Sum != 29 {
			t.Errorf("%s: after a refused second attachment it ran %d times, the arguments add up to %d", path, s.Count, s.Sum)
		}
		closeLink(t, l)
		if n := entries(t, obj.Map(usdt.AddressesMap)); n != 0 {
			t.Errorf("%d addresses left", n)
		}
	}
}

// specsWritten counts the probe specs that attaching wrote into the object's map.
func specsWritten(t testing.TB, obj *bpf.Object) (n int) {
	t.Helper()
	m := obj.Map(usdt.SpecsMap)
	spec := make([]byte, m.ValueLen())
	for key := range m.MaxEntries() {
		if err := m.Lookup(binary.NativeEndian.AppendUint32(nil, key), spec); err != nil {
			t.Fatal(err)
		}
		if len(bytes.Trim(spec, "\x00")) > 0 {
			n++
		}
	}
	return n
}

// TestUSDTSpecsReused attaches more often than the object's map has room for specs, and is refused
// as often in between. The oracle is the size of the map.
func TestUSDTSpecsReused(t *testing.T) {
	v := startVictim(t, target(t))
	obj := usdtObject(t, newestUSDT(), v.pid, nil, "any")
	p, size := obj.Program("any"), int(obj.Map(usdt.SpecsMap).MaxEntries())
	for range size/2 + 1 { // two kinds of arguments
		l, err := p.AttachUSDT(v.path, "target", "spread", nil)
		if err != nil {
			t.Fatal(err)
		}
		closeLink(t, l)
		if l, err := p.AttachUSDT(v.path, "target", "no_such",
			nil); !errors.Is(err, bpf.ErrNotExist) {
			t.Fatal(l, err)
		}
	}
	if n := specsWritten(t, obj); n == 0 || n > size {
		t.Errorf("%d of %d specs were written", n, size)
	}
}

// entries counts the elements of a map.
func entries(t testing.TB, m *bpf.Map) (n int) {
	t.Helper()
	key := make([]byte, m.KeySize())
	for err := m.NextKey(nil, key); !errors.Is(err, bpf.ErrNotExist); err = m.NextKey(key, key) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestUSDTAuto attaches by section. The sections name the victim's path in a copy of the object;
// the oracle is that the program passes the probe once.
func TestUSDTAuto(t *testing.T) {
	v := startVictim(t, target(t))
	raw, err := os.ReadFile("../../testdata/" + newestUSDT() + ".bpf.o")
	if err != nil {
		t.Fatal(err)
	}
	// "usdt//proc/self/exe:nobody:nothing" has room for "usdt/P:target:guarded", P a link to the
	// victim.
	link := "/tmp/p" + fmt.Sprint(os.Getpid()%100000)
	if err := os.Symlink(v.path, link); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(link)
	for _, kind := range []string{"usdt", "usdt.s"} {
		old := "usdt//proc/self/exe:nobody:nothing\x00"
		text := kind + "/" + link + ":target:none\x00"
		if len(text) > len(old) || !bytes.Contains(raw, []byte(old)) {
			t.Fatalf("%q for %q", text, old)
		}
		path := filepath.Join(t.TempDir(), "auto.bpf.o")
		if err := os.WriteFile(path,
			bytes.ReplaceAll(raw, []byte(old),
				[]byte(text+strings.Repeat("\x00", len(old)-len(text)))), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := bpf.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		obj := load(t, only(o, "automatic", "any"), nil)
		links, err := obj.Attach()
		if err != nil {
			t.Fatal(err)
		}
		if len(links) != 1 || len(obj.NotAttached()) == 0 {
			t.Errorf("attached %v, left %v", links, obj.NotAttached())
		}
		if err := obj.Variable("only_pid").Set(uint32(v.pid)); err != nil {
			t.Fatal(err)
		}
		if v.run(t, 2); usdtSeenBy(t, obj, "automatic").Count != 2 {
			t.Errorf("%s: ran %d times", kind, usdtSeenBy(t, obj, "automatic").Count)
		}
		if err := obj.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestUSDTOddKeys: a map of addresses whose keys hold no address is refused before anything is
// written. The oracle is usdt.bpf.h, which declares them as long.
func TestUSDTOddKeys(t *testing.T) {
	uprobes(t)
	for _, size := range []uint32{2, 7} {
		o := only(open(t, newestUSDT()), "any")
		addresses := o.Map(usdt.AddressesMap)
		addresses.KeySize, addresses.KeyType = size, 0
		obj := load(t, o, &bpf.LoadOptions{Kernel: withoutCookies{kernel.Running()}})
		l, err := obj.Program("any").AttachUSDT(target(t), "target", "none", nil)
		if err == nil {
			closeLink(t, l)
		}
		if !errors.Is(err, syscall.EINVAL) ||
			!strings.Contains(err.Error(), "differ from those of usdt.bpf.h") {
			t.Errorf("keys of %d bytes: %v", size, err)
		}
	}
}

// TestUSDTErrors: the errors say why the program can't be attached.
func TestUSDTErrors(t *testing.T) {
	path := target(t)
	obj := usdtObject(t, newestUSDT(), 0, nil, "any", "incomplete", "automatic")
	plain := uprobeObject(t, 0, "entry", "other")
	any := obj.Program("any")
	foreign := filepath.Join(t.TempDir(), "foreign")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[18], raw[19] = 0xf0, 0xf0 // e_machine
	if err := os.WriteFile(foreign, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	pinned := filepath.Join(testkit.BPFFS(t), "usdt_any")
	if err := any.Pin(pinned); err != nil {
		t.Fatal(err)
	}
	defer any.Unpin()
	alone, err := bpf.OpenProgram(pinned)
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	for _, c := range []struct {
		name   string
		attach func() (*bpf.Link, error)
		err    error
		text   string
	}{
		{"near name", func() (*bpf.Link, error) {
			return any.AttachUSDT(path, "target", "guardet", nil)
		}, bpf.ErrNotExist, "near: target:guarded"},
		{"no file", func() (*bpf.Link, error) {
			return any.AttachUSDT("/no/such/file", "a", "b", nil)
		}, bpf.ErrNotExist, "/no/such/file"},
		{"no probes", func() (*bpf.Link, error) {
			return any.AttachUSDT("/proc/self/exe", "a", "b", nil)
		}, bpf.ErrNotExist, ".note.stapsdt"},
		{"no probe named", func() (*bpf.Link, error) {
			return any.AttachUSDT(path, "target", "", nil)
		}, syscall.EINVAL, "named"},
		{"symbol", func() (*bpf.Link, error) {
			return any.AttachUSDT(path, "target", "symbolic", nil)
		}, syscall.EINVAL, "counted_here(%rip)"},
		{"thirteen", func() (*bpf.Link, error) {
			return any.AttachUSDT(path, "target", "thirteen", nil)
		}, bpf.ErrNotSupported, "more than 12"},
		{"processor", func() (*bpf.Link, error) {
			return any.AttachUSDT(foreign, "target", "none", nil)
		}, syscall.EINVAL, "ELF machine 61680"},
		{"negative process", func() (*bpf.Link, error) {
			return any.AttachUSDT(path, "target", "none", &bpf.USDTOptions{PID: -1})
		}, syscall.EINVAL, "process -1"},
		{"no maps", func() (*bpf.Link, error) {
			return plain.Program("entry").AttachUSDT(path, "target", "none", nil)
		}, syscall.ESRCH, "usdt.bpf.h"},
		{"type", func() (*bpf.Link, error) {
			return plain.Program("other").AttachUSDT(path, "target", "none", nil)
		}, syscall.EINVAL, "xdp"},
		{"no object", func() (*bpf.Link, error) {
			return alone.AttachUSDT(path, "target", "none", nil)
		}, bpf.ErrNotSupported, "object"},
		{"section", func() (*bpf.Link, error) {
			return obj.Program("incomplete").Attach()
		}, syscall.EINVAL, "path:provider:name"},
		{"auto, no probe", func() (*bpf.Link, error) {
			return obj.Program("automatic").Attach()
		}, bpf.ErrNotExist, ".note.stapsdt"},
	} {
		if (c.name == "symbol" || c.name == "thirteen") && runtime.GOARCH != "amd64" {
			continue // written by hand for x86-64
		}
		t.Run(c.name, func(t *testing.T) {
			l, err := c.attach()
			if err == nil {
				closeLink(t, l)
				t.Fatal("it attached")
			}
			if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v; want %v and %q", err, c.err, c.text)
			}
		})
	}
}
