package plan

import (
	"strconv"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// insnArrayValueSize is sizeof(struct bpf_insn_array_value): orig_off, xlated_off, jitted_off,
// padding.
const insnArrayValueSize = 16

// tableKey identifies a jump table of one program.
type tableKey struct {
	prog *Program
	sym  uint64
}

// maxEntries limits the jump tables of all programs, so that an object cannot make a plan
// arbitrarily larger than itself.
const maxEntries = 1 << 20

// jumpTable returns the instruction-array map for an indirect goto of p. The compiler's table holds
// byte offsets within the section of the function that jumps, while the map holds instructions of
// the linked program, so a table used by two programs becomes two maps.
func (r *resolver) jumpTable(p *Program, sub int, rl *object.Reloc) (*Map, error) {
	key := tableKey{p, rl.SymValue}
	if m := r.tables[key]; m != nil {
		return m, nil
	}
	s := &p.Subprogs[sub]
	data := r.o.JumpTables
	size := uint64(len(data))
	if rl.SymValue%8 != 0 || rl.SymSize%8 != 0 || rl.SymValue > size ||
		rl.SymSize > size-rl.SymValue {
		return nil, r.failAt(s.fn, rl.Insn, CodeInvalid, "jump table "+rl.Symbol+" at offset "+
			strconv.FormatUint(rl.SymValue, 10)+
			" of "+strconv.FormatUint(rl.SymSize, 10)+" bytes does not fit .jumptables of "+
			strconv.Itoa(len(data)), nil)
	}
	if r.entries += int(rl.SymSize / 8); r.entries > maxEntries {
		return nil, r.failAt(s.fn, rl.Insn, CodeTooBig, "more than "+strconv.Itoa(maxEntries)+
			" entries in jump tables", nil)
	}
	if err := r.spend(p.Name, int(rl.SymSize/2)); err != nil {
		return nil, err
	}
	m := &Map{
		Name:       ".jumptables",
		Type:       uapi.MapInsnArray,
		KeySize:    4,
		ValueSize:  insnArrayValueSize,
		MaxEntries: uint32(rl.SymSize / 8),
		Entries:    make([]uint32, rl.SymSize/8),
		Freeze:     true,
	}
	if !r.has(facts.ProgName) {
		m.Name = ""
	}
	move := uint64(s.Start) - s.Func.Offset/8
	for i := range m.Entries {
		off := r.order.Uint64(data[rl.SymValue+uint64(i)*8:])/8 + move
		if off > 1<<32-1 {
			return nil, r.failAt(s.fn, rl.Insn, CodeInvalid, "jump table "+rl.Symbol+" entry "+
				strconv.Itoa(i)+" leads out of the program", nil)
		}
		m.Entries[i] = uint32(off)
	}
	r.p.Maps = append(r.p.Maps, m)
	if r.tables == nil {
		r.tables = make(map[tableKey]*Map)
	}
	r.tables[key] = m
	return m, nil
}
