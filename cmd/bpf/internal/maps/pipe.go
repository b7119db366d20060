package maps

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/perfbuf"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// pipePages is the size of each CPU's buffer in pages, bpftool's.
const pipePages = 16

// eventPipe prints what programs write to a perf_event_array until a signal ends it.
func eventPipe(r *tool.Run) error {
	t, err := open(r, 0)
	if err != nil {
		return err
	}
	defer t.Close()
	opts := &perfbuf.RawOptions{
		Attr: sys.PerfEventAttr{
			Type: sys.PerfTypeSoftware, Config: sys.PerfCountSWBPFOutput,
			SampleType: sys.PerfSampleRaw | sys.PerfSampleTime,
		},
		Pages: pipePages,
	}
	index := -1
	for r.More() {
		var n uint32
		switch {
		case r.Take("cpu"):
			n, err = r.Number("CPU")
			opts.CPUs = []int{int(n)}
		case r.Take("index"):
			n, err = r.Number("index")
			opts.Keys, index = []uint32{n}, int(n)
		default:
			err = r.Unexpected()
		}
		if err != nil {
			return err
		}
	}
	if t.Type() != uapi.MapPerfEventArray {
		return fmt.Errorf("map %s is of type %v: only a perf_event_array has events: %w", t.Name(),
			t.Type(), errors.ErrUnsupported)
	}
	if (opts.CPUs == nil) != (opts.Keys == nil) {
		return errors.New("cpu and index belong together: give both or neither")
	}
	ctx, stop := tool.UntilSignal(r.Context())
	defer stop()
	events, err := perfbuf.NewRawReader(t.Map, opts)
	if err != nil {
		return err
	}
	defer events.Close()
	if r.JSON != nil {
		r.JSON.Array()
	}
	if err := r.Flush(); err != nil {
		return err
	}
	for {
		_, err := events.Poll(ctx, func(record perfbuf.RawRecord) error {
			at := index
			if at < 0 {
				at = record.CPU
			}
			printRecord(r, record, at)
			return nil
		})
		if err := errors.Join(r.Flush(), err); err != nil {
			if errors.Is(err, context.Canceled) {
				break
			}
			return err
		}
	}
	if r.JSON != nil {
		r.JSON.EndArray()
	}
	return nil
}

// Records of perf events.
const (
	recordLost   = 2 // PERF_RECORD_LOST: id, count
	recordSample = 9 // PERF_RECORD_SAMPLE: time, length, data
)

func printRecord(r *tool.Run, record perfbuf.RawRecord, index int) {
	order := binary.NativeEndian
	data := record.Data
	var time, id, count uint64
	switch {
	case record.Type == recordSample && len(data) >= 12:
		time = order.Uint64(data)
		size := order.Uint32(data[8:])
		data = data[12:]
		data = data[:min(uint64(size), uint64(len(data)))]
	case record.Type == recordLost && len(data) >= 16:
		id, count = order.Uint64(data), order.Uint64(data[8:])
	}
	if j := r.JSON; j != nil {
		j.Object()
		j.UintKey("type", uint64(record.Type))
		j.UintKey("cpu", uint64(record.CPU))
		j.UintKey("index", uint64(index))
		switch record.Type {
		case recordSample:
			j.UintKey("timestamp", time)
			j.Key("data")
			j.Array()
			for _, b := range data {
				j.Uint(uint64(b))
			}
			j.EndArray()
		case recordLost:
			j.Key("lost")
			j.Object()
			j.UintKey("id", id)
			j.UintKey("count", count)
			j.EndObject()
		}
		j.EndObject()
		return
	}
	switch record.Type {
	case recordSample:
		r.Printf("== @%d.%09d CPU: %d index: %d =====\n", time/1e9, time%1e9, record.CPU, index)
		hexBytes(r.Text, data)
		r.Printf("\n")
	case recordLost:
		r.Printf("lost %d events\n", count)
	default:
		r.Printf("unknown event type=%d size=%d\n", record.Type, len(record.Data))
	}
}
