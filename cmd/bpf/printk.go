package main

import (
	"encoding/json"
	"time"

	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/internal/printk"
	"github.com/purebpf/bpf/internal/probe"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
)

// openPrintk returns a reader of what the object's programs print, nil if they print nothing or it
// can't be read.
func (r *runner) openPrintk(o *object.Object) *printk.Reader {
	formats := printk.FormatsOf(o)
	if r.noPrintk || formats.None() {
		return nil
	}
	var reader *printk.Reader
	root, err := kernel.Running().Tracefs()
	if err == nil {
		reader, err = printk.New(root, formats, probe.ProcessExists)
	}
	if err != nil {
		r.say("what the programs print with bpf_printk is not shown: %v", err)
		return nil
	}
	if formats.Unknown {
		r.say("some formats of bpf_printk are not constant: messages of other programs are shown, too")
	}
	return reader
}

// printkDocument is the --json output for a message of bpf_printk.
type printkDocument struct {
	Time   time.Time `json:"time"`
	Task   string    `json:"task"`
	Printk string    `json:"printk"`
}

func (r *runner) printMessage(m printk.Message) error {
	if m.Lost > 0 {
		r.say("bpf_printk: %d messages lost", m.Lost)
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.asJSON {
		return json.NewEncoder(printable.JSON{To: r.out}).
			Encode(printkDocument{now, m.Task, m.Text})
	}
	return say(r.out, "%s printk %s: %s", now.Format("15:04:05.000"), m.Task, m.Text)
}
