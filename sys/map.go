package sys

import (
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/uapi"
)

// MapCreateAttr is the attribute of BPF_MAP_CREATE. Type to MaxEntries are always needed; the zero
// value of the rest means unset.
type MapCreateAttr struct {
	Type                  uapi.MapType
	KeySize               uint32
	ValueSize             uint32
	MaxEntries            uint32
	Flags                 uapi.MapFlags
	InnerMapFD            uint32
	NumaNode              uint32
	Name                  ObjName // 4.15
	IfIndex               uint32  // 4.16
	BTFFD                 uint32  // 4.18
	BTFKeyTypeID          uint32
	BTFValueTypeID        uint32
	BTFVmlinuxValueTypeID uint32 // 5.6, struct_ops
	MapExtra              uint64 // 5.16
	ValueTypeBTFObjFD     int32  // 6.9; needs uapi.FVtypeBtfObjFD
	TokenFD               int32  // 6.9; needs uapi.FTokenFD
	ExclProgHash          Pointer
	ExclProgHashSize      uint32
	_                     uint32
}

// MapCreate creates a map (BPF_MAP_CREATE, libbpf bpf_map_create). The caller closes the FD. Needs
// CAP_BPF for most types, and CAP_NET_ADMIN for devmaps and the like.
func MapCreate(a *MapCreateAttr) (*FD, error) {
	return bpfFD(uapi.CmdMapCreate, unsafe.Pointer(a), unsafe.Sizeof(*a))
}

// MapCreateLog does the same as MapCreate with a log that says why a map is refused (only kernels
// with BPF_COMMON_ATTRS; older ones return EINVAL or E2BIG).
func MapCreateLog(a *MapCreateAttr, log *CommonAttr) (*FD, error) {
	r, e := bpfCommon(uapi.CmdMapCreate, unsafe.Pointer(a), unsafe.Sizeof(*a), log)
	if e != 0 {
		return nil, e
	}
	return NewFD(r)
}

// mapElemAttr is the attribute of the BPF_MAP_*_ELEM commands, BPF_MAP_GET_NEXT_KEY and
// BPF_MAP_FREEZE.
type mapElemAttr struct {
	fd    uint32
	_     uint32
	key   Pointer
	value Pointer // or next key
	flags uapi.ElemFlags
}

const mapElemSize = unsafe.Sizeof(mapElemAttr{})

func elem(cmd uapi.Cmd, fd int, key, value unsafe.Pointer, flags uapi.ElemFlags) syscall.Errno {
	a := mapElemAttr{fd: uint32(fd), key: Ptr(key), value: Ptr(value), flags: flags}
	if funnel.Replaced() {
		_, e := funnel.BPF(cmd, unsafe.Pointer(&a), mapElemSize)
		return e
	}
	return funnel.KernelBPFFast(cmd, unsafe.Pointer(&a), mapElemSize)
}

func elemWait(cmd uapi.Cmd, fd int, key, value unsafe.Pointer, flags uapi.ElemFlags) syscall.Errno {
	a := mapElemAttr{fd: uint32(fd), key: Ptr(key), value: Ptr(value), flags: flags}
	_, e := funnel.BPF(cmd, unsafe.Pointer(&a), mapElemSize)
	return e
}

// MapElem makes a call of one of the BPF_MAP_*_ELEM commands or BPF_MAP_GET_NEXT_KEY, of which
// value is the next key, while it holds the FD. mayBlock is what ElemMayBlock says of the map's
// type. EBADF if the FD is nil or closed, else as MapLookup and the others.
func (f *FD) MapElem(cmd uapi.Cmd, key, value unsafe.Pointer, flags uapi.ElemFlags,
	mayBlock bool) (e syscall.Errno) {
	fd, ok := f.Hold()
	if !ok {
		return syscall.EBADF
	}
	a := mapElemAttr{fd: uint32(fd), key: Ptr(key), value: Ptr(value), flags: flags}
	if mayBlock || funnel.Replaced() {
		_, e = funnel.BPF(cmd, unsafe.Pointer(&a), mapElemSize)
	} else {
		e = funnel.KernelBPFFast(cmd, unsafe.Pointer(&a), mapElemSize)
	}
	f.Release()
	return e
}

// ElemMayBlock reports whether operations on single elements of a map type may sleep in the kernel:
// maps of maps wait for a grace period, a program array patches code, a CPU map starts threads,
// struct_ops registers. For these use MapLookupWait, MapUpdateWait and MapDeleteWait; the other
// functions don't notify the Go scheduler, so it would wait with the thread.
func ElemMayBlock(t uapi.MapType) bool {
	switch t {
	case uapi.MapHash, uapi.MapArray, uapi.MapPerCPUHash, uapi.MapPerCPUArray, uapi.MapLRUHash,
		uapi.MapLRUPerCPUHash, uapi.MapLPMTrie, uapi.MapQueue, uapi.MapStack, uapi.MapStackTrace,
		uapi.MapBloomFilter, uapi.MapRHash, uapi.MapSKStorage, uapi.MapTaskStorage,
		uapi.MapInodeStorage, uapi.MapCgrpStorage, uapi.MapCgroupStorage,
		uapi.MapPerCPUCgroupStorage, uapi.MapRingBuf, uapi.MapUserRingBuf, uapi.MapArena,
		uapi.MapInsnArray:
		return false
	}
	return true
}

// MapLookup copies the value of key to *value (BPF_MAP_LOOKUP_ELEM, libbpf
// bpf_map_lookup_elem_flags). key must point to key_size bytes (NULL for a queue, stack or bloom
// filter), value to value_size bytes, for a per-CPU map to round_up(value_size, 8) bytes for each
// possible CPU. ENOENT if the key is absent. No allocation.
func MapLookup(fd int, key, value unsafe.Pointer, flags uapi.ElemFlags) error {
	return errnoErr(elem(uapi.CmdMapLookupElem, fd, key, value, flags))
}

// MapUpdate sets the value of key (BPF_MAP_UPDATE_ELEM, libbpf bpf_map_update_elem); flags are
// uapi.Any, NoExist, Exist, Lock. EEXIST and ENOENT depend on the flags; E2BIG if the map is full
// or the array index too high; EPERM if it is frozen.
func MapUpdate(fd int, key, value unsafe.Pointer, flags uapi.ElemFlags) error {
	return errnoErr(elem(uapi.CmdMapUpdateElem, fd, key, value, flags))
}

// MapDelete removes key (BPF_MAP_DELETE_ELEM, libbpf bpf_map_delete_elem_flags). ENOENT if it is
// absent, EINVAL for arrays.
func MapDelete(fd int, key unsafe.Pointer, flags uapi.ElemFlags) error {
	return errnoErr(elem(uapi.CmdMapDeleteElem, fd, key, nil, flags))
}

// MapNextKey copies the key after *key to *next (BPF_MAP_GET_NEXT_KEY, libbpf
// bpf_map_get_next_key). A nil key, or one that is absent from a hash, means the first. ENOENT at
// the end.
func MapNextKey(fd int, key, next unsafe.Pointer) error {
	return errnoErr(elem(uapi.CmdMapGetNextKey, fd, key, next, 0))
}

// MapLookupAndDelete copies the value of key to *value and removes it
// (BPF_MAP_LOOKUP_AND_DELETE_ELEM, libbpf bpf_map_lookup_and_delete_elem_flags): queues and stacks
// since 4.20, hashes since 5.14.
func MapLookupAndDelete(fd int, key, value unsafe.Pointer, flags uapi.ElemFlags) error {
	return errnoErr(elem(uapi.CmdMapLookupAndDeleteElem, fd, key, value, flags))
}

// MapLookupWait does the same as MapLookup, for types where ElemMayBlock.
func MapLookupWait(fd int, key, value unsafe.Pointer, flags uapi.ElemFlags) error {
	return errnoErr(elemWait(uapi.CmdMapLookupElem, fd, key, value, flags))
}

// MapUpdateWait does the same as MapUpdate, for types where ElemMayBlock.
func MapUpdateWait(fd int, key, value unsafe.Pointer, flags uapi.ElemFlags) error {
	return errnoErr(elemWait(uapi.CmdMapUpdateElem, fd, key, value, flags))
}

// MapDeleteWait does the same as MapDelete, for types where ElemMayBlock.
func MapDeleteWait(fd int, key unsafe.Pointer, flags uapi.ElemFlags) error {
	return errnoErr(elemWait(uapi.CmdMapDeleteElem, fd, key, nil, flags))
}

// MapFreeze makes the map read-only for system calls, permanently (BPF_MAP_FREEZE, libbpf
// bpf_map_freeze; 5.2). EBUSY if it is mapped writable or already frozen.
func MapFreeze(fd int) error {
	a := struct{ fd uint32 }{uint32(fd)}
	_, e := funnel.BPF(uapi.CmdMapFreeze, unsafe.Pointer(&a), unsafe.Sizeof(a))
	return errnoErr(e)
}

// MapBatchAttr is the attribute of the BPF_MAP_*_BATCH commands. Keys and Values point to Count
// elements each; Count becomes the number of processed elements, also after an error. For lookups
// InBatch points to the end position of the last call (NULL the first time), OutBatch to room for
// that of this call: key_size bytes, at least 4.
type MapBatchAttr struct {
	InBatch   Pointer
	OutBatch  Pointer
	Keys      Pointer
	Values    Pointer
	Count     uint32 // in/out
	MapFD     uint32
	ElemFlags uapi.ElemFlags
	Flags     uint64
}

func batch(cmd uapi.Cmd, a *MapBatchAttr) error {
	_, e := funnel.BPF(cmd, unsafe.Pointer(a), unsafe.Sizeof(*a))
	return errnoErr(e)
}

// MapLookupBatch reads many elements (BPF_MAP_LOOKUP_BATCH, libbpf bpf_map_lookup_batch; 5.6).
// ENOENT at the end, with Count elements read; ENOSPC if a hash bucket is larger than Count.
func MapLookupBatch(a *MapBatchAttr) error { return batch(uapi.CmdMapLookupBatch, a) }

// MapLookupAndDeleteBatch reads and removes many elements (BPF_MAP_LOOKUP_AND_DELETE_BATCH; 5.6).
func MapLookupAndDeleteBatch(a *MapBatchAttr) error {
	return batch(uapi.CmdMapLookupAndDeleteBatch, a)
}

// MapUpdateBatch sets many elements (BPF_MAP_UPDATE_BATCH; 5.6). It stops at the first failure.
func MapUpdateBatch(a *MapBatchAttr) error { return batch(uapi.CmdMapUpdateBatch, a) }

// MapDeleteBatch removes many elements (BPF_MAP_DELETE_BATCH; 5.6). It stops at the first failure.
func MapDeleteBatch(a *MapBatchAttr) error { return batch(uapi.CmdMapDeleteBatch, a) }
