package prog

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/cmd/bpf/internal/machine"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/cmd/bpf/internal/xlated"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// machineFunction is the machine code of a function of a program.
type machineFunction struct {
	inspect.Function
	code  []byte
	lines []inspect.Line // of its code, by address
}

// machineFunctions divides the machine code of a program into its functions.
func machineFunctions(code *inspect.Code) []machineFunction {
	var list []machineFunction
	rest := code.Machine
	for i, f := range code.Functions {
		size := int(f.Size)
		if size == 0 || size > len(rest) || i == len(code.Functions)-1 && f.Size == 0 {
			size = len(rest) // the kernel doesn't tell
		}
		m := machineFunction{Function: f, code: rest[:size]}
		rest = rest[size:]
		for _, l := range code.Lines {
			if l.Address != 0 && l.Address >= f.Address && l.Address-f.Address < uint64(size) {
				m.lines = append(m.lines, l)
			}
		}
		if size > 0 {
			list = append(list, m)
		}
	}
	return list
}

// jitedText prints machine code, a line for each instruction.
func jitedText(r *tool.Run, code *inspect.Code, o xlated.Options) {
	name := symbols(code)
	for _, f := range machineFunctions(code) {
		if s := xlated.Signature(code.Types, f.Type); s != "" {
			r.Printf("%s:\n", s)
		}
		r.Printf("%s:\n", symbol(f, name))
		f.each(name, func(at int, text string, bytes []byte, line *inspect.Line) {
			xlated.LineText(r, line, o.Lines)
			for _, id := range mapsOf(code, line) {
				r.Printf("; map[id:%d] %s\n", id, mapName(id))
			}
			r.Printf("%4x:\t%s\n", at, text)
			if o.Opcodes {
				r.Printf("\t% x\n", bytes)
			}
		})
		r.Printf("\n")
	}
}

// jitedJSON prints machine code as an array of functions.
func jitedJSON(j *tool.JSON, code *inspect.Code, o xlated.Options) {
	name := symbols(code)
	j.Array()
	for _, f := range machineFunctions(code) {
		j.Object()
		if s := xlated.Signature(code.Types, f.Type); s != "" {
			j.StringKey("proto", s)
		}
		j.StringKey("name", symbol(f, name))
		j.Key("insns")
		j.Array()
		f.each(name, func(at int, text string, bytes []byte, line *inspect.Line) {
			j.Object()
			xlated.LineJSON(j, line, o.Lines)
			if ids := mapsOf(code, line); len(ids) > 0 {
				j.Key("map_ids")
				j.Array()
				for _, id := range ids {
					j.Uint(uint64(id))
				}
				j.EndArray()
			}
			j.StringKey("pc", fmt.Sprintf("0x%x", at))
			operation, operands := operands(text)
			j.StringKey("operation", operation)
			j.Key("operands")
			j.Array()
			if len(operands) == 0 {
				j.Null()
			}
			for _, text := range operands {
				j.String(text)
			}
			j.EndArray()
			j.StringKey("disasm", text)
			if o.Opcodes {
				j.Key("opcodes")
				j.Bytes(bytes)
			}
			j.EndObject()
		})
		j.EndArray()
		j.EndObject()
	}
	j.EndArray()
}

// each calls do for every instruction, with the line that begins there.
func (f *machineFunction) each(name func(uint64) string,
	do func(at int, text string, bytes []byte, line *inspect.Line)) {
	decoder := machine.For(runtime.GOARCH)
	within := func(address uint64) string {
		if at := address - f.Address; f.Address != 0 && at > 0 && at < uint64(len(f.code)) {
			return fmt.Sprintf("0x%x", at) // as at the start of its line
		}
		return name(address)
	}
	next := 0
	for at := 0; at < len(f.code); {
		var line *inspect.Line
		for next < len(f.lines) && f.lines[next].Address <= f.Address+uint64(at) {
			line = &f.lines[next]
			next++
		}
		text, size := decoder.Decode(f.code[at:], f.Address+uint64(at), within)
		do(at, text, f.code[at:at+size], line)
		at += size
	}
}

// mapsOf returns the ids of the maps that a line of source uses.
func mapsOf(code *inspect.Code, line *inspect.Line) (ids []uint32) {
	if line == nil {
		return nil
	}
	for i := line.Insn; i < len(code.Insns); i++ {
		if l, err := code.LineAt(i); err != nil || l.Insn != line.Insn {
			break
		}
		in := code.Insns[i]
		if !in.IsLdImm64() {
			continue
		}
		if in.Src() == asm.PseudoMapFD || in.Src() == asm.PseudoMapValue {
			ids = append(ids, uint32(in.Imm))
		}
		i++
	}
	return ids
}

// mapName returns the name of a map, "" if it has none or is gone.
func mapName(id uint32) string {
	m, err := bpf.MapFromID(id, uapi.FOpenRdonly)
	if err != nil {
		return ""
	}
	defer m.Close()
	return m.Name()
}

// symbol returns the name of a function in kallsyms, or its address.
func symbol(f machineFunction, name func(uint64) string) string {
	if n := name(f.Address); n != "" {
		return n
	}
	return fmt.Sprintf("0x%016x", f.Address)
}

// symbols returns the names of the addresses that machine code refers to.
func symbols(code *inspect.Code) func(uint64) string {
	names := map[uint64]string{}
	collect := func(address uint64) string {
		names[address] = ""
		return ""
	}
	for _, f := range machineFunctions(code) {
		collect(f.Address)
		f.each(collect, func(int, string, []byte, *inspect.Line) {})
	}
	delete(names, 0)
	if len(names) > 0 {
		// An error leaves addresses without names.
		kernel.EachSymbol("/proc/kallsyms", func(s facts.Symbol) error {
			if old, ok := names[s.Addr]; ok && old == "" {
				names[s.Addr] = string(s.Name)
			}
			return nil
		})
	}
	return func(address uint64) string { return names[address] }
}

// operands divides the text of an instruction into its operation and operands. Commas in brackets
// don't divide.
func operands(text string) (operation string, list []string) {
	operation, rest, _ := strings.Cut(text, " ")
	depth, from := 0, 0
	add := func(to int) {
		if s := strings.TrimSpace(rest[from:to]); s != "" {
			list = append(list, s)
		}
		from = to + 1
	}
	for i, c := range rest {
		switch {
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			add(i)
		}
	}
	if from <= len(rest) {
		add(len(rest))
	}
	return operation, list
}
