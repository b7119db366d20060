package xlated

import (
	"encoding/binary"
	"fmt"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/inspect"
)

// Options are what a dump shows besides instructions.
type Options struct {
	Opcodes bool // the bytes of instructions
	Lines   bool // files, lines and columns of the source
}

// walk calls each for every instruction, with the signature of the function that begins there and
// the line that begins there.
func walk(code *inspect.Code, each func(at int, signature string, line *inspect.Line)) {
	f, l := 0, 0
	for i := 0; i < len(code.Insns); i++ {
		signature := ""
		if f < len(code.Functions) && code.Functions[f].Insn == i {
			signature = Signature(code.Types, code.Functions[f].Type)
			f++
		}
		var line *inspect.Line
		if l < len(code.Lines) && code.Lines[l].Insn <= i {
			line = &code.Lines[l]
			l++
		}
		each(i, signature, line)
		if code.Insns[i].IsLdImm64() {
			i++
		}
	}
}

// Text prints the code, a line for each instruction.
func Text(r *tool.Run, code *inspect.Code, o Options) {
	names := ReadSymbols(code)
	var b []byte
	walk(code, func(at int, signature string, line *inspect.Line) {
		if signature != "" {
			r.Printf("%s:\n", signature)
		}
		LineText(r, line, o.Lines)
		b = fmt.Appendf(b[:0], "%4d: ", at)
		b = Append(b, code.Insns[at:], names)
		r.Printf("%s\n", string(b))
		if o.Opcodes {
			r.Printf("       % x", asm.Raw(code.Insns[at:at+1]))
			if code.Insns[at].IsLdImm64() && at+1 < len(code.Insns) {
				r.Printf(" % x", asm.Raw(code.Insns[at+1:at+2]))
			}
			r.Printf("\n")
		}
	})
}

// LineText prints the line of source that code comes from.
func LineText(r *tool.Run, line *inspect.Line, numbers bool) {
	switch {
	case line == nil || line.Source == "" && line.File == "":
		return
	case !numbers:
		r.Printf("; %s\n", line.Source)
	case line.File != "":
		r.Printf("; %s [file:%s line_num:%d line_col:%d]\n", line.Source, line.File, line.Line,
			line.Column)
	default:
		r.Printf("; %s [line_num:%d line_col:%d]\n", line.Source, line.Line, line.Column)
	}
}

// JSON prints the code as an array of instructions.
func JSON(j *tool.JSON, code *inspect.Code, o Options) {
	names := ReadSymbols(code)
	j.Array()
	walk(code, func(at int, signature string, line *inspect.Line) {
		j.Object()
		if signature != "" {
			j.StringKey("proto", signature)
		}
		LineJSON(j, line, o.Lines)
		j.StringKey("disasm", string(Append(nil, code.Insns[at:], names)))
		if o.Opcodes {
			opcodesJSON(j, code.Insns[at:])
		}
		j.EndObject()
	})
	j.EndArray()
}

// LineJSON writes the keys about the line of source that code comes from.
func LineJSON(j *tool.JSON, line *inspect.Line, numbers bool) {
	if line == nil || line.Source == "" && line.File == "" {
		return
	}
	j.StringKey("src", line.Source)
	if !numbers {
		return
	}
	if line.File != "" {
		j.StringKey("file", line.File)
	}
	j.UintKey("line_num", uint64(line.Line))
	j.UintKey("line_col", uint64(line.Column))
}

func opcodesJSON(j *tool.JSON, insns []asm.Instruction) {
	i := insns[0]
	j.Key("opcodes")
	j.Object()
	j.StringKey("code", fmt.Sprintf("0x%02x", byte(i.Op)))
	j.StringKey("src_reg", fmt.Sprintf("0x%x", byte(i.Src())))
	j.StringKey("dst_reg", fmt.Sprintf("0x%x", byte(i.Dst())))
	j.Key("off")
	j.Bytes(binary.NativeEndian.AppendUint16(nil, uint16(i.Off)))
	imm := binary.NativeEndian.AppendUint32(nil, uint32(i.Imm))
	if i.IsLdImm64() && len(insns) > 1 {
		imm = append(imm, asm.Raw(insns[1:2])...)
	}
	j.Key("imm")
	j.Bytes(imm)
	j.EndObject()
}
