package top

import (
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// json writes a sample as a document on a line. What the kernel doesn't tell is null.
func (s *sample) json(j *tool.JSON) {
	j.Object()
	j.IntKey("interval_ns", s.interval.Nanoseconds())
	j.IntKey("cpus", int64(s.cpus))
	j.IntKey("links", int64(s.links))
	j.Key("cpu_percent")
	j.Float(s.share(s.busy))
	j.Key("programs")
	j.Array()
	for _, p := range s.programs {
		j.Object()
		j.UintKey("id", uint64(p.ID))
		j.StringKey("type", p.Type.String())
		j.StringKey("name", p.name)
		j.Key("cpu_percent")
		j.Float(s.share(p.Time))
		j.UintKey("runs", p.Runs)
		j.UintKey("run_time_ns", uint64(p.Time))
		j.UintKey("recursion_misses", p.Misses)
		j.UintKey("total_runs", p.RunCount)
		j.UintKey("total_run_time_ns", uint64(p.RunTime))
		j.UintKey("total_recursion_misses", p.RecursionMisses)
		p.holders.JSON(j)
		j.EndObject()
	}
	j.EndArray()
	j.Key("maps")
	j.Array()
	for _, m := range s.maps {
		j.Object()
		j.UintKey("id", uint64(m.ID))
		j.StringKey("type", m.Type.String())
		j.StringKey("name", m.Name)
		j.UintKey("max_entries", uint64(m.MaxEntries))
		known(j, "bytes_memory", m.Memory)
		known(j, "entries", m.Entries)
		known(j, "bytes_backlog", m.Backlog)
		m.holders.JSON(j)
		j.EndObject()
	}
	j.EndArray()
	j.EndObject()
	j.Line()
}

// known writes a number, or null if it is negative.
func known(j *tool.JSON, key string, n int64) {
	j.Key(key)
	if n < 0 {
		j.Null()
	} else {
		j.Int(n)
	}
}
