package usdt

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/testkit"
)

// foreignTarget compiles target.c, a program with probes of all kinds, for another machine.
func foreignTarget(t testing.TB, arch string) string {
	t.Helper()
	const include = "#include \"freestanding.h\"\n"
	text := string(readFile(t, "../../testdata/target.c"))
	if !strings.Contains(text, include) {
		t.Fatalf("target.c has no %q", include)
	}
	header := string(readFile(t, "../../testdata/freestanding.h"))
	return testkit.Foreign(t, arch, strings.Replace(text, include, header, 1))
}

// TestForeign reads the probes of the same program as clang compiles it for other machines. The
// oracle is readelf; the arguments that the program passes as constants must be read as such.
func TestForeign(t *testing.T) {
	for _, c := range []struct {
		arch    string
		machine elf64.Machine
	}{
		{"arm64", elf64.MachineAArch64}, {"riscv64", elf64.MachineRISCV},
		{"s390x", elf64.MachineS390},
	} {
		path := foreignTarget(t, c.arch)
		f := parse(t, readFile(t, path))
		notes := string(testkit.Run(t, "readelf", "-n", "-W", path))
		for name, num := range map[string]int{"none": 0, "guarded": 1, "twelve": 12, "spread": 1,
			"kinds": 1} {
			p, err := Find(f, "target", name)
			if err != nil {
				t.Errorf("%s: %v", c.arch, err)
				continue
			}
			if !p.HasSemaphore() {
				t.Errorf("%s: %s has no semaphore", c.arch, name)
			}
			for _, s := range p.Sites {
				text := p.Args[s.Args]
				args, err := ParseArgs(c.machine, text)
				if err != nil || len(args) != num || s.Semaphore == 0 {
					t.Errorf("%s: %s: %+v, %v", c.arch, name, s, err)
				}
				if !strings.Contains(notes, "Arguments: "+text+"\n") ||
					!strings.Contains(notes, fmt.Sprintf("Location: 0x%016x,", s.Address)) {
					t.Errorf("%s: %s: readelf has no %+v %s", c.arch, name, s, text)
				}
				if name == "twelve" && err == nil &&
					(args[9] != Arg{Value: 77, Size: 4, Signed: true} ||
						args[10] != Arg{Value: -5, Size: 4, Signed: true}) {
					t.Errorf("%s: %+v", c.arch, args)
				}
			}
			if n := strings.Count(notes, "Name: "+name+"\n"); n != len(p.Sites) {
				t.Errorf("%s: %s is in %d places, readelf lists %d", c.arch, name, len(p.Sites), n)
			}
			if slices.Sort(p.Args); len(slices.Compact(p.Args)) != len(p.Args) {
				t.Errorf("%s: %s: arguments occur twice: %q", c.arch, name, p.Args)
			}
		}
		if err := CheckNative(f); (err == nil) != (c.arch == runtime.GOARCH) {
			t.Errorf("%s on %s: %v", c.arch, runtime.GOARCH, err)
		}
	}
}

// TestCheckNative checks this test's own program, which is for this processor.
func TestCheckNative(t *testing.T) {
	f := parse(t, readFile(t, "/proc/self/exe"))
	known := Supported(f.Machine)
	if err := CheckNative(f); (err == nil) != known {
		t.Errorf("machine %d on %s: %v", f.Machine, runtime.GOARCH, err)
	}
}

// TestUseNop5 moves sites in code that the test writes down byte by byte: a nop and the nop of 5
// bytes that Intel's manual recommends, NOP DWORD ptr [EAX + EAX*1 + 00H]; anything else stays.
func TestUseNop5(t *testing.T) {
	code := "\x90\x0f\x1f\x44\x00\x00\x90\x90\x90\x0f\x1f\x44\x00"
	p := &Probe{Sites: []Site{{Address: 0x1000, Offset: 0}, {Address: 0x1006, Offset: 6},
		{Address: 0x1008, Offset: 8}, {Address: 0x2000, Offset: 0x1000}}}
	p.UseNop5(strings.NewReader(code))
	want := []Site{{Address: 0x1001, Offset: 1}, {Address: 0x1006, Offset: 6},
		{Address: 0x1008, Offset: 8}, {Address: 0x2000, Offset: 0x1000}}
	if !slices.Equal(p.Sites, want) {
		t.Errorf("%+v, want %+v", p.Sites, want)
	}
}

// TestIDs takes ids and gives them back: an id is in use once, below the limit, and those that were
// given back are used before new ones.
func TestIDs(t *testing.T) {
	const limit = 8
	var s IDs
	used := map[uint32]bool{}
	take := func(n int) []uint32 {
		ids, err := s.Take(n, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if used[id] || id >= limit {
				t.Errorf("id %d of %v, in use: %v", id, ids, used)
			}
			used[id] = true
		}
		return ids
	}
	give := func(ids []uint32) {
		for _, id := range ids {
			delete(used, id)
		}
		s.Give(ids)
	}
	first := take(2)
	second := take(3)
	give(first)
	if again := take(2); slices.Max(again) > slices.Max(first) {
		t.Errorf("%v after %v was given back", again, first)
	}
	if _, err := s.Take(4, limit); err == nil ||
		!strings.Contains(err.Error(), "room for 8, 5 in use") {
		t.Error(err)
	}
	give(second)
	take(6)
	if s.InUse() != len(used) || s.InUse() != limit {
		t.Errorf("%d in use, want %d", s.InUse(), len(used))
	}
}
