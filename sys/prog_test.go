//go:build linux

package sys_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// The oracle of this file is the kernel: its verifier, what its programs return, and bpftool.

func progAttr(t uapi.ProgType, flags uapi.ProgFlags, insns []asm.Instruction) sys.ProgLoadAttr {
	return sys.ProgLoadAttr{
		Type: t, Flags: flags, Name: sys.Name("sys_test"), License: sys.Slice([]byte("GPL\x00")),
		Insns: sys.Slice(asm.Raw(insns)), InsnCnt: uint32(len(insns)),
	}
}

func loadProg(t testing.TB, typ uapi.ProgType, flags uapi.ProgFlags, insns ...asm.Instruction) *sys.FD {
	t.Helper()
	testkit.Root(t)
	a := progAttr(typ, flags, insns)
	fd, err := sys.ProgLoad(&a)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	t.Cleanup(func() { fd.Close() })
	return fd
}

func TestProgLoadAndInfo(t *testing.T) {
	prog := loadProg(t, uapi.ProgXDP, 0, asm.Mov64Imm(asm.R0, 2), asm.ExitInsn())
	info, err := sys.ProgInfoByFD(prog.Int())
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		ID          uint32
		Type, Tag   string
		Name        string
		GPL         bool   `json:"gpl_compatible"`
		BytesXlated uint32 `json:"bytes_xlated"`
		LoadedAt    int64  `json:"loaded_at"`
		UID         uint32
	}
	bpftool(t, &want, "prog", "show", "id", strconv.Itoa(int(info.ID)))
	if want.Type != info.Type.String() || want.Tag != hex.EncodeToString(info.Tag[:]) ||
		want.Name != info.Name.String() ||
		want.BytesXlated != info.XlatedProgLen || want.GPL != info.GPL() ||
		want.UID != info.CreatedByUID {
		t.Errorf("%+v, bpftool: %+v", info, want)
	}
	// With room for them, the instructions come back.
	xlated := make([]byte, info.XlatedProgLen)
	full := sys.ProgInfo{XlatedProgInsns: sys.Slice(xlated), XlatedProgLen: info.XlatedProgLen}
	if _, err := sys.ObjInfo(prog.Int(), unsafe.Pointer(&full),
		uint32(unsafe.Sizeof(full))); err != nil {
		t.Fatal(err)
	}
	insns, err := asm.Decode(xlated, binary.NativeEndian)
	if err != nil || insns[0] != asm.Mov64Imm(asm.R0, 2) {
		t.Errorf("xlated: %v, %v", insns, err)
	}
	again, err := sys.ProgFDByID(info.ID)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if next, err := sys.ProgNextID(info.ID - 1); err != nil || next != info.ID {
		t.Errorf("after %d comes %d, %v", info.ID-1, next, err)
	}
	if _, err := sys.ProgFDByID(1 << 30); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("absent id: %v", err)
	}
}

func TestProgLoadLog(t *testing.T) {
	testkit.Root(t)
	log := make([]byte, 4096)
	a := progAttr(uapi.ProgSocketFilter, 0, []asm.Instruction{asm.ExitInsn()})
	a.LogLevel, a.LogSize, a.LogBuf = 1, uint32(len(log)), sys.Slice(log)
	if _, err := sys.ProgLoad(&a); !errors.Is(err, syscall.EACCES) {
		t.Errorf("R0 unset: %v", err)
	}
	if text := string(log); !strings.Contains(text, "R0 !read_ok") {
		t.Errorf("log: %q", text)
	}
	a.LogSize = 128 // the minimum of kernels before 6.4
	if _, err := sys.ProgLoad(&a); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a log of 128 bytes: %v", err)
	}
}

// TestSignalsDuringLoadAndRun sends the runtime's preemption signal to the thread every
// millisecond. Each ends a verification with EAGAIN and a repeated run with EINTR; both must
// succeed anyway.
func TestSignalsDuringLoadAndRun(t *testing.T) {
	testkit.Root(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tid, stop := unix.Gettid(), make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				unix.Tgkill(unix.Getpid(), tid, unix.SIGURG)
			}
		}
	}()
	defer wg.Wait()
	defer close(stop)

	a := progAttr(uapi.ProgSocketFilter, 0, []asm.Instruction{ // takes the verifier some 100 ms
		asm.Mov64Imm(asm.R1, 0),
		asm.Alu64Imm(asm.Add, asm.R1, 1),
		asm.JmpImm(asm.JLT, asm.R1, 100000, -2),
		asm.Mov64Imm(asm.R0, 0),
		asm.ExitInsn(),
	})
	if n, err := sys.BPF(uapi.CmdProgLoad, unsafe.Pointer(&a),
		unsafe.Sizeof(a)); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("a single try: %d, %v; the signal doesn't do what this test is about", n, err)
	}
	prog, err := sys.ProgLoad(&a)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	defer prog.Close()
	data := make([]byte, 64)
	run := sys.ProgTestRunAttr{ProgFD: prog.Uint32(), DataIn: sys.Slice(data), DataSizeIn: 64,
		Repeat: 1000}
	if err := sys.ProgTestRun(&run); err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestProgTestRun(t *testing.T) {
	// r0 = 2 (XDP_PASS) if byte 0 of the packet is 0xab, else 1 (XDP_DROP).
	prog := loadProg(t, uapi.ProgXDP, 0,
		asm.LdxMem(asm.W, asm.R2, asm.R1, 0), // data
		asm.LdxMem(asm.W, asm.R3, asm.R1, 4), // data_end
		asm.Mov64Imm(asm.R0, 1),
		asm.Mov64Reg(asm.R4, asm.R2),
		asm.Alu64Imm(asm.Add, asm.R4, 14),
		asm.JmpReg(asm.JGT, asm.R4, asm.R3, 3),
		asm.LdxMem(asm.B, asm.R5, asm.R2, 0),
		asm.JmpImm(asm.JNE, asm.R5, 0xab, 1),
		asm.Mov64Imm(asm.R0, 2),
		asm.ExitInsn(),
	)
	packet, out := make([]byte, 64), make([]byte, 64)
	packet[0] = 0xab
	for _, repeat := range []uint32{0, 1000} {
		a := sys.ProgTestRunAttr{ProgFD: prog.Uint32(), DataIn: sys.Slice(packet), DataSizeIn: 64,
			DataOut: sys.Slice(out), DataSizeOut: 64, Repeat: repeat}
		if err := sys.ProgTestRun(&a); err != nil || a.Retval != 2 || a.DataSizeOut != 64 ||
			out[0] != 0xab {
			t.Errorf("repeat %d: %v, returned %d, %d bytes", repeat, err, a.Retval, a.DataSizeOut)
		}
	}
	packet[0] = 0
	a := sys.ProgTestRunAttr{ProgFD: prog.Uint32(), DataIn: sys.Slice(packet), DataSizeIn: 64,
		DataOut: sys.Slice(out), DataSizeOut: 10}
	if err := sys.ProgTestRun(&a); !errors.Is(err, syscall.ENOSPC) || a.DataSizeOut != 64 {
		t.Errorf("short output: %v, size %d", err, a.DataSizeOut)
	}
	kprobe := loadProg(t, uapi.ProgKprobe, 0, asm.Mov64Imm(asm.R0, 0), asm.ExitInsn())
	if err := sys.ProgTestRun(
		&sys.ProgTestRunAttr{ProgFD: kprobe.Uint32()}); !errors.Is(err, sys.ENOTSUPP) {
		t.Errorf("test run of a kprobe program: %v", err)
	}
}

func TestProgTestRunAllocatesNothing(t *testing.T) {
	prog := loadProg(t, uapi.ProgSyscall, uapi.FSleepable, asm.Mov64Imm(asm.R0, 5), asm.ExitInsn())
	fd := prog.Uint32()
	if n := testing.AllocsPerRun(100, func() {
		a := sys.ProgTestRunAttr{ProgFD: fd}
		if sys.ProgTestRun(&a) != nil || a.Retval != 5 {
			t.Fatal("run failed")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestStats(t *testing.T) {
	prog := loadProg(t, uapi.ProgSocketFilter, 0, asm.Mov64Imm(asm.R0, 0), asm.ExitInsn())
	stats, err := sys.EnableStats(sys.StatsRunTime)
	if err != nil {
		t.Fatal(err)
	}
	defer stats.Close()
	data := make([]byte, 64)
	if err := sys.ProgTestRun(&sys.ProgTestRunAttr{ProgFD: prog.Uint32(), DataIn: sys.Slice(data),
		DataSizeIn: 64, Repeat: 10}); err != nil {
		t.Fatal(err)
	}
	info, err := sys.ProgInfoByFD(prog.Int())
	if err != nil || info.RunCnt != 10 {
		t.Errorf("run_cnt %d, %v", info.RunCnt, err)
	}
}

func TestProgStreamAndBind(t *testing.T) {
	prog := loadProg(t, uapi.ProgSyscall, uapi.FSleepable, asm.Mov64Imm(asm.R0, 0), asm.ExitInsn())
	m := hash(t, 1)
	if err := sys.ProgBindMap(prog.Int(), m.Int(), 0); err != nil {
		t.Errorf("bind: %v", err)
	}
	info, err := sys.ProgInfoByFD(prog.Int())
	if err != nil || info.NrMapIDs != 1 {
		t.Errorf("%d maps, %v", info.NrMapIDs, err)
	}
	ids := []uint32{0}
	full := sys.ProgInfo{NrMapIDs: 1, MapIDs: sys.Slice(ids)}
	if _, err := sys.ObjInfo(prog.Int(), unsafe.Pointer(&full),
		uint32(unsafe.Sizeof(full))); err != nil || ids[0] != mapID(t, m) {
		t.Errorf("map id %d, %v", ids[0], err)
	}
	testkit.Kernel(t, "6.17")
	if n, err := sys.ProgStreamRead(prog.Int(), sys.StreamStdout, make([]byte, 100)); n != 0 ||
		err != nil {
		t.Errorf("stream of a program that wrote nothing: %d bytes, %v", n, err)
	}
	if _, err := sys.ProgStreamRead(prog.Int(), 99,
		make([]byte, 100)); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("stream 99: %v", err)
	}
}
