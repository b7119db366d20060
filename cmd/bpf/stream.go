package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/perfbuf"
	"github.com/purebpf/bpf/ringbuf"
	"github.com/purebpf/bpf/uapi"
)

// streams reads all ring and perf buffers of an object and prints their records.
type streams struct {
	rings   *ringbuf.Reader // nil if there are none
	tallies []*tally        // of the ring buffers, in the order that rings has them
	perf    []perfStream
}

type perfStream struct {
	*tally
	reader *perfbuf.Reader
}

func (r *runner) openStreams() (*streams, error) {
	r.streams = nil
	s := &streams{}
	for _, m := range r.obj.Maps() {
		if !m.Created() {
			continue
		}
		t := &tally{name: m.Name(), perf: m.Type() == uapi.MapPerfEventArray}
		switch m.Type() {
		case uapi.MapRingBuf:
			s.tallies = append(s.tallies, t)
			if err := s.addRing(m); err != nil {
				return nil, errors.Join(err, s.Close())
			}
		case uapi.MapPerfEventArray:
			reader, err := perfbuf.NewReader(m, nil)
			if err != nil {
				return nil, errors.Join(err, s.Close())
			}
			s.perf = append(s.perf, perfStream{t, reader})
		default:
			continue
		}
		r.streams = append(r.streams, t)
	}
	return s, nil
}

// addRing adds a ring buffer to those that are read.
func (s *streams) addRing(m *bpf.Map) (err error) {
	if s.rings != nil {
		return s.rings.Add(m)
	}
	s.rings, err = ringbuf.NewReader(m, nil)
	return err
}

// empty reports whether there is nothing to read.
func (s *streams) empty() bool { return s.rings == nil && len(s.perf) == 0 }

// Close ends all readers.
func (s *streams) Close() error {
	var errs []error
	if s.rings != nil {
		errs = append(errs, s.rings.Close())
	}
	for _, p := range s.perf {
		errs = append(errs, p.reader.Close())
	}
	return errors.Join(errs...)
}

// follow starts a goroutine for each reader, which prints records until ctx ends or something
// fails.
func (s *streams) follow(ctx context.Context, r *runner, start func(func() error)) {
	// Programs may send records faster than they are printed: a batch then has no end.
	late, stop := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() { time.AfterFunc(lastWait, stop) })
	if s.rings != nil {
		w := bufio.NewWriter(r.out)
		start(func() error {
			return r.drain(ctx, w, func() error {
				_, err := s.rings.Poll(ctx, func(record ringbuf.Record) error {
					if err := late.Err(); err != nil {
						return err
					}
					return r.printRecord(w, s.tallies[record.Ring], record.Data)
				})
				return err
			})
		})
	}
	for _, p := range s.perf {
		w := bufio.NewWriter(r.out)
		start(func() error {
			return r.drain(ctx, w, func() error {
				_, err := p.reader.Poll(ctx, func(record perfbuf.Record) error {
					if err := late.Err(); err != nil {
						return err
					}
					if record.Lost > 0 {
						r.mu.Lock()
						p.lost += record.Lost
						r.mu.Unlock()
						r.say("%s: %d records lost on CPU %d", p.name, record.Lost, record.CPU)
						return nil
					}
					return r.printRecord(w, p.tally, record.Data)
				})
				return err
			})
		})
	}
}

// drain polls until ctx ends, and writes the printed records after each batch.
func (r *runner) drain(ctx context.Context, w *bufio.Writer, poll func() error) error {
	for {
		err := poll()
		r.mu.Lock()
		flushErr := w.Flush()
		r.mu.Unlock()
		switch {
		case ctx.Err() != nil &&
			(errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
			return flushErr
		case err != nil:
			return err
		case flushErr != nil:
			return flushErr
		}
	}
}

// eventDocument is the --json output for a record.
type eventDocument struct {
	Time   time.Time       `json:"time"`
	Map    string          `json:"map"`
	Type   string          `json:"type,omitempty"`
	Record json.RawMessage `json:"record"`
}

// printRecord prints one record, decoded if its type is known.
func (r *runner) printRecord(w *bufio.Writer, from *tally, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	from.records++
	how := r.records.of(record{from.name, len(data), from.perf})
	if how.id == 0 && len(how.fields) == 0 {
		from.unknown++
	}
	now := time.Now()
	if r.asJSON {
		doc := eventDocument{Time: now, Map: from.name, Record: valueJSON(how.spec, how.id, data)}
		if how.id != 0 {
			doc.Type = how.spec.CString(how.id)
		} else if how.heading != "" {
			say(r.errOut, "%s", how.heading)
		}
		return json.NewEncoder(printable.JSON{To: wholeLines{w}}).Encode(doc)
	}
	if how.heading != "" {
		if err := say(wholeLines{w}, "%-12s %s", "TIME", how.heading); err != nil {
			return err
		}
	}
	text, err := appendRecord(nil, how, data)
	if err != nil {
		return fmt.Errorf("%s: %w", from.name, err)
	}
	return say(wholeLines{w}, "%s %s %s", now.Format("15:04:05.000"), from.name, text)
}

// wholeLines writes lines so that the buffer is flushed between them only: others write in between.
type wholeLines struct{ to *bufio.Writer }

func (w wholeLines) Write(line []byte) (int, error) {
	if len(line) > w.to.Available() {
		if err := w.to.Flush(); err != nil {
			return 0, err
		}
	}
	return w.to.Write(line)
}
