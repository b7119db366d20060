package maps

import (
	"strconv"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/uapi"
)

func show(r *tool.Run) error {
	r.Owners(inspect.KindMap, 0) // read before this process opens maps itself
	list, single, err := r.ListMaps(uapi.FOpenRdonly)
	if err != nil {
		return err
	}
	return tool.List(r, list, single, showMap)
}

// showMap prints what the kernel tells about a map.
func showMap(r *tool.Run, m *bpf.Map) error {
	info, err := m.Info()
	if err != nil {
		return err
	}
	state, err := inspect.MapStateOf(m)
	if err != nil {
		return err
	}
	if r.JSON != nil {
		return showJSON(r, info, state)
	}
	header(r, info)
	r.Printf("\n\tkey %dB  value %dB  max_entries %d  memlock %dB", info.KeySize, info.ValueSize,
		info.MaxEntries, state.Memory)
	if state.OwnerType != uapi.ProgUnspec {
		jited := "not jited"
		if state.OwnerJITed {
			jited = "jited"
		}
		r.Printf("\n\towner_prog_type %s  owner %s", state.OwnerType, jited)
	}
	if err := r.ShowPins(inspect.KindMap, info.ID); err != nil {
		return err
	}
	lead := "\n\t"
	if info.BTFID != 0 {
		r.Printf("\n\tbtf_id %d", info.BTFID)
		lead = "  "
	}
	if state.Frozen {
		r.Printf("%sfrozen", lead)
	}
	r.ShowOwners(inspect.KindMap, info.ID)
	r.Printf("\n")
	return nil
}

// header prints the line that begins the plain description of a map, without its end.
func header(r *tool.Run, info *objinfo.Map) {
	r.Printf("%d: %s  ", info.ID, info.Type)
	if info.Name != "" {
		r.Printf("name %s  ", info.Name)
	}
	r.Printf("flags %#x", uint32(info.Flags))
	if info.IfIndex != 0 {
		r.Printf("  offloaded_to %s", interfaceName(info))
	}
}

// headerKeys writes the keys that begin the description of a map.
func headerKeys(r *tool.Run, info *objinfo.Map) {
	r.JSON.UintKey("id", uint64(info.ID))
	r.JSON.StringKey("type", info.Type.String())
	if info.Name != "" {
		r.JSON.StringKey("name", info.Name)
	}
	r.JSON.UintKey("flags", uint64(info.Flags))
	if info.IfIndex != 0 {
		r.JSON.Key("dev")
		r.JSON.Object()
		r.JSON.UintKey("ifindex", uint64(info.IfIndex))
		r.JSON.UintKey("ns_dev", info.NetnsDev)
		r.JSON.UintKey("ns_inode", info.NetnsIno)
		r.JSON.StringKey("ifname", interfaceName(info))
		r.JSON.EndObject()
	}
}

// interfaceName returns the name of the interface that has a map, or its number.
func interfaceName(info *objinfo.Map) string {
	name, err := rtnl.InterfaceName(int(info.IfIndex))
	if err != nil {
		return strconv.FormatUint(uint64(info.IfIndex), 10)
	}
	return name
}

func showJSON(r *tool.Run, info *objinfo.Map, state inspect.MapState) error {
	j := r.JSON
	j.Object()
	headerKeys(r, info)
	j.UintKey("bytes_key", uint64(info.KeySize))
	j.UintKey("bytes_value", uint64(info.ValueSize))
	j.UintKey("max_entries", uint64(info.MaxEntries))
	j.UintKey("bytes_memlock", state.Memory)
	if state.OwnerType != uapi.ProgUnspec {
		j.StringKey("owner_prog_type", state.OwnerType.String())
		j.BoolKey("owner_jited", state.OwnerJITed)
	}
	frozen := uint64(0)
	if state.Frozen {
		frozen = 1
	}
	j.UintKey("frozen", frozen)
	if info.BTFID != 0 {
		j.UintKey("btf_id", uint64(info.BTFID))
	}
	if err := r.ShowPins(inspect.KindMap, info.ID); err != nil {
		return err
	}
	r.ShowOwners(inspect.KindMap, info.ID)
	j.EndObject()
	return nil
}
