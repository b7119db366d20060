package tree

import "github.com/purebpf/bpf/cmd/bpf/internal/tool"

// json writes the places as a document on a line.
func (f *forest) json(j *tool.JSON) {
	j.Array()
	for _, b := range f.branches {
		j.Object()
		j.StringKey("kind", b.kind.String())
		if b.name != "" {
			j.StringKey("name", b.name)
		}
		if b.kind == networkInterface && b.name != removed {
			j.UintKey("ifindex", uint64(b.index))
		}
		j.Key("attached")
		j.Array()
		for _, a := range b.attached {
			a.json(j)
		}
		j.EndArray()
		j.EndObject()
	}
	j.EndArray()
	j.Line()
}

func (a attachment) json(j *tool.JSON) {
	j.Object()
	j.StringKey("how", a.how)
	if a.note != "" {
		j.StringKey("note", a.note)
	}
	if a.program != 0 {
		j.UintKey("prog_id", uint64(a.program))
	}
	if a.mapID != 0 {
		j.UintKey("map_id", uint64(a.mapID))
	}
	j.StringKey("name", a.name)
	if a.link != 0 {
		j.UintKey("link_id", uint64(a.link))
	}
	a.holders.JSON(j)
	j.EndObject()
}
