package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/ringbuf"
	"github.com/purebpf/bpf/uapi"
)

// ringStreams reads all ring buffers of an object and prints their records.
type ringStreams struct {
	reader *ringbuf.Reader // nil if the object has no ring buffer
	maps   []*bpf.Map
	types  *recordTypes
}

func (r *runner) openStreams() (*ringStreams, error) {
	types, err := newRecordTypes(r.obj.BTF(), r.types)
	if err != nil {
		return nil, err
	}
	s := &ringStreams{types: types}
	for _, m := range r.obj.Maps() {
		if m.Type() == uapi.MapRingBuf && m.Created() {
			s.maps = append(s.maps, m)
		}
	}
	if len(s.maps) > 0 {
		s.reader, err = ringbuf.NewReader(s.maps...)
	}
	return s, err
}

// Close ends the reader.
func (s *ringStreams) Close() error {
	if s.reader == nil {
		return nil
	}
	return s.reader.Close()
}

// follow prints records until ctx ends.
func (s *ringStreams) follow(ctx context.Context, r *runner) error {
	w := bufio.NewWriter(r.out)
	for {
		_, err := s.reader.Poll(ctx, func(record ringbuf.Record) error {
			return r.printRecord(w, s.types, s.maps[record.Ring].Name(), record.Data)
		})
		if err == nil {
			r.mu.Lock()
			err = w.Flush()
			r.mu.Unlock()
		}
		if err != nil {
			if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Canceled)) {
				return nil
			}
			return err
		}
	}
}

// eventDocument is what --json prints for a record.
type eventDocument struct {
	Time   time.Time       `json:"time"`
	Map    string          `json:"map"`
	Type   string          `json:"type,omitempty"`
	Record json.RawMessage `json:"record"`
}

// printRecord prints one record, decoded if its type is known.
func (r *runner) printRecord(w *bufio.Writer, types *recordTypes, stream string, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, note := types.of(stream, len(data))
	if note != "" {
		fmt.Fprintln(r.errOut, note)
	}
	now := time.Now()
	if r.asJSON {
		doc := eventDocument{Time: now, Map: stream, Record: valueJSON(types.spec, id, data)}
		if id != 0 {
			doc.Type = types.spec.CString(id)
		}
		return json.NewEncoder(w).Encode(doc)
	}
	text := hex.EncodeToString(data)
	if id != 0 {
		value, err := btf.AppendValue(nil, types.spec, id, data, nil)
		if err != nil && !errors.Is(err, btf.ErrTruncated) {
			return fmt.Errorf("%s: %w", stream, err)
		}
		text = string(value)
	}
	_, err := fmt.Fprintf(w, "%s %s %s\n", now.Format("15:04:05.000"), stream, text)
	return err
}
