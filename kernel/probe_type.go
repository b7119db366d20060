package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// HasProgType reports whether the kernel has programs of type t (libbpf
// libbpf_probe_bpf_prog_type), by loading the smallest one. For types whose programs need a target
// that a probe does not have, the answer follows from the kernel's refusal. Nothing is kept. The
// error is EOPNOTSUPP for a type that this module cannot probe, and a *ProbeError if the answer
// could not be determined.
func (f *Facts) HasProgType(t uapi.ProgType) (bool, error) {
	return f.has("program type "+t.String(), ProgCaps(t), func(p *prober) (bool, error) {
		return p.progType(t)
	})
}

// HasMapType reports whether the kernel has maps of type t (libbpf libbpf_probe_bpf_map_type), by
// creating the smallest one. Nothing is kept.
func (f *Facts) HasMapType(t uapi.MapType) (bool, error) {
	return f.has("map type "+t.String(), []Capability{CapBPF, CapNetAdmin},
		func(p *prober) (bool, error) {
			return p.mapType(t)
		})
}

// HasHelper reports whether programs of type t may call the helper with that id (libbpf
// libbpf_probe_bpf_helper), by loading one that calls it: the verifier's log says whether the
// helper or only the call is wrong. The error is EOPNOTSUPP for tracing, extension, LSM and
// struct_ops programs, which need a target. Nothing is kept.
func (f *Facts) HasHelper(t uapi.ProgType, id uint32) (bool, error) {
	return f.HasHelperAt(t, 0, id)
}

// HasHelperAt is HasHelper for programs of type t with an expected attach type: the helpers of
// cgroup programs depend on it. 0 stands for the one that HasProgType probes with.
func (f *Facts) HasHelperAt(t uapi.ProgType, at uapi.AttachType, id uint32) (bool, error) {
	return f.has(fmt.Sprintf("helper %d for program type %s", id, t), ProgCaps(t),
		func(p *prober) (bool, error) {
			return p.helper(t, at, id)
		})
}

func (f *Facts) has(what string, need []Capability, probe func(*prober) (bool, error)) (bool,
	error) {
	if runtime.GOOS != "linux" && !funnel.Replaced() {
		return false, ErrNotLinux
	}
	yes, err := probe(&prober{facts: f})
	if err != nil && !errors.Is(err, syscall.EOPNOTSUPP) {
		err = f.inconclusive(what, err, need...)
	}
	return yes, err
}

// progProbes has what the smallest program of a type needs besides "return 0". Types that are not
// listed need nothing.
var progProbes = [...]struct {
	t      uapi.ProgType
	attach uapi.AttachType
	flags  uapi.ProgFlags
	btfID  uint32
	errno  syscall.Errno // with which a kernel that has the type refuses the program
	log    string        // text in the log of that refusal
}{
	{t: uapi.ProgCgroupSockAddr, attach: uapi.AttachCgroupInet4Connect},
	{t: uapi.ProgCgroupSockOpt, attach: uapi.AttachCgroupGetSockOpt},
	{t: uapi.ProgSKLookup, attach: uapi.AttachSKLookup},
	{t: uapi.ProgLIRCMode2, attach: uapi.AttachLIRCMode2},
	{t: uapi.ProgNetfilter, attach: uapi.AttachNetfilter},
	{t: uapi.ProgSyscall, flags: uapi.FSleepable},
	{t: uapi.ProgTracing, attach: uapi.AttachTraceFentry, btfID: 1, errno: syscall.EINVAL,
		log: "attach_btf_id 1 is not a function"},
	{t: uapi.ProgLSM, attach: uapi.AttachModifyReturn, btfID: 1, errno: syscall.EINVAL,
		log: "attach_btf_id 1 is not a function"},
	{t: uapi.ProgExt, btfID: 1, errno: syscall.EINVAL, log: "Cannot replace kernel functions"},
	{t: uapi.ProgStructOps, errno: sys.ENOTSUPP},
}

// loadType loads insns as a program of type t with a log, with attach type at if that is not 0.
// refusedAs says how a kernel that has the type refuses the program.
func (p *prober) loadType(t uapi.ProgType, at uapi.AttachType, insns []asm.Instruction) (fd *sys.FD,
	refusedAs syscall.Errno, says string, err error) {
	p.log = make([]byte, probeLogSize)
	fd, err = p.program(t, insns, func(a *sys.ProgLoadAttr) {
		for i := range progProbes {
			if row := &progProbes[i]; row.t == t {
				a.ExpectedAttachType, a.Flags, a.AttachBTFID = row.attach, a.Flags|row.flags,
					row.btfID
				refusedAs, says = row.errno, row.log
			}
		}
		if at != 0 {
			a.ExpectedAttachType = at
		}
	})
	return fd, refusedAs, says, err
}

func (p *prober) progType(t uapi.ProgType) (bool, error) {
	if t == uapi.ProgUnspec || t > uapi.ProgNetfilter {
		return false, fmt.Errorf("probe program type %s: %w", t, syscall.EOPNOTSUPP)
	}
	fd, refusedAs, says, err := p.loadType(t, 0, retInsns(0))
	if refusedAs != 0 && errors.Is(err, refusedAs) {
		return bytes.Contains(p.log, []byte(says)), nil
	}
	return made(fd, err)
}

func (p *prober) helper(t uapi.ProgType, at uapi.AttachType, id uint32) (bool, error) {
	switch t {
	case uapi.ProgTracing, uapi.ProgExt, uapi.ProgLSM, uapi.ProgStructOps:
		return false, fmt.Errorf("probe helpers of program type %s: %w", t, syscall.EOPNOTSUPP)
	}
	if t == uapi.ProgUnspec || t > uapi.ProgNetfilter {
		return false, fmt.Errorf("probe program type %s: %w", t, syscall.EOPNOTSUPP)
	}
	fd, _, _, err := p.loadType(t, at, []asm.Instruction{asm.EmitCall(int32(id)), asm.ExitInsn()})
	if err == nil {
		fd.Close()
		return true, nil
	}
	for _, text := range [...]string{"invalid func ", "unknown func ",
		"program of this type cannot use helper "} {
		if bytes.Contains(p.log, []byte(text)) {
			return false, nil
		}
	}
	if p.log[0] != 0 {
		// the verifier went on to check the call's arguments or the program's return value
		return true, nil
	}
	if refused(err) {
		return false, nil // the kernel lacks even the program type
	}
	return false, err
}

// mapProbes has the smallest map of each type that differs from the default: key 4, value 4, 1
// entry, no flags.
var mapProbes = [...]struct {
	t                   uapi.MapType
	key, value, entries uint32
	flags               uapi.MapFlags
	btfKey, btfValue    uint32 // ids in localStorageBTF; 0 for no BTF
	vmlinuxValue        uint32 // id of a type of the kernel
	inner               bool
	errno               syscall.Errno // with which a kernel that has the type refuses the map
}{
	{t: uapi.MapStackTrace, key: 4, value: 8, entries: 1},
	{t: uapi.MapLPMTrie, key: 8, value: 8, entries: 1, flags: uapi.FNoPrealloc},
	{t: uapi.MapRHash, key: 4, value: 4, entries: 1, flags: uapi.FNoPrealloc},
	{t: uapi.MapCgroupStorage, key: 16, value: 8},
	{t: uapi.MapPerCPUCgroupStorage, key: 16, value: 8},
	{t: uapi.MapQueue, value: 4, entries: 1},
	{t: uapi.MapStack, value: 4, entries: 1},
	{t: uapi.MapBloomFilter, value: 4, entries: 1},
	{t: uapi.MapSKStorage, key: 4, value: 8, flags: uapi.FNoPrealloc, btfKey: 1, btfValue: 3},
	{t: uapi.MapInodeStorage, key: 4, value: 8, flags: uapi.FNoPrealloc, btfKey: 1, btfValue: 3},
	{t: uapi.MapTaskStorage, key: 4, value: 8, flags: uapi.FNoPrealloc, btfKey: 1, btfValue: 3},
	{t: uapi.MapCgrpStorage, key: 4, value: 8, flags: uapi.FNoPrealloc, btfKey: 1, btfValue: 3},
	{t: uapi.MapRingBuf, entries: pageEntries},
	{t: uapi.MapUserRingBuf, entries: pageEntries},
	{t: uapi.MapArena, entries: 1, flags: uapi.FMmapable},
	{t: uapi.MapInsnArray, key: 4, value: 16, entries: 1},
	{t: uapi.MapArrayOfMaps, key: 4, value: 4, entries: 1, inner: true},
	{t: uapi.MapHashOfMaps, key: 4, value: 4, entries: 1, inner: true},
	{t: uapi.MapStructOps, key: 4, value: 4, entries: 1, vmlinuxValue: 1, errno: sys.ENOTSUPP},
}

// pageEntries stands for the size of a page.
const pageEntries = ^uint32(0)

// localStorageBTF describes the key and value that local storages require: int, and struct val {
// int cnt; struct bpf_spin_lock l; }.
func localStorageBTF() []byte {
	return rawBTF(withInt(
		5, kindStruct|1, 4, 19, 1, 0, // [2] struct bpf_spin_lock { int val; }
		// [3] struct val { int cnt; struct bpf_spin_lock l; }
		19, kindStruct|2, 8, 23, 1, 0, 27, 2, 32,
	), "\x00int\x00bpf_spin_lock\x00val\x00cnt\x00l\x00")
}

func (p *prober) mapType(t uapi.MapType) (bool, error) {
	if t == uapi.MapUnspec || t > uapi.MapRHash {
		return false, fmt.Errorf("probe map type %s: %w", t, syscall.EOPNOTSUPP)
	}
	a := sys.MapCreateAttr{Type: t, KeySize: 4, ValueSize: 4, MaxEntries: 1}
	var refusedAs syscall.Errno
	for i := range mapProbes {
		row := &mapProbes[i]
		if row.t != t {
			continue
		}
		a.KeySize, a.ValueSize, a.MaxEntries, a.Flags = row.key, row.value, row.entries, row.flags
		a.BTFVmlinuxValueTypeID, refusedAs = row.vmlinuxValue, row.errno
		if row.entries == pageEntries {
			a.MaxEntries = uint32(os.Getpagesize())
		}
		if row.btfValue != 0 {
			fd, err := p.btf(localStorageBTF())
			if err != nil {
				return noIfRefused(err)
			}
			defer fd.Close()
			a.BTFFD, a.BTFKeyTypeID, a.BTFValueTypeID = fd.Uint32(), row.btfKey, row.btfValue
		}
		if row.inner {
			fd, err := p.createMap(sys.MapCreateAttr{Type: uapi.MapHash, KeySize: 4, ValueSize: 4,
				MaxEntries: 1})
			if err != nil {
				return false, err
			}
			defer fd.Close()
			a.InnerMapFD = fd.Uint32()
		}
	}
	fd, err := p.createMap(a)
	if refusedAs != 0 && errors.Is(err, refusedAs) {
		return true, nil
	}
	return made(fd, err)
}
