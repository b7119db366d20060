package insn

import (
	"bufio"
	"debug/elf"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// listed is an instruction in llvm-objdump's list.
type listed struct {
	at       uint64
	mnemonic string
	operands string
	symbol   bool // llvm-objdump starts again here
}

// prefixes are those that llvm-objdump lists separately from their instruction. A breakpoint after
// one is inside the instruction: with lock the processor refuses it, and the emulated instruction
// lacks the prefix. GNU objdump lists them with the instruction.
var prefixes = map[string]bool{"lock": true, "xacquire": true, "xrelease": true, "rep": true,
	"repne": true, "data16": true, "addr32": true, "rex64": true, "notrack": true}

// disassemble lists the instructions of an executable file, in order.
func disassemble(t *testing.T, file string, set Set) []listed {
	t.Helper()
	// With debug information, llvm-objdump would look for the code there, where it is missing.
	args := []string{"-d", "--no-show-raw-insn", "--no-leading-headers", "-z",
		"--debug-file-directory=/nowhere", file}
	if set != X86 && set != X86_64 { // for x86 that would include APX
		args = append(args, "--mattr=+all")
	}
	cmd := exec.Command(testkit.Tool(t, "llvm-objdump-19"), args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var list []listed
	symbol := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		// "   1234:      \tmov\tsp, x29"
		if strings.HasSuffix(lines.Text(), ">:") {
			symbol = true
			continue
		}
		address, rest, ok := strings.Cut(strings.TrimLeft(lines.Text(), " "), ":")
		if at, err := strconv.ParseUint(address, 16, 64); ok && err == nil {
			mnemonic, operands, _ := strings.Cut(strings.TrimSpace(rest), "\t")
			if n := len(list); n > 0 && list[n-1].operands == "" && prefixes[list[n-1].mnemonic] {
				list[n-1].mnemonic, list[n-1].operands = mnemonic, operands
				continue
			}
			list = append(list, listed{at, mnemonic, operands, symbol})
			symbol = false
		}
	}
	if err := cmd.Wait(); err != nil || lines.Err() != nil {
		t.Fatalf("llvm-objdump %s: %v, %v", file, err, lines.Err())
	}
	return list
}

// image is the code of a file.
type image struct {
	*elf.File
	set  Set
	text []*elf.Section
	data [][]byte
}

func load(t *testing.T, file string) *image {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	m := image{File: f}
	m.set = map[elf.Machine]Set{elf.EM_386: X86, elf.EM_X86_64: X86_64, elf.EM_S390: S390X,
		elf.EM_RISCV: RISCV64, elf.EM_PPC64: PPC64}[f.Machine]
	if m.set == PPC64 && f.Data == elf.ELFDATA2LSB {
		m.set = PPC64LE
	}
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_EXECINSTR == 0 || s.Type == elf.SHT_NOBITS {
			continue
		}
		data, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		m.text, m.data = append(m.text, s), append(m.data, data)
	}
	return &m
}

// code returns the code from an address to the end of the section.
func (m *image) code(at uint64) []byte {
	for i, s := range m.text {
		if at >= s.Addr && at-s.Addr < s.Size {
			return m.data[i][at-s.Addr:]
		}
	}
	return nil
}

// functions returns the symbols of functions.
func (m *image) functions() []elf.Symbol {
	dynamic, _ := m.DynamicSymbols()
	static, _ := m.Symbols()
	var list []elf.Symbol
	for _, s := range append(static, dynamic...) {
		kind := elf.ST_TYPE(s.Info)
		if kind != elf.STT_FUNC && kind != elf.STT_GNU_IFUNC || s.Size == 0 ||
			s.Section == elf.SHN_UNDEF {
			continue
		}
		if code := m.code(s.Value); uint64(len(code)) >= s.Size {
			list = append(list, s)
		}
	}
	return list
}

// score counts comparisons.
type score struct {
	instructions, unknown int // according to the decoder
	functions             int
	inside, told          int // bytes inside instructions of functions
}

// compare compares decoder and layouts with llvm-objdump.
func compare(t *testing.T, file string) (n score) {
	t.Helper()
	m := load(t, file)
	decode := m.set.decoder()
	list := disassemble(t, file, m.set)
	starts := make(map[uint64]bool, len(list))
	bad := 0
	fail := func(format string, args ...any) {
		if bad++; bad <= 20 {
			t.Errorf(file+": "+format, args...)
		}
	}
	for k, l := range list {
		starts[l.at] = true
		code := m.code(l.at)
		if k+1 == len(list) || strings.HasPrefix(l.mnemonic, "<") ||
			strings.HasPrefix(l.mnemonic, ".") {
			continue
		}
		if prefixes[l.mnemonic] { // of data
			continue
		}
		n.instructions++
		i, ok := decode(code[:min(longest, len(code))])
		if !ok {
			n.unknown++
			continue
		}
		size := list[k+1].at - l.at
		cut := list[k+1].symbol && uint64(i.size) > size
		if size < uint64(len(code)) && uint64(i.size) != size && !cut {
			fail("%#x %s %s: %d bytes, llvm-objdump has %d: % x",
				l.at, l.mnemonic, l.operands, i.size, size,
				code[:min(longest, len(code))])
		}
		compareFlow(m.set, l, i, fail)
	}
	for _, s := range m.functions() {
		layout := Find(m.set, m.code(s.Value)[:s.Size])
		n.functions++
		for at := range int(s.Size) {
			start := starts[s.Value+uint64(at)]
			if !start {
				n.inside++
			}
			before, after, ok := layout.Inside(at)
			if !ok {
				continue
			}
			n.told++
			if start {
				fail("%s+%#x: an instruction starts at %#x", s.Name, at, s.Value+uint64(at))
			}
			if !starts[s.Value+uint64(before)] ||
				after < int(s.Size) && !starts[s.Value+uint64(after)] {
				fail("%s+%#x is said to be between %#x and %#x", s.Name, at, before, after)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%s: %d differences", file, bad)
	}
	return n
}

// compareFlow compares the target of an instruction with llvm-objdump's text.
func compareFlow(set Set, l listed, i instruction, fail func(string, ...any)) {
	target, ok := uint64(0), false
	if before, _, labelled := strings.Cut(l.operands, " <"); labelled {
		var err error
		target, err = strconv.ParseUint(before[strings.LastIndexAny(before, ", \t")+1:], 0, 64)
		ok = err == nil
	}
	if i.flow == branch || i.flow == jump || i.flow == call {
		if to := l.at + uint64(i.target); ok && to != target {
			fail("%#x %s %s: leads to %#x", l.at, l.mnemonic, l.operands, to)
		}
	}
	if set == X86 || set == X86_64 {
		words := strings.Fields(l.mnemonic + " " + l.operands)
		word := words[0]
		for len(words) > 1 &&
			(word == "rep" || word == "repz" || word == "repne" || word == "bnd" ||
				word == "notrack" || word == "data16" || word == "addr32" || word == "rex64") {
			words = words[1:]
			word = words[0]
		}
		want := next
		switch {
		case strings.HasPrefix(word, "jmp") || strings.HasPrefix(word, "ljmp"):
			want = jump
			if strings.HasPrefix(l.operands, "*") || word[0] == 'l' {
				want = stop
			}
		case strings.HasPrefix(word, "j") || strings.HasPrefix(word, "loop") || word == "xbegin":
			want = branch
		case strings.HasPrefix(word, "call") && !strings.HasPrefix(l.operands, "*"):
			want = call
		case strings.HasPrefix(word, "ret") || strings.HasPrefix(word, "lret") || word == "hlt" ||
			strings.HasPrefix(word, "iret") || strings.HasPrefix(word, "ud") || word == "int3" ||
			strings.HasPrefix(word, "sysret") || strings.HasPrefix(word, "sysexit") ||
			word == "sysenter":
			want = stop
		}
		if i.flow != want {
			fail("%#x %s %s: flow %d, want %d", l.at, l.mnemonic, l.operands, i.flow, want)
		}
	}
}

// TestSystem compares programs and libraries of Debian: compiled, and written in assembly. The
// oracle is llvm-objdump: no instruction that it lists is reported to be inside another one, and
// nearly all other bytes of functions are.
func TestSystem(t *testing.T) {
	var files []string
	for _, pattern := range []string{"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libm.so.6",
		"/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/usr/lib/x86_64-linux-gnu/libgmp.so.10", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/usr/bin/*"} {
		found, _ := filepath.Glob(pattern)
		for _, file := range found {
			file, err := filepath.EvalSymlinks(file)
			if err == nil && !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	files = slices.Insert(files, 0, testkit.Tool(t, "gofmt"))
	some := 7
	if testing.Short() || runtime.GOARCH == "s390x" { // emulated
		some = 1
	}
	var all score
	for _, file := range files[:testkit.Sample(t, "programs and libraries", len(files), some)] {
		f, err := elf.Open(file)
		if err != nil || f.Machine != elf.EM_X86_64 {
			continue
		}
		f.Close()
		n := compare(t, file)
		t.Logf("%s: %+v", file, n)
		all.instructions += n.instructions
		all.unknown += n.unknown
		all.inside += n.inside
		all.told += n.told
	}
	t.Logf("%+v", all)
	if all.unknown > all.instructions/1000 || all.told < all.inside/10*8 {
		t.Errorf("too little is known: %+v", all)
	}
}

func TestMain(m *testing.M) { testkit.Main(m) }
