package load

import (
	"fmt"
	"io/fs"
	"unsafe"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/maprules"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// notCreated describes the kernel's refusal of a map.
func notCreated(name string, attr *sys.MapCreateAttr, err error) *Failure {
	return &Failure{
		Op: "create map", Subject: name + " (" +
			Shape(attr.Type, attr.KeySize, attr.ValueSize) + ")",
		Err: err, Need: mapCaps(attr.Type), Maps: ruled(attr),
	}
}

// mapCaps returns the capabilities that creating a map of type t needs.
func mapCaps(t uapi.MapType) []kernel.Capability {
	switch t {
	case uapi.MapSockMap, uapi.MapSockHash, uapi.MapDevMap, uapi.MapDevMapHash, uapi.MapXSKMap:
		return []kernel.Capability{kernel.CapBPF, kernel.CapNetAdmin}
	}
	return []kernel.Capability{kernel.CapBPF}
}

// createMap creates a map and writes its first contents.
func (x *execution) createMap(m *Map) error {
	pm := m.Plan
	fd, err := x.createFD(pm, m.Name, m.MaxEntries)
	if err != nil {
		return err
	}
	m.FD = fd
	if err := m.countCPUs(x.running); err != nil {
		return x.fail("create map", m.Name, err)
	}
	x.log.Debug("created map", "object", x.name, "map", m.Name, "type", pm.Type, "fd", fd)
	if err := x.populate(m); err != nil {
		return err
	}
	for _, s := range pm.Slots {
		if s.Map == nil {
			continue
		}
		target := x.index[s.Map]
		if target == nil || target.FD == nil {
			return x.fail("fill map", fmt.Sprintf("%s[%d]", m.Name, s.Key),
				fmt.Errorf("the map for this slot was not created: %w", fs.ErrNotExist))
		}
		key, value := s.Key, target.FD.Uint32()
		if err := sys.MapUpdateWait(m.FD.Int(), unsafe.Pointer(&key), unsafe.Pointer(&value),
			uapi.Any); err != nil {
			return x.fail("fill map", fmt.Sprintf("%s[%d] with map %s", m.Name, s.Key, target.Name),
				err)
		}
	}
	return nil
}

// createFD creates the kernel map of pm, its template first if it is a map of maps.
func (x *execution) createFD(pm *plan.Map, name string, entries uint32) (*sys.FD, error) {
	attr := sys.MapCreateAttr{
		Type: pm.Type, KeySize: pm.KeySize, ValueSize: pm.ValueSize, MaxEntries: entries,
		Flags:    pm.Flags,
		NumaNode: pm.NumaNode, Name: sys.Name(pm.Name), IfIndex: pm.IfIndex, MapExtra: pm.Extra,
		BTFVmlinuxValueTypeID: uint32(pm.KernelValueType),
	}
	if x.BTF != nil && (pm.KeyType != 0 || pm.ValueType != 0 || pm.KernelValueType != 0) {
		attr.BTFFD, attr.BTFKeyTypeID, attr.BTFValueTypeID = x.BTF.Uint32(), uint32(pm.KeyType),
			uint32(pm.ValueType)
	}
	if attr.TokenFD = x.tokenFD(); attr.TokenFD != 0 {
		attr.Flags |= uapi.FTokenFD
	}
	if pm.Exclusive != nil {
		hash, err := x.exclusiveHash(pm.Exclusive)
		if err != nil {
			return nil, err
		}
		attr.ExclProgHash, attr.ExclProgHashSize = sys.Slice(hash[:]), uint32(len(hash))
	}
	if pm.KernelModule != nil {
		module, err := x.moduleFD(pm.KernelModule)
		if err != nil {
			return nil, err
		}
		attr.ValueTypeBTFObjFD = int32(module.Int())
		attr.Flags |= uapi.FVtypeBtfObjFD
	}
	if given := x.inner[pm]; given != nil {
		fd, ok := given.FD.Hold()
		if !ok {
			return nil, x.fail("set inner map of", name, given.Gone())
		}
		defer given.FD.Release()
		attr.InnerMapFD = uint32(fd)
	} else if pm.Inner != nil {
		inner, err := x.createFD(pm.Inner, name+".inner", pm.Inner.MaxEntries)
		if err != nil {
			return nil, err
		}
		defer inner.Close()
		attr.InnerMapFD = inner.Uint32()
	}
	fd, err := sys.MapCreate(&attr)
	if err != nil && (attr.BTFKeyTypeID != 0 || attr.BTFValueTypeID != 0) {
		x.log.Warn("creating a map failed, trying without its BTF",
			"object", x.name, "map", name, "err", err)
		attr.BTFFD, attr.BTFKeyTypeID, attr.BTFValueTypeID = 0, 0, 0
		fd, err = sys.MapCreate(&attr)
	}
	if err != nil {
		return x.createLogged(pm, name, &attr, err)
	}
	return fd, nil
}

// mapLogSize is enough for the kernel's log about a map: a line.
const mapLogSize = 4096

// createLogged repeats a refused creation with a log, if the kernel writes one for maps, and adds
// it to the error.
func (x *execution) createLogged(pm *plan.Map, name string, attr *sys.MapCreateAttr,
	refusal error) (*sys.FD, error) {
	fd, log := askLog(x.running, attr)
	if fd != nil {
		x.log.Info("creating a map failed and then didn't", "object", x.name, "map", name,
			"err", refusal)
		return fd, nil
	}
	f := notCreated(name, attr, refusal)
	f.Object, f.Limit, f.MapLog = x.name, x.limit, log
	x.describeTypes(f, pm)
	return nil, x.report(f)
}

// askLog repeats a refused creation with a log, if the kernel writes one for maps, and returns the
// log, or the map if it was created now.
func askLog(k *kernel.Facts, attr *sys.MapCreateAttr) (*sys.FD, string) {
	if has, err := k.Has(facts.CommonAttrs); err != nil || !has {
		return nil, ""
	}
	buf := make([]byte, mapLogSize)
	fd, err := sys.MapCreateLog(attr,
		&sys.CommonAttr{LogBuf: sys.Slice(buf), LogSize: mapLogSize, LogLevel: 1})
	if err == nil {
		return fd, ""
	}
	return nil, string(logText(buf))
}

// describeTypes adds what the rules of maps ask about types and the inner map. Maps of network
// devices have other rules.
func (x *execution) describeTypes(f *Failure, pm *plan.Map) {
	for _, m := range f.Maps {
		if pm.KeyType == 0 || pm.ValueType == 0 {
			break
		}
		m.Typed = true // which the last attempt omitted
		if spec, err := btf.Parse(x.Plan.BTF, nil); err == nil {
			describe(m, spec, pm.KeyType, pm.ValueType)
		}
	}
	if in := pm.Inner; in != nil && in.IfIndex == 0 {
		f.Maps = append(f.Maps, &maprules.Map{
			Type: in.Type, KeySize: in.KeySize, ValueSize: in.ValueSize, MaxEntries: in.MaxEntries,
			Flags: in.Flags, Extra: in.Extra, NumaNode: in.NumaNode, Typed: true, IntKey: true,
			Outer: true,
		})
	}
}

// ruled returns the requested map, without BTF.
func ruled(attr *sys.MapCreateAttr) []*maprules.Map {
	if attr.IfIndex != 0 {
		return nil
	}
	m := &maprules.Map{
		Type: attr.Type, KeySize: attr.KeySize, ValueSize: attr.ValueSize,
		MaxEntries: attr.MaxEntries,
		Flags:      attr.Flags, Extra: attr.MapExtra, NumaNode: attr.NumaNode,
		Inner:  attr.InnerMapFD != 0,
		Kernel: attr.BTFVmlinuxValueTypeID != 0,
	}
	if attr.TokenFD > 0 { // the loader sets this flag
		m.Flags &^= uapi.FTokenFD
	}
	return []*maprules.Map{m}
}
