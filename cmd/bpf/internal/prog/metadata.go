package prog

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/value"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/objinfo"
	"github.com/purebpf/bpf/uapi"
)

// datum is a variable that a program declares to describe itself: bpf_metadata_KEY.
type datum struct {
	key  string
	json []byte
	text string
}

// metadata returns the metadata of a program, which are variables in a map of constants.
func metadata(info *objinfo.Program) []datum {
	for _, id := range info.MapIDs {
		if list := metadataIn(id); len(list) > 0 {
			return list
		}
	}
	return nil
}

func metadataIn(mapID uint32) []datum {
	m, err := bpf.MapFromID(mapID, uapi.FOpenRdonly)
	if err != nil {
		return nil
	}
	defer m.Close()
	if m.Type() != uapi.MapArray || m.KeySize() != 4 || m.MaxEntries() != 1 ||
		!strings.Contains(m.Name(), ".rodata") || m.ReadTypes() != nil || m.BTF() == nil {
		return nil
	}
	section, ok := m.BTF().Type(m.ValueType())
	if !ok || section.Kind() != btf.KindDatasec {
		return nil
	}
	var list []datum
	var data []byte
	for i := range section.Vlen() {
		v := section.SecVar(i)
		variable, ok := m.BTF().Type(v.Type)
		if !ok {
			continue
		}
		key, ok := strings.CutPrefix(variable.Name(), "bpf_metadata_")
		if !ok {
			continue
		}
		if data == nil {
			if data, err = m.LookupBytes(make([]byte, 4)); err != nil {
				return nil
			}
		}
		end := uint64(v.Offset) + uint64(v.Size)
		if end > uint64(len(data)) {
			continue
		}
		val, err := value.Of(key, m.BTF(), variable.ID(), data[v.Offset:end],
			binary.NativeEndian)
		if err != nil {
			continue
		}
		raw, err := val.AppendJSON(nil, nil)
		if err != nil {
			continue
		}
		var text bytes.Buffer
		printable.JSON{To: &text}.Write(raw)
		list = append(list, datum{key, text.Bytes(), val.String()})
	}
	return list
}
