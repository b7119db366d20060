package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/value"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// call is the --call of bpf run: one run of a program instead of attaching it.
type call struct {
	program string
	ctx     string // --ctx
	data    string // --data

	o       *object.Object
	typ     btf.ID // of the context, 0 if it isn't known
	context []byte
	packet  []byte
}

// Limits of the kernel: U16_MAX for the context of a syscall program; packets of fragments.
const (
	mostContext = 1<<16 - 1
	mostPacket  = 1 << 20
	leastPacket = 14 // an Ethernet header
)

// read finds the program, selects only it for the load, and reads its input.
func (c *call) read(o *object.Object) error {
	c.o = o
	p, err := o.FindProgram(c.program)
	if err != nil {
		return fmt.Errorf("--call: %w", noSuch(o, c.program))
	}
	for _, q := range o.Programs {
		q.Autoload = q == p
	}
	for _, m := range o.Maps {
		m.Autocreate = m.Autocreate && m.Kind != object.MapStructOps
	}
	if err := c.readContext(p); err != nil {
		return fmt.Errorf("--ctx: %w", err)
	}
	if c.data != "" {
		if c.packet, err = input.Read(c.data, mostPacket); err != nil {
			return fmt.Errorf("--data: %w", err)
		}
	}
	if c.data != "" && (p.Type == uapi.ProgSyscall || p.Type == uapi.ProgRawTracepoint) {
		return fmt.Errorf("--data: program %s (SEC %s) takes no packet", p.Name, p.Sec)
	}
	if takesPacket(p.Type) && len(c.packet) < leastPacket {
		return fmt.Errorf("program %s (SEC %s) runs on a packet of at least %d bytes: "+
			"--data FILE gives it, this has %d", p.Name, p.Sec, leastPacket, len(c.packet))
	}
	return nil
}

func takesPacket(t uapi.ProgType) bool {
	switch t {
	case uapi.ProgXDP, uapi.ProgSchedCls, uapi.ProgSchedAct, uapi.ProgSocketFilter,
		uapi.ProgCgroupSKB, uapi.ProgLWTIn, uapi.ProgLWTOut, uapi.ProgLWTXmit,
		uapi.ProgLWTSeg6Local, uapi.ProgFlowDissector, uapi.ProgNetfilter:
		return true
	}
	return false
}

// readContext reads --ctx: JSON by the type of the program's argument, hexadecimal digits, or else
// a file with the bytes. Without it a syscall program whose argument has a type gets zeros.
func (c *call) readContext(p *object.Program) error {
	size := uint64(0)
	if p.Type == uapi.ProgSyscall {
		c.typ, size = contextType(c.o.BTF, p.Name)
	}
	text := c.ctx
	switch {
	case text == "":
		if size <= mostContext {
			c.context = make([]byte, size)
		}
		return nil
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		if c.typ == 0 {
			return fmt.Errorf("the argument of %s has no struct type, so it can't be JSON: "+
				"give hexadecimal digits or a file", p.Name)
		}
		if size > mostContext {
			return fmt.Errorf("%s has %d bytes, a context at most %d",
				c.o.BTF.CString(c.typ), size, mostContext)
		}
		c.context = make([]byte, size)
		context, err := value.Of("ctx", c.o.BTF, c.typ, c.context, c.o.Order)
		if err != nil {
			return err
		}
		return context.SetJSON([]byte(text))
	}
	digits := strings.TrimPrefix(text, "0x")
	if raw, err := hex.DecodeString(digits); err == nil {
		c.context = raw
	} else if digits != text {
		return fmt.Errorf("%s: %w", text, err)
	} else if c.context, err = input.Read(text, mostContext); err != nil {
		return fmt.Errorf("neither JSON nor hexadecimal digits nor a file: %w", err)
	}
	if len(c.context) > mostContext {
		return fmt.Errorf("%d bytes; a context has at most %d", len(c.context), mostContext)
	}
	if n := uint64(len(c.context)); n < size {
		return fmt.Errorf("%d bytes; %s has %d", n, c.o.BTF.CString(c.typ), size)
	}
	return nil
}

// contextType returns the struct to which a program's argument points, and its size; 0 if it is no
// pointer to a struct.
func contextType(s *btf.Spec, program string) (btf.ID, uint64) {
	if s == nil {
		return 0, 0
	}
	id, ok := s.FindByName(program, btf.KindFunc)
	if !ok {
		return 0, 0
	}
	f, _ := s.Type(id)
	proto, _ := s.Type(f.Ref())
	if proto.Vlen() == 0 {
		return 0, 0
	}
	ptr := s.Skip(proto.Param(0).Type)
	if ptr.Kind() != btf.KindPtr {
		return 0, 0
	}
	t := s.Skip(ptr.Ref())
	size, err := s.SizeOf(t.ID())
	if !t.Kind().IsComposite() || err != nil {
		return 0, 0
	}
	return t.ID(), size
}

// callDocument is the --json output of a call.
type callDocument struct {
	Program  string          `json:"program"`
	Return   uint32          `json:"return"`
	Duration int64           `json:"duration_ns"`
	Context  json.RawMessage `json:"ctx,omitempty"`
	Data     string          `json:"data,omitempty"` // hexadecimal
}

// run runs the program once and prints the result: what it returned, and its context and packet as
// it left them.
func (c *call) run(obj *bpf.Object, w io.Writer, asJSON bool) error {
	opts := bpf.RunOptions{Data: c.packet, Context: c.context}
	if len(c.packet) > 0 {
		opts.DataOut = make([]byte, len(c.packet)+mostGrowth)
	}
	r, err := obj.Program(c.program).Run(&opts)
	if err != nil {
		return err
	}
	var context []byte
	if obj.Program(c.program).Type() == uapi.ProgSyscall { // which changes it in place
		context = c.context
	}
	if asJSON {
		doc := callDocument{Program: c.program, Return: r.Return,
			Duration: r.Duration.Nanoseconds(), Data: hex.EncodeToString(r.Data)}
		if len(context) > 0 {
			doc.Context = valueJSON(c.o.BTF, c.typ, context)
		}
		return json.NewEncoder(printable.JSON{To: w}).Encode(doc)
	}
	text := fmt.Sprintf("%s returned %d (%#x)", c.program, int32(r.Return), r.Return)
	if r.Duration > 0 { // older kernels don't measure it, nor for all types
		text += fmt.Sprintf(" after %v", r.Duration)
	}
	if err := say(w, "%s", text); err != nil {
		return err
	}
	if len(context) > 0 {
		text := appendBytes(nil, context)
		if c.typ != 0 {
			value, err := btf.AppendValue(nil, c.o.BTF, c.typ, context, nil)
			if err == nil {
				text = value
			}
		}
		if err := say(w, "ctx %s", text); err != nil {
			return err
		}
	}
	if len(r.Data) > 0 {
		return say(w, "data %s", appendBytes(nil, r.Data))
	}
	return nil
}

// mostGrowth is the room for what a program adds to a packet.
const mostGrowth = 4096

// callProgram loads the object for --call, runs the program, and prints the result and the maps.
func (r *runner) callProgram(o *object.Object) (err error) {
	if err := r.call.read(o); err != nil {
		return err
	}
	if err := missingSettings(o); err != nil {
		return err
	}
	if err := r.options.require(o); err != nil {
		return err
	}
	if r.obj, err = r.options.loadObject(o); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.obj.Close()) }()
	if err := r.call.run(r.obj, r.out, r.asJSON); err != nil {
		return err
	}
	r.sampleMaps()
	if len(r.maps) == 0 {
		return nil
	}
	return r.look()
}
