package skelgen

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/records"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// mapField is a map of the skeleton.
type mapField struct {
	m       *object.Map
	field   string
	typ     string // in the loaded skeleton
	bind    string // function that binds it
	comment string
}

// collectMaps chooses the types of maps.
func (g *generator) collectMaps() error {
	if err := g.checkEvents(); err != nil {
		return err
	}
	taken := names{}
	for _, m := range g.o.Maps {
		if m.Internal() {
			continue
		}
		f := mapField{m: m, field: taken.unique(identifier(m.Name)), comment: describe(m)}
		var err error
		switch m.Type {
		case uapi.MapRingBuf:
			f.typ, err = g.eventOf(m)
			f.typ, f.bind = "*skel.Ring["+f.typ+"]", "skel.RingOf"
		case uapi.MapPerfEventArray:
			f.typ, err = g.eventOf(m)
			f.typ, f.bind = "*skel.PerfBuf["+f.typ+"]", "skel.PerfBufOf"
		case uapi.MapUserRingBuf:
			f.typ, f.bind = "*skel.UserRing", "skel.UserRingOf"
		case uapi.MapArena, uapi.MapStructOps:
			f.typ = "*bpf.Map"
		default:
			err = g.elements(m, &f)
		}
		if err != nil {
			return fmt.Errorf("map %s: %w", clean(m.Name, 60), err)
		}
		g.maps = append(g.maps, f)
	}
	return nil
}

// checkEvents refuses types of records for what has no records.
func (g *generator) checkEvents() error {
	for _, name := range slices.Sorted(maps.Keys(g.opts.Events)) {
		near := nearest.To(name)
		i := slices.IndexFunc(g.o.Maps, func(m *object.Map) bool {
			if hasRecords(m) {
				near.Offer([]byte(clean(m.Name, 60)))
			}
			return m.Name == name
		})
		if i < 0 {
			return near.AddTo(fmt.Errorf("type of records: the object has no map %s",
				clean(name, 60)))
		}
		if m := g.o.Maps[i]; !hasRecords(m) {
			return fmt.Errorf("type of records: map %s is of type %s: only ring buffers and "+
				"perf event arrays have records", clean(name, 60), printable.Text(m.Type.String()))
		}
	}
	return nil
}

func hasRecords(m *object.Map) bool {
	return m.Type == uapi.MapRingBuf || m.Type == uapi.MapPerfEventArray
}

// elements chooses the types of keys and values.
func (g *generator) elements(m *object.Map, f *mapField) error {
	hint := g.prefix + identifier(m.Name)
	key, err := g.element(m.KeyType, m.KeySize, hint+"Key")
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	value, err := g.element(m.ValueType, m.ValueSize, hint+"Value")
	if err != nil {
		return fmt.Errorf("value: %w", err)
	}
	if m.Type == uapi.MapStackTrace && m.ValueType == 0 && m.ValueSize%8 == 0 {
		value = goType{before: fmt.Sprintf("[%d]", m.ValueSize/8), name: "uint64"}
	}
	f.typ, f.bind = "*bpf.TypedMap", "skel.MapOf"
	switch m.Type {
	case uapi.MapPerCPUArray, uapi.MapPerCPUHash, uapi.MapLRUPerCPUHash,
		uapi.MapPerCPUCgroupStorage:
		f.typ, f.bind = "*bpf.PerCPUMap", "skel.PerCPUMapOf"
	}
	f.typ += "[" + g.text(key) + ", " + g.text(value) + "]"
	return nil
}

// element returns the type of keys or values, by their size if the object has no type for them.
func (g *generator) element(id btf.ID, size uint32, hint string) (goType, error) {
	if size == 0 {
		return goType{name: "struct{}"}, nil
	}
	if id != 0 {
		t, err := g.use(id, hint, 0)
		if err != nil || t.size == uint64(size) {
			return t, err
		}
	}
	switch size {
	case 1, 2, 4, 8:
		return goType{name: fmt.Sprintf("uint%d", 8*size)}, nil
	}
	return bytesOf(uint64(size)), nil
}

// describe returns a map's type and size for its comment.
func describe(m *object.Map) string {
	text := fmt.Sprintf("%s: %s", clean(m.Name, 60),
		strings.ReplaceAll(printable.Text(m.Type.String()), "_", " "))
	switch m.Type {
	case uapi.MapRingBuf, uapi.MapUserRingBuf:
		return text + ", " + plural(uint64(m.MaxEntries), "byte")
	case uapi.MapStructOps:
		return text
	case uapi.MapArena:
		return text + ", " + plural(uint64(m.MaxEntries), "page")
	}
	if m.MaxEntries == 0 {
		return text
	}
	return text + ", " + plural(uint64(m.MaxEntries), "entry")
}

// eventOf returns the type of a ring's records, "skel.Raw" if the object doesn't say which. The
// object does so if the map is a ring buffer with a value type, which the kernel doesn't get (see
// skel.Open); by what its programs put into the map; and, unless they contradict, if there is a
// struct that has the map's name in the singular, or, if it is the only ring, if one struct is
// named event or is what a global variable points to that is there to keep the type: const struct
// event *unused. The values of a perf event array are file descriptors.
func (g *generator) eventOf(m *object.Map) (string, error) {
	if name, ok := g.opts.Events[m.Name]; ok {
		id, err := g.find(name)
		if err != nil {
			return "", err
		}
		t, err := g.use(id, g.prefix+identifier(name), 0)
		return g.text(t), err
	}
	var id btf.ID
	if m.Type == uapi.MapRingBuf {
		id = m.ValueType
	}
	var written *records.Stream
	if g.opts.Records != nil {
		written = g.opts.Records.Stream(m.Name)
	}
	if id == 0 && written != nil {
		id, _ = written.Type()
	}
	if id == 0 {
		if id = g.guessEvent(m); id != 0 && !g.fits(id, written) {
			id = 0
		}
	}
	if id == 0 {
		return "skel.Raw", nil
	}
	t, err := g.use(id, g.prefix+identifier(m.Name)+"Value", 0)
	if err != nil || t.size == 0 {
		return "skel.Raw", nil //nolint:nilerr // a guess
	}
	return g.text(t), nil
}

// fits reports whether all records that programs write may be of a type, as far as is known.
func (g *generator) fits(id btf.ID, written *records.Stream) bool {
	size, err := g.spec.SizeOf(id)
	if err != nil || written == nil {
		return err == nil
	}
	for _, s := range written.Sources {
		if s.Type != 0 && g.spec.Skip(s.Type).ID() != id || s.Max < size ||
			s.Min == s.Max && s.Max != size {
			return false
		}
	}
	return true
}

func (g *generator) guessEvent(m *object.Map) btf.ID {
	found := map[btf.ID]bool{}
	offer := func(name string) {
		for _, kind := range []btf.Kind{btf.KindStruct, btf.KindTypedef} {
			id, ok := g.spec.FindOwn(name, kind)
			if t := g.spec.Skip(id); ok && t.Kind() == btf.KindStruct && t.Vlen() > 0 {
				found[t.ID()] = true
			}
		}
	}
	if singular, ok := strings.CutSuffix(m.Name, "s"); ok && singular != "" {
		offer(singular)
	}
	rings := 0
	for _, other := range g.o.Maps {
		if hasRecords(other) {
			rings++
		}
	}
	if rings == 1 {
		offer("event")
		for _, other := range g.o.Maps {
			for _, v := range other.Vars {
				t := g.spec.Skip(v.Type)
				if t.Kind() != btf.KindPtr || !strings.Contains(v.Name, "unused") {
					continue
				}
				if t = g.spec.Skip(t.Ref()); t.Kind() == btf.KindStruct && t.Vlen() > 0 {
					found[t.ID()] = true
				}
			}
		}
	}
	if len(found) != 1 {
		return 0
	}
	for id := range found {
		return id
	}
	return 0
}

// find returns a type by its name in C: "event", "struct event".
func (g *generator) find(name string) (btf.ID, error) {
	all := []btf.Kind{btf.KindStruct, btf.KindUnion, btf.KindEnum, btf.KindEnum64, btf.KindTypedef}
	for word, kinds := range map[string][]btf.Kind{"struct": all[:1], "union": all[1:2],
		"enum": all[2:4], "typedef": all[4:]} {
		if rest, ok := strings.CutPrefix(name, word+" "); ok {
			name, all = rest, kinds
			break
		}
	}
	for _, kind := range all {
		if id, ok := g.spec.FindOwn(name, kind); ok {
			return id, nil
		}
	}
	return 0, fmt.Errorf("the object has no type %s: something in it must be of that type, "+
		"for example a global variable const struct %s *unused", clean(name, 60), clean(name, 60))
}

// collectTypes adds the types that the options name.
func (g *generator) collectTypes() error {
	for _, name := range g.opts.Types {
		id, err := g.find(name)
		if err == nil {
			_, err = g.use(id, g.prefix+identifier(name), 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// collectBehind adds the types that pointers of variables in the arena point to.
func (g *generator) collectBehind() error {
	g.follow = true
	for len(g.behind) > 0 {
		id := g.behind[0]
		g.behind = g.behind[1:]
		if t := g.spec.Skip(id); t.Kind().IsComposite() && t.Vlen() > 0 && g.types[t.ID()] == nil {
			g.composite(id, g.prefix+"Anonymous", 0) // an error makes it a pointer to struct{}
		}
	}
	g.follow = false
	return nil
}
