//go:build linux

package sys_test

import (
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// rawAttr is the attribute of element commands, prepared once: the floor for a caller in Go.
type rawAttr struct {
	fd         uint32
	_          uint32
	key, value unsafe.Pointer
	flags      uapi.ElemFlags
}

// compare runs ours and raw in turn, 2,000 operations a round, and reports the median of each and
// of their ratios round by round, so that other load on the machine cancels out.
func compare(b *testing.B, ours, raw func()) {
	const ops = 2000
	run := func(f func()) float64 {
		start := time.Now()
		for range ops {
			f()
		}
		return float64(time.Since(start).Nanoseconds()) / ops
	}
	var o, r, ratio []float64
	for i := range b.N {
		var x, y float64
		if i%2 == 0 {
			x, y = run(ours), run(raw)
		} else {
			y, x = run(raw), run(ours)
		}
		o, r, ratio = append(o, x), append(r, y), append(ratio, x/y)
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(o), "ours-ns")
	b.ReportMetric(median(r), "raw-ns")
	b.ReportMetric(median(ratio), "ours/raw")
}

func BenchmarkMap(b *testing.B) {
	m := hash(b, 65536)
	fd := m.Int()
	for i := range uint32(10000) {
		v := uint64(i)
		if err := sys.MapUpdate(fd, unsafe.Pointer(&i), unsafe.Pointer(&v), 0); err != nil {
			b.Fatal(err)
		}
	}
	var key uint32
	var value uint64
	attr := &rawAttr{fd: uint32(fd), key: unsafe.Pointer(&key), value: unsafe.Pointer(&value)}
	raw := func(cmd uintptr) func() {
		return func() {
			key = (key + 1) % 10000
			if _, _, e := syscall.RawSyscall(unix.SYS_BPF, cmd,
				uintptr(unsafe.Pointer(attr)), 32); e != 0 {
				b.Fatal(e)
			}
		}
	}
	n := uint32(0)
	b.Run("lookup", func(b *testing.B) {
		compare(b, func() {
			n = (n + 1) % 10000
			k, v := n, uint64(0)
			if err := sys.MapLookup(fd, unsafe.Pointer(&k), unsafe.Pointer(&v), 0); err != nil {
				b.Fatal(err)
			}
		}, raw(1))
	})
	b.Run("update", func(b *testing.B) {
		compare(b, func() {
			n = (n + 1) % 10000
			k, v := n, uint64(0)
			if err := sys.MapUpdate(fd, unsafe.Pointer(&k), unsafe.Pointer(&v), 0); err != nil {
				b.Fatal(err)
			}
		}, raw(2))
	})
	b.Run("updateWait", func(b *testing.B) {
		compare(b, func() {
			n = (n + 1) % 10000
			k, v := n, uint64(0)
			if err := sys.MapUpdateWait(fd, unsafe.Pointer(&k), unsafe.Pointer(&v), 0); err != nil {
				b.Fatal(err)
			}
		}, raw(2))
	})
}

func BenchmarkTestRun(b *testing.B) {
	prog := loadProg(b, uapi.ProgSyscall, uapi.FSleepable, asm.Mov64Imm(asm.R0, 0), asm.ExitInsn())
	ours := sys.ProgTestRunAttr{ProgFD: prog.Uint32()}
	raw := ours
	compare(b, func() {
		if err := sys.ProgTestRun(&ours); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if _, _, e := syscall.RawSyscall(unix.SYS_BPF, 10,
			uintptr(unsafe.Pointer(&raw)), 76); e != 0 {
			b.Fatal(e)
		}
	})
}
