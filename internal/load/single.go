package load

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Single is what creating a single map needs beyond its description. Descriptors are 0 for none.
type Single struct {
	InnerFD         uint32    // template of a map of maps
	BTF             *btf.Spec // to load, unless BTFFD is set
	BTFFD           uint32
	KernelValueType btf.ID
	ModuleBTFFD     int32
	TokenFD         int32
	ExclusiveHash   []byte
}

// CreateMap creates a single map as spec describes it, without pins, inner map and initial
// contents.
func CreateMap(spec *object.Map, extra *Single, report Report) (*Map, error) {
	name := spec.KernelName
	if name == "" {
		name = spec.Name
	}
	name, _ = uapi.ObjectName(name)
	attr := sys.MapCreateAttr{
		Type: spec.Type, KeySize: spec.KeySize, ValueSize: spec.ValueSize,
		MaxEntries: spec.MaxEntries, Flags: spec.Flags, MapExtra: spec.Extra,
		NumaNode: spec.NumaNode, Name: sys.Name(name), IfIndex: spec.IfIndex,
		InnerMapFD: extra.InnerFD, BTFFD: extra.BTFFD,
		BTFVmlinuxValueTypeID: uint32(extra.KernelValueType),
		ValueTypeBTFObjFD:     extra.ModuleBTFFD, TokenFD: extra.TokenFD,
	}
	running := kernel.Running()
	var limit error
	if extra.TokenFD != 0 {
		attr.Flags |= uapi.FTokenFD
	} else {
		_, limit = running.EnsureMemlock(kernel.Unlimited)
	}
	if extra.ModuleBTFFD != 0 {
		attr.Flags |= uapi.FVtypeBtfObjFD
	}
	if n := len(extra.ExclusiveHash); n > 0 {
		attr.ExclProgHash, attr.ExclProgHashSize = sys.Slice(extra.ExclusiveHash), uint32(n)
	}
	if extra.BTF != nil && extra.BTFFD == 0 {
		fd, err := kernel.LoadBTF(extra.BTF, int(extra.TokenFD))
		if err != nil {
			return nil, report(&Failure{
				Op: "load BTF of map", Subject: spec.Name, Err: err, Limit: limit,
			})
		}
		defer fd.Close()
		attr.BTFFD = fd.Uint32()
	}
	if attr.BTFFD != 0 {
		attr.BTFKeyTypeID, attr.BTFValueTypeID = uint32(spec.KeyType), uint32(spec.ValueType)
	}
	fd, err := sys.MapCreate(&attr)
	if err != nil {
		var log string
		if fd, log = askLog(running, &attr); fd == nil {
			f := notCreated(spec.Name, &attr, err)
			f.Limit, f.MapLog = limit, log
			for _, m := range f.Maps {
				m.Typed = attr.BTFKeyTypeID != 0 || attr.BTFValueTypeID != 0
				if m.Typed && extra.BTF != nil {
					describe(m, extra.BTF, spec.KeyType, spec.ValueType)
				}
			}
			return nil, report(f)
		}
	}
	m := &Map{
		Name: spec.Name, FD: fd, Type: spec.Type, KeySize: spec.KeySize, ValueSize: spec.ValueSize,
		MaxEntries: spec.MaxEntries, Flags: spec.Flags, Extra: spec.Extra,
	}
	if err := m.countCPUs(running); err != nil {
		fd.Close()
		return nil, report(&Failure{Op: "create map", Subject: spec.Name, Err: err})
	}
	return m, nil
}

// MapTypes returns the BTF that a map was created with, and the kernel's information, which has the
// ids of its types.
func MapTypes(fd *sys.FD) (*btf.Spec, *sys.MapInfo, error) {
	info, err := kernel.MapInfo(fd)
	if err != nil {
		return nil, nil, err
	}
	if info.BTFID == 0 {
		return nil, nil, fmt.Errorf("it was created without BTF: %w", fs.ErrNotExist)
	}
	spec, err := kernel.BTFByID(info.BTFID, nil)
	return spec, info, err
}

// MapMemory maps the memory of an array or arena. The caller unmaps it.
func MapMemory(fd *sys.FD, writable bool) ([]byte, error) {
	info, err := kernel.MapInfo(fd)
	if err != nil {
		return nil, err
	}
	if info.Type != uapi.MapArena && info.Flags&uapi.FMmapable == 0 {
		return nil, fmt.Errorf("it was created without BPF_F_MMAPABLE: %w", syscall.EINVAL)
	}
	return mapAll(fd, info, os.Getpagesize(), writable)
}

// mapAll maps the whole of a map's memory: an arena at the address that it was made for.
func mapAll(fd *sys.FD, info *sys.MapInfo, page int, writable bool) ([]byte, error) {
	var at unsafe.Pointer
	var size uint64
	flags, prot := sys.MapShared, sys.ProtRead
	if writable {
		prot |= sys.ProtWrite
	}
	if info.Type == uapi.MapArena {
		size = uint64(info.MaxEntries) * uint64(page)
		if info.MapExtra != 0 {
			at = unsafe.Add(at, uintptr(info.MapExtra))
			flags |= sys.MapFixedNoreplace
		}
	} else {
		size = (uint64(info.ValueSize)+7)&^7*uint64(info.MaxEntries) + uint64(page) - 1
		size -= size % uint64(page)
	}
	if size > maxMapping {
		return nil, fmt.Errorf("%d bytes: %w", size, ErrTooBig)
	}
	return sys.MmapAt(at, fd.Int(), 0, int(size), prot, flags)
}

// describe adds to a refused map what the rules of maps ask about its types.
func describe(m *maprules.Map, spec *btf.Spec, keyType, valueType btf.ID) {
	key := spec.Skip(keyType)
	m.IntKey = key.Kind() == btf.KindInt && key.Size() == 4 && key.IntBits() == 32
	m.Special = maprules.SpecialFields(spec, valueType)
}
