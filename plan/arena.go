package plan

import "github.com/purebpf/bpf/facts"

// placeArena places the arena's global variables in it. They go at the end, as far as programs can
// express such an offset, since allocators hand out the start; on kernels that limit the offset in
// a ld_imm64 they go at the start.
func (r *resolver) placeArena() {
	o := r.o
	if o.Arena == nil || len(o.ArenaData) == 0 {
		return
	}
	m := r.mapOf(o.Arena)
	if m == nil || m.Skip || !r.has(facts.LdImm64FullRangeOff) {
		return
	}
	page := uint64(r.k.PageSize())
	data := roundUp(uint64(len(o.ArenaData)), page)
	r.arenaOff = page*uint64(m.MaxEntries) - data
}

// roundUp rounds n up to a multiple of unit.
func roundUp(n, unit uint64) uint64 { return (n + unit - 1) / unit * unit }
