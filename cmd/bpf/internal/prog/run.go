package prog

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

func runVerb() tool.Verb {
	return tool.Verb{
		Name: "run",
		Args: "PROG [data_in FILE] [data_out FILE [data_size_out N]] " +
			"[ctx_in FILE] [ctx_out FILE [ctx_size_out N]] [repeat N]",
		Short: "Run a program once or several times, with a packet and a context",
		Long: `Run runs a program with a packet (data_in) and a context (ctx_in, such as struct __sk_buff) from
files, and prints what it returns and how long it took on average. The packet and the context that
the program leaves are written to data_out and ctx_out. FILE may be -: standard input, or a dump.`,
		Example: `  bpf prog run name filter data_in packet.bin data_out - repeat 1000`,
		Keywords: []string{"id", "tag", "name", "pinned", "data_in", "data_out", "data_size_out",
			"ctx_in", "ctx_out", "ctx_size_out", "repeat"},
		Run: run,
	}
}

// running is one bpf prog run: the names of its files, and sizes of output.
type running struct {
	dataIn, dataOut, ctxIn, ctxOut string
	dataSize, ctxSize, repeat      uint32
}

func run(r *tool.Run) error {
	h, err := r.Program()
	if err != nil {
		return err
	}
	const room = 32 << 10
	x := running{dataSize: room, ctxSize: room, repeat: 1}
	if err := x.parse(r); err != nil {
		return err
	}
	opts := bpf.RunOptions{Repeat: x.repeat}
	if opts.Data, err = input(x.dataIn); err != nil {
		return err
	}
	if opts.Context, err = input(x.ctxIn); err != nil {
		return err
	}
	if x.dataOut != "" {
		opts.DataOut = make([]byte, x.dataSize)
	}
	if x.ctxOut != "" {
		opts.ContextOut = make([]byte, x.ctxSize)
	}
	p, err := h.OneProgram()
	if err != nil {
		return err
	}
	defer p.Close()
	result, err := p.Run(&opts)
	if err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.Object()
	}
	if err := output(r, x.dataOut, "data_out", result.Data); err != nil {
		return err
	}
	if err := output(r, x.ctxOut, "ctx_out", result.Context); err != nil {
		return err
	}
	if r.JSON != nil {
		r.JSON.UintKey("retval", uint64(result.Return))
		r.JSON.UintKey("duration", uint64(result.Duration.Nanoseconds()))
		r.JSON.EndObject()
		return nil
	}
	average := ""
	if x.repeat > 1 {
		average = " (average)"
	}
	r.Printf("Return value: %d, duration%s: %dns\n", result.Return, average,
		result.Duration.Nanoseconds())
	return nil
}

func (x *running) parse(r *tool.Run) (err error) {
	for r.More() {
		switch {
		case r.Take("data_in"):
			x.dataIn, err = r.Next("file with the packet")
		case r.Take("data_out"):
			x.dataOut, err = r.Next("file for the packet")
		case r.Take("data_size_out"):
			x.dataSize, err = size(r)
		case r.Take("ctx_in"):
			x.ctxIn, err = r.Next("file with the context")
		case r.Take("ctx_out"):
			x.ctxOut, err = r.Next("file for the context")
		case r.Take("ctx_size_out"):
			x.ctxSize, err = size(r)
		case r.Take("repeat"):
			x.repeat, err = r.Number("number of runs")
		default:
			return r.Unexpected()
		}
		if err != nil {
			return err
		}
	}
	switch {
	case x.dataIn == "" && x.ctxIn == "":
		return errors.New("give the program a packet (data_in FILE) or a context (ctx_in FILE)")
	case x.dataIn == "" && x.dataOut != "":
		return errors.New("data_out needs data_in")
	case x.ctxIn == "" && x.ctxOut != "":
		return errors.New("ctx_out needs ctx_in")
	case x.dataIn == "-" && x.ctxIn == "-":
		return errors.New("data_in and ctx_in can't both be read from standard input")
	}
	return nil
}

// mostData limits what is read from files and kept for output.
const mostData = 64 << 20

func size(r *tool.Run) (uint32, error) {
	n, err := r.Number("size of the output")
	if err == nil && n > mostData {
		err = fmt.Errorf("size of the output: %d bytes are more than %d", n, mostData)
	}
	return n, err
}

// input reads a file, or standard input; nothing if path is "".
func input(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	data, err := io.ReadAll(io.LimitReader(f, mostData+1))
	if err == nil && len(data) > mostData {
		err = fmt.Errorf("more than %d bytes", mostData)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// output writes what a program left: to a file, or as the value of key, or as a dump.
func output(r *tool.Run, path, key string, data []byte) error {
	switch {
	case path == "":
		return nil
	case path != "-":
		return os.WriteFile(path, data, 0o644)
	case r.JSON == nil:
		r.Text.WriteString(dumped(data))
		return nil
	}
	r.JSON.Key(key)
	r.JSON.Array()
	for _, b := range data {
		r.JSON.Uint(uint64(b))
	}
	r.JSON.EndArray()
	return nil
}

// dumped returns bytes in rows of 16: offset, numbers in pairs, characters.
func dumped(data []byte) string {
	const row = 16
	var out []byte
	for at := 0; at < len(data); at += row {
		out = fmt.Appendf(out, "%07x\t", at)
		part := data[at:min(at+row, len(data))]
		for i := range row {
			if i < len(part) {
				out = fmt.Appendf(out, "%02x", part[i])
			} else {
				out = append(out, "  "...)
			}
			if i%2 == 1 {
				out = append(out, ' ')
			}
		}
		out = append(out, "| "...)
		for i, c := range part {
			if c < ' ' || c > '~' {
				c = '.'
			}
			if out = append(out, c); i == row/2-1 {
				out = append(out, ' ')
			}
		}
		out = append(out, '\n')
	}
	return string(out)
}
