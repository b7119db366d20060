package xlated

import (
	"fmt"
	"slices"
	"strings"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/internal/printable"
)

// Block is instructions of a function that run one after the other: code[First:End].
type Block struct {
	First, End int
	// Next are the first instructions of the blocks that may follow: the next one, if the block
	// does not end in a jump that is always taken, and then the target of its jump.
	Next []int
}

// Blocks divides code[first:end], which is a function, into blocks.
func Blocks(code []asm.Instruction, first, end int) []Block {
	starts := []int{first}
	for i := first; i < end; i++ {
		in := code[i]
		if in.IsLdImm64() {
			i++
			continue
		}
		distance, jumps := in.JumpDistance()
		if jumps {
			starts = append(starts, i+1+int(distance))
		}
		if jumps || in.IsExit() {
			starts = append(starts, i+1)
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	starts = slices.DeleteFunc(starts, func(at int) bool { return at < first || at >= end })
	var list []Block
	for n, at := range starts {
		b := Block{First: at, End: end}
		if n+1 < len(starts) {
			b.End = starts[n+1]
		}
		last := code[b.End-1]
		distance, jumps := last.JumpDistance()
		if b.End-2 >= b.First && code[b.End-2].IsLdImm64() {
			jumps = false // last is the second half of a constant
		} else if last.IsExit() {
			list = append(list, b)
			continue
		}
		if always := jumps && last.Op.JumpOp() == asm.JA; !always && b.End < end {
			b.Next = append(b.Next, b.End)
		}
		if jumps {
			b.Next = append(b.Next, b.End+int(distance))
		}
		list = append(list, b)
	}
	return list
}

// Graph returns the control flow of a program in Graphviz's language, a cluster for each function.
func Graph(code *inspect.Code, o Options) string {
	names := ReadSymbols(code)
	var b strings.Builder
	b.WriteString("digraph \"DOT graph for eBPF program\" {\n")
	for n, f := range functions(code) {
		fmt.Fprintf(&b, "subgraph \"cluster_%d\" {\n\tstyle=\"dashed\";\n\tcolor=\"black\";\n"+
			"\tlabel=\"%s ()\";\n", n, escaped(f.name))
		fmt.Fprintf(&b, "\tfn_%d_entry [shape=Mdiamond,style=filled,color=gray,label=\"ENTRY\"];\n"+
			"\tfn_%d_exit [shape=Mdiamond,style=filled,color=gray,label=\"EXIT\"];\n", n, n)
		for _, block := range Blocks(code.Insns, f.first, f.end) {
			fmt.Fprintf(&b, "\tfn_%d_bb_%d [shape=record,style=filled,label=\"{", n, block.First)
			for i, line := range blockLines(code, block, names, o) {
				if i > 0 {
					b.WriteString("|")
				}
				b.WriteString(line + `\l`)
			}
			b.WriteString("}\"];\n")
			if block.First == f.first {
				fmt.Fprintf(&b, "\tfn_%d_entry:s -> fn_%d_bb_%d:n [style=\"solid,bold\"];\n", n, n,
					block.First)
			}
			for _, next := range block.Next {
				fmt.Fprintf(&b, "\tfn_%d_bb_%d:s -> fn_%d_bb_%d:n [style=\"solid,bold\"];\n", n,
					block.First, n, next)
			}
			if len(block.Next) == 0 {
				fmt.Fprintf(&b, "\tfn_%d_bb_%d:s -> fn_%d_exit:n [style=\"solid,bold\"];\n", n,
					block.First, n)
			}
		}
		b.WriteString("}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// span is a function of a program.
type span struct {
	name       string
	first, end int
}

func functions(code *inspect.Code) []span {
	var list []span
	for i, f := range code.Functions {
		s := span{f.Name, f.Insn, len(code.Insns)}
		if i+1 < len(code.Functions) {
			s.end = code.Functions[i+1].Insn
		}
		if s.name == "" {
			s.name = fmt.Sprintf("func_%d", i)
		}
		if s.first < s.end {
			list = append(list, s)
		}
	}
	return list
}

// blockLines returns the text of a block, with the lines of source that it comes from.
func blockLines(code *inspect.Code, block Block, names Names, o Options) []string {
	var list []string
	last := -1
	for i := block.First; i < block.End; i++ {
		if l, err := code.LineAt(i); err == nil && l.Insn != last && l.Source != "" {
			last = l.Insn
			text := "; " + l.Source
			if o.Lines {
				text += fmt.Sprintf(" [%s:%d:%d]", l.File, l.Line, l.Column)
			}
			list = append(list, escaped(text))
		}
		text := fmt.Appendf(nil, "%d: ", i)
		text = Append(text, code.Insns[i:], names)
		if o.Opcodes {
			text = fmt.Appendf(text, "  % x", asm.Raw(code.Insns[i:i+1]))
		}
		list = append(list, escaped(string(text)))
		if code.Insns[i].IsLdImm64() {
			i++
		}
	}
	return list
}

// escaped returns text for the label of a record.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range printable.Text(text) {
		if strings.ContainsRune(`\"<>|{} `, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
