package bpf

import (
	"cmp"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/explain"
	"github.com/purebpf/bpf/internal/load"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// Map is a BPF map. Its operations take and fill byte slices and allocate nothing; MapOf and
// PerCPUMapOf return typed maps. They are safe for concurrent use; the kernel makes each of them
// atomic as far as the map type allows. Pin and Unpin must not run concurrently.
type Map struct {
	name   string
	object string // name of the object it comes from
	fd     *sys.FD

	typ        uapi.MapType
	keySize    uint32
	valueSize  uint32
	maxEntries uint32
	flags      uapi.MapFlags
	extra      uint64
	cpus       int  // possible CPUs if values are per CPU, else 0
	wait       bool // element operations may sleep

	// Of maps of an object.
	section    string
	kind       object.MapKind
	btf        *btf.Spec // keyType and valueType refer to it
	keyType    btf.ID
	valueType  btf.ID
	vars       []*object.Variable
	image      []byte // value of a struct_ops map in the kernel's layout, registered when attached
	slots      []load.Slot
	held       []*sys.FD // programs of a clone's slots
	autoattach bool
	doubt      error // unknown fact for which the map was not created or mapped

	memory     []byte // the mapped value, or the whole arena; invalid once fd is closed
	arenaStart uint64 // offset of the object's variables in an arena
	writable   bool
	frozen     atomic.Bool

	pinPath string
	pinned  bool
	reused  bool
	made    *load.Map // by the load; nil for a map that doesn't belong to an object

	gone    atomic.Bool           // by close
	noEntry atomic.Pointer[Error] // made once: looking up an absent key is no exception
	absent  *absentName           // nil if the object has it
}

// Flags of element operations.
const (
	UpdateAny     = uapi.Any     // create or replace
	UpdateNoExist = uapi.NoExist // create only: ErrExist if the key is there
	UpdateExist   = uapi.Exist   // replace only: ErrNotExist if it isn't
	UpdateLock    = uapi.Lock    // hold the value's bpf_spin_lock meanwhile (also for lookups)
)

// What errors call operations on elements.
const (
	opLookup = "look up in map"
	opUpdate = "update map"
	opDelete = "delete from map"
	opTake   = "take from map"
	opStep   = "step through map"
)

// Name returns the map's name in its object or, if it has none, in the kernel.
func (m *Map) Name() string { return m.orNone().name }

// String returns the name, type and sizes.
func (m *Map) String() string {
	if m.Err() != nil {
		return printable.Text(m.Name())
	}
	return printable.Text(m.name) + " (" + load.Shape(m.typ, m.keySize, m.valueSize) + ")"
}

// Err returns nil if the object has the map, else the error of all methods.
func (m *Map) Err() error {
	switch {
	case m.isNone():
		return missing("find map", "map")
	case m.absent != nil:
		return m.fail("find map", m.absent)
	}
	return nil
}

// FD returns the Map's descriptor, -1 if it was not created or is closed.
func (m *Map) FD() int { return m.orNone().fd.Int() }

// Created reports whether the map exists; it doesn't if autocreate was off.
func (m *Map) Created() bool { return m.descriptor() != nil }

// Type returns the map's type.
func (m *Map) Type() uapi.MapType { return m.orNone().typ }

// KeySize returns the size of a key in bytes, as the kernel knows it.
func (m *Map) KeySize() int { return int(m.orNone().keySize) }

// ValueSize returns the size of a value in bytes, for a per-CPU map of one CPU's value.
func (m *Map) ValueSize() int { return int(m.orNone().valueSize) }

// ValueLen returns the number of bytes that Lookup fills and Update takes: ValueSize or, for a
// per-CPU map, ValueSize rounded up to a multiple of 8, times the number of possible CPUs.
func (m *Map) ValueLen() int { return m.orNone().valueLen(0) }

// MaxEntries returns how many elements fit, or the size of a ring buffer in bytes or of an arena in
// pages.
func (m *Map) MaxEntries() uint32 { return m.orNone().maxEntries }

// Flags returns the map's creation flags (uapi.FNoPrealloc, ...).
func (m *Map) Flags() uapi.MapFlags { return m.orNone().flags }

// Kind returns where the object got the map from: a definition, a data section, ...
func (m *Map) Kind() object.MapKind { return m.orNone().kind }

// BTF returns the types that KeyType and ValueType refer to, nil if none.
func (m *Map) BTF() *btf.Spec { return m.orNone().btf }

// KeyType returns the BTF type of keys, 0 if it is not known.
func (m *Map) KeyType() btf.ID { return m.orNone().keyType }

// ValueType returns the BTF type of values, 0 if it is not known.
func (m *Map) ValueType() btf.ID { return m.orNone().valueType }

// Autoattach reports whether Object.Attach registers a struct_ops map.
func (m *Map) Autoattach() bool { return m.orNone().autoattach }

// SetAutoattach sets whether Object.Attach registers a struct_ops map (libbpf
// bpf_map__set_autoattach). EINVAL for a map of another type. It must not run concurrently with
// Attach.
func (m *Map) SetAutoattach(on bool) error {
	if err := m.Err(); err != nil {
		return err
	}
	if m.typ != uapi.MapStructOps {
		return m.fail("set autoattach of", errNoStructOps(m))
	}
	if m.fd != nil && m.fd.Closed() {
		return m.fail("set autoattach of", ErrClosed)
	}
	m.autoattach = on
	return nil
}

// Memory returns the map's memory where it is mapped: the live value of a data section, or an
// arena. Otherwise it returns nil. It may be read-only: see Variable.ReadOnly.
func (m *Map) Memory() []byte {
	if m.descriptor().Closed() {
		return nil
	}
	return m.memory
}

// Lookup fills value with the value of key (libbpf bpf_map__lookup_elem). key must have KeySize
// bytes (nil for a queue, stack or bloom filter) and value ValueLen bytes. ErrNotExist if the key
// is absent.
func (m *Map) Lookup(key, value []byte) error { return m.LookupFlags(key, value, 0) }

// LookupFlags does the same as Lookup with flags: UpdateLock reads under the value's bpf_spin_lock
// (5.1).
func (m *Map) LookupFlags(key, value []byte, flags uapi.ElemFlags) error {
	if m == nil || len(key) != int(m.keySize) || len(value) != m.valueLen(flags) {
		return m.sizeError("look up in", key, len(value), flags)
	}
	return m.result(opLookup, m.elem(uapi.CmdMapLookupElem,
		unsafe.Pointer(unsafe.SliceData(key)), unsafe.Pointer(unsafe.SliceData(value)), flags))
}

// LookupBytes is Lookup with a new slice for the value.
func (m *Map) LookupBytes(key []byte) ([]byte, error) {
	if err := m.absence(); err != nil {
		return nil, m.fail(opLookup, err)
	}
	value := make([]byte, m.valueLen(0))
	if err := m.Lookup(key, value); err != nil {
		return nil, err
	}
	return value, nil
}

// Update sets the value of key (libbpf bpf_map__update_elem). Flags are UpdateAny and the like:
// ErrExist and ErrNotExist depend on them. ErrTooBig if the map is full or an index too high,
// ErrPermission if it is frozen.
func (m *Map) Update(key, value []byte, flags uapi.ElemFlags) error {
	if m == nil || len(key) != int(m.keySize) || len(value) != m.valueLen(flags) {
		return m.sizeError("update", key, len(value), flags)
	}
	return m.result(opUpdate, m.elem(uapi.CmdMapUpdateElem,
		unsafe.Pointer(unsafe.SliceData(key)), unsafe.Pointer(unsafe.SliceData(value)), flags))
}

// Delete removes key (libbpf bpf_map__delete_elem). ErrNotExist if it is absent, EINVAL for arrays.
func (m *Map) Delete(key []byte) error {
	if m == nil || len(key) != int(m.keySize) {
		return m.sizeError("delete from", key, -1, 0)
	}
	return m.result(opDelete, m.elem(uapi.CmdMapDeleteElem,
		unsafe.Pointer(unsafe.SliceData(key)), nil, 0))
}

// LookupAndDelete fills value with the value of key and removes it (libbpf
// bpf_map__lookup_and_delete_elem): queues and stacks, which have no key, since 4.20; hashes since
// 5.14.
func (m *Map) LookupAndDelete(key, value []byte, flags uapi.ElemFlags) error {
	if m == nil || len(key) != int(m.keySize) || len(value) != m.valueLen(flags) {
		return m.sizeError("take from", key, len(value), flags)
	}
	return m.result(opTake, m.elem(uapi.CmdMapLookupAndDeleteElem,
		unsafe.Pointer(unsafe.SliceData(key)), unsafe.Pointer(unsafe.SliceData(value)), flags))
}

// NextKey fills next with the key after key, or the first if key is nil (libbpf
// bpf_map__get_next_key). ErrNotExist at the end. If key is no longer in a hash, the walk starts
// over. Iterate is faster.
func (m *Map) NextKey(key, next []byte) error {
	if m == nil || key != nil && len(key) != int(m.keySize) || len(next) != int(m.keySize) {
		return m.sizeError("step through", next, -1, 0)
	}
	return m.result(opStep, m.elem(uapi.CmdMapGetNextKey,
		unsafe.Pointer(unsafe.SliceData(key)), unsafe.Pointer(unsafe.SliceData(next)), 0))
}

// Freeze makes the map read-only for user space for good (libbpf bpf_map_freeze; 5.2). EBUSY if it
// is mapped writable.
func (m *Map) Freeze() error {
	fd, err := m.use()
	if err != nil {
		return m.fail("freeze map", err)
	}
	defer m.release()
	if err := sys.MapFreeze(fd); err != nil {
		return m.fail("freeze map", err)
	}
	m.frozen.Store(true)
	return nil
}

// Clone returns a second Map for the same kernel map, with a descriptor of its own that the caller
// closes, before or after the object. It has the types, pin path and struct_ops value of the
// original, but its memory isn't mapped. Neither Map knows of later pins of the other.
func (m *Map) Clone() (*Map, error) {
	if _, err := m.use(); err != nil {
		return nil, m.fail("clone map", err)
	}
	defer m.release()
	fd, err := m.fd.Dup()
	if err != nil {
		return nil, m.fail("clone map", err)
	}
	c := &Map{
		name: m.name, object: m.object, fd: fd, typ: m.typ, keySize: m.keySize,
		valueSize: m.valueSize, maxEntries: m.maxEntries,
		flags: m.flags, extra: m.extra, cpus: m.cpus, wait: m.wait, section: m.section,
		kind: m.kind, btf: m.btf, keyType: m.keyType,
		valueType: m.valueType, vars: m.vars, image: m.image, autoattach: m.autoattach,
		arenaStart: m.arenaStart,
		pinPath:    m.pinPath, pinned: m.pinned, reused: m.reused,
	}
	c.frozen.Store(m.frozen.Load())
	for _, s := range m.slots {
		program, err := s.Program.Dup()
		if err != nil {
			c.close()
			return nil, m.fail("clone map", err)
		}
		c.held = append(c.held, program)
		c.slots = append(c.slots, load.Slot{Offset: s.Offset, Program: program})
	}
	return c, nil
}

// Close closes a map that the caller opened or created.
func (m *Map) Close() error {
	if err := m.Err(); err != nil {
		return err
	}
	if err := m.close(); err != nil {
		return m.fail("close map", err)
	}
	return nil
}

func (m *Map) close() error {
	if !m.gone.CompareAndSwap(false, true) {
		return nil
	}
	// Close waits for all who hold the map and may use its memory.
	errs := []error{m.fd.Close(), sys.Munmap(m.memory)}
	for _, program := range m.held {
		errs = append(errs, program.Close())
	}
	return errors.Join(errs...)
}

// Pin pins the map at path on a BPF file system (libbpf bpf_map__pin); "" means the object's own
// pin path. ErrExist if there is a file at path; EINVAL if the map has another pin path.
func (m *Map) Pin(path string) error {
	fd, err := m.use()
	if err != nil {
		return m.fail("pin map", err)
	}
	defer m.release()
	if path == "" {
		path = m.pinPath
	}
	switch {
	case path == "":
		return m.fail("pin map",
			fmt.Errorf("no path given, and the object has none: %w", syscall.EINVAL))
	case m.pinPath != "" && path != m.pinPath:
		return m.fail("pin map",
			fmt.Errorf("at %s: its pin path is %s: %w", path, m.pinPath, syscall.EINVAL))
	case m.pinned:
		return nil
	}
	if err := pin(fd, path); err != nil {
		return m.fail("pin map", pinRefused(path, err))
	}
	m.pinPath, m.pinned = path, true
	return nil
}

// Unpin removes the map's pin (libbpf bpf_map__unpin).
func (m *Map) Unpin() error {
	if err := m.Err(); err != nil {
		return err
	}
	if m.pinPath == "" {
		return m.fail("unpin map", fmt.Errorf("it is not pinned: %w", syscall.EINVAL))
	}
	if err := bpffs.Unpin(m.pinPath); err != nil {
		return m.fail("unpin map", fmt.Errorf("at %s: %w", m.pinPath, err))
	}
	m.pinned = false
	return nil
}

// PinPath returns the path where the map is pinned, or will be; or "".
func (m *Map) PinPath() string { return m.orNone().pinPath }

// Pinned reports whether this process pinned the map or found it pinned.
func (m *Map) Pinned() bool { return m.orNone().pinned }

// Reused reports whether the load found the map (pinned, or in LoadOptions.Maps) instead of making
// it.
func (m *Map) Reused() bool { return m.orNone().reused }

// elem makes a call about an element, whose memory has the map's sizes; result makes the error.
// Both are inlined, and so spare returns after the system call: see funnel.KernelBPFFast.
func (m *Map) elem(cmd uapi.Cmd, key, value unsafe.Pointer, flags uapi.ElemFlags) syscall.Errno {
	if m.keySize == 0 { // as the kernel requires
		key = nil
	}
	return m.fd.MapElem(cmd, key, value, flags, m.wait)
}

func (m *Map) result(op string, e syscall.Errno) error {
	if e != 0 {
		return m.elemError(op, e)
	}
	return nil
}

// valueLen returns the length of a value for a system call with these flags.
func (m *Map) valueLen(flags uapi.ElemFlags) int {
	if m.cpus == 0 || flags&(uapi.OnCPU|uapi.AllCPUs) != 0 {
		return int(m.valueSize)
	}
	return m.cpus * m.cpuStride()
}

// cpuStride returns the distance between the values of two CPUs.
func (m *Map) cpuStride() int { return (int(m.valueSize) + 7) &^ 7 }

// take makes m the map that was made, which may not have a descriptor.
func (m *Map) take(made *load.Map) {
	m.name, m.fd, m.typ = made.Name, made.FD, made.Type
	m.keySize, m.valueSize, m.maxEntries = made.KeySize, made.ValueSize, made.MaxEntries
	m.flags, m.extra, m.cpus, m.wait = made.Flags, made.Extra, made.CPUs, sys.ElemMayBlock(m.typ)
	m.memory, m.arenaStart, m.writable = made.Memory, made.ArenaStart, made.Writable
	m.frozen.Store(made.Frozen)
	m.image = made.Image
	m.pinPath, m.pinned, m.reused = made.PinPath, made.Pinned, made.Reused
}

// belong makes m the map of o that was made.
func (m *Map) belong(o *Object, made *load.Map) {
	m.take(made)
	spec := made.Plan.Spec
	m.made, m.object, m.btf, m.doubt = made, o.name, o.btf, made.Plan.Err
	m.section, m.kind, m.autoattach = spec.Section, spec.Kind, spec.Autoattach
	m.keyType, m.valueType, m.vars = spec.KeyType, spec.ValueType, spec.Vars
}

// fail makes the error of an operation on the map. If the map has no descriptor, that is the
// reason, whatever else is wrong.
func (m *Map) fail(op string, err error) error {
	return newError(op, m.about(), cmp.Or(m.absence(), err))
}

func (m *Map) about() about {
	if m == nil {
		return about{}
	}
	return about{m.object, m.name}
}

// absence returns why the map has no descriptor, nil if it has one.
func (m *Map) absence() error {
	switch {
	case m.isNone():
		return errNothing("map")
	case m.fd != nil && m.fd.Closed():
		return ErrClosed
	case m.fd != nil:
		return nil
	case m.absent != nil:
		return m.absent
	case m.doubt != nil:
		return fmt.Errorf("it was not created: %w: %w", ErrNotExist, m.doubt)
	}
	return fmt.Errorf("it was not created: %w", ErrNotExist)
}

// elemError adds the context to an element operation's errno. ENOENT is an ordinary answer and
// costs no allocation.
func (m *Map) elemError(op string, err syscall.Errno) error {
	if err == syscall.EBADF {
		if err := m.absence(); err != nil { // MapElem found no descriptor
			return m.fail(op, err)
		}
	}
	if err != syscall.ENOENT {
		return m.elemRefused(op, err)
	}
	if kept := m.noEntry.Load(); kept != nil && kept.Op == op {
		return kept
	}
	e := m.elemRefused(op, err)
	m.noEntry.Store(e)
	return e
}

func (m *Map) elemRefused(op string, err error) *Error {
	a := explain.Attempt{
		Op: explain.Element, Map: explain.Map{MaxEntries: m.maxEntries, Frozen: m.frozen.Load()},
	}
	return failed(&a, op, m.about(), err)
}

func (m *Map) sizeError(op string, key []byte, value int, flags uapi.ElemFlags) error {
	if m == nil {
		return missing(op+" map", "map")
	}
	if len(key) != int(m.keySize) {
		return m.fail(op+" map", fmt.Errorf("the key has %d bytes, the map's keys have %d: %w",
			len(key), m.keySize, syscall.EINVAL))
	}
	want := fmt.Sprint(m.valueLen(flags))
	if m.cpus > 0 && flags&(uapi.OnCPU|uapi.AllCPUs) == 0 {
		want = fmt.Sprintf("%d (%d for each of %d CPUs)", m.valueLen(flags), m.cpuStride(), m.cpus)
	}
	return m.fail(op+" map", fmt.Errorf("the value has %d bytes, the map's values have %s: %w",
		value, want, syscall.EINVAL))
}
