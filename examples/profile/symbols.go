package main

import (
	"bufio"
	"debug/elf"
	"debug/gosym"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/purebpf/bpf/facts"
)

// kernelFunctions returns the functions of the kernel, none if it hides their addresses.
func kernelFunctions() (functions, error) {
	file, err := os.Open("/proc/kallsyms")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all functions
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		s, ok := facts.ParseSymbol(lines.Bytes())
		if ok && s.Addr != 0 && strings.IndexByte("tTwW", s.Type) >= 0 {
			all = append(all, function{start: s.Addr, name: string(s.Name)})
		}
	}
	if len(all) == 0 {
		log.Print("functions of the kernel have no names: ", facts.ErrHidden)
	}
	all.sort()
	return all, lines.Err()
}

// processes are the memory of processes, by number. Those that have ended have none.
type processes map[int][]mapping

// mapping is a part of a file in the memory of a process.
type mapping struct {
	start, end, offset uint64
	path               string
	file               *binary // nil if it can't be read
}

// binary is the functions in an ELF file, by the addresses that the file itself gives them.
type binary struct {
	loads     []elf.ProgHeader
	functions functions
}

// name returns the function at an address of a process, or the file and the offset in it, or the
// address.
func (p processes) name(pid int, addr uint64) string {
	memory, known := p[pid]
	if !known {
		memory = mappings(pid)
		p[pid] = memory
	}
	for _, m := range memory {
		if addr < m.start || addr >= m.end {
			continue
		}
		offset := addr - m.start + m.offset
		if name, ok := m.file.find(offset); ok {
			return name
		}
		if m.path != "" {
			return fmt.Sprintf("%s+%#x", filepath.Base(m.path), offset)
		}
	}
	return fmt.Sprintf("%#x", addr)
}

// mappings returns what a process executes.
func mappings(pid int) (memory []mapping) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil
	}
	files := map[string]*binary{}
	for line := range strings.Lines(string(text)) {
		// start-end permissions offset device inode path
		fields := strings.Fields(line)
		var m mapping
		n, _ := fmt.Sscanf(line, "%x-%x", &m.start, &m.end)
		if n != 2 || len(fields) < 5 || !strings.Contains(fields[1], "x") {
			continue
		}
		fmt.Sscanf(fields[2], "%x", &m.offset)
		m.path = strings.Join(fields[5:], " ")
		if strings.HasPrefix(m.path, "/") {
			file, known := files[m.path]
			if !known {
				// As the process sees it, which may be in a container.
				file = readBinary(fmt.Sprintf("/proc/%d/root%s", pid, m.path))
				files[m.path] = file
			}
			m.file = file
		}
		memory = append(memory, m)
	}
	return memory
}

// readBinary returns the functions of an ELF file, nil if it is none.
func readBinary(path string) *binary {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	file, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	b := &binary{}
	for _, p := range file.Progs {
		if p.Type == elf.PT_LOAD {
			b.loads = append(b.loads, p.ProgHeader)
		}
	}
	symbols, _ := file.Symbols()
	dynamic, _ := file.DynamicSymbols()
	for _, s := range append(symbols, dynamic...) {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF {
			b.functions = append(b.functions, function{s.Value, s.Size, s.Name})
		}
	}
	if len(symbols) == 0 {
		b.functions = append(b.functions, goFunctions(file, b.functions)...)
	}
	b.functions.sort()
	return b
}

// goFunctions returns the functions of a Go program, which keeps their names when it is stripped.
// With cgo, C code may precede that of Go: what is known of the dynamic symbols tells how much.
func goFunctions(file *elf.File, known functions) (all functions) {
	table, text := file.Section(".gopclntab"), file.Section(".text")
	if table == nil || text == nil {
		return nil
	}
	data, err := table.Data()
	if err != nil {
		return nil
	}
	symbols, err := gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
	if err != nil {
		return nil
	}
	var moved uint64
	for _, k := range known {
		if f := symbols.LookupFunc(k.name); f != nil {
			moved = k.start - f.Entry
		}
	}
	for _, f := range symbols.Funcs {
		all = append(all, function{f.Entry + moved, f.End - f.Entry, f.Name})
	}
	return all
}

// find returns the function at an offset of the file.
func (b *binary) find(offset uint64) (name string, ok bool) {
	if b == nil {
		return "", false
	}
	for _, p := range b.loads {
		if offset >= p.Off && offset-p.Off < p.Filesz {
			return b.functions.find(offset - p.Off + p.Vaddr)
		}
	}
	return "", false
}
