// Package magic recognises files by their first bytes, so that an error can say what was given
// instead of an object or BTF, and what to do with it.
package magic

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
)

// HeadSize is a sufficient number of bytes from the start of a file.
const HeadSize = 1 << 10

// kind is a kind of file.
type kind struct {
	at     int    // offset of the bytes
	bytes  string // expected at that offset
	name   string
	advice string
}

const (
	bitcode = "compile it with llc -march=bpf -filetype=obj, or link with bpf-linker"
	compile = "compile it: clang -O2 -g -target bpf -c"
	// assemble is the advice for the output of clang -S.
	assemble = "assemble it: clang -target bpf -c"
)

// kinds are tried in order.
var kinds = [...]kind{
	{0, "\x1f\x8b", "gzip-compressed", "unpack it with gunzip"},
	{0, "\xfd7zXZ\x00", "xz-compressed", "unpack it with xz -d"},
	{0, "\x28\xb5\x2f\xfd", "zstd-compressed", "unpack it with zstd -d"},
	{0, "BZh", "bzip2-compressed", "unpack it with bunzip2"},
	{0, "\x04\x22\x4d\x18", "lz4-compressed", "unpack it with lz4 -d"},
	{0, "\x5d\x00\x00", "lzma-compressed", "unpack it with xz -d --format=lzma"},
	{257, "ustar", "a tar archive", "unpack it with tar -xf"},
	{0, "PK\x03\x04", "a ZIP archive", "unpack it with unzip"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with 7z x"},
	{0, "070701", "a cpio archive", "unpack it with cpio -i"},
	{0, "\xed\xab\xee\xdb", "an RPM package", "unpack it with rpm2cpio"},
	{0, "!<arch>\ndebian-binary", "a Debian package", "unpack it with dpkg-deb -x"},
	{0, "!<arch>\n", "an ar archive", "extract its members with ar x"},
	{0, "!<thin>\n", "a thin ar archive", "give the files that ar t lists"},
	{0, "BC\xc0\xde", "LLVM bitcode", bitcode},
	{0, "\xde\xc0\x17\x0b", "LLVM bitcode", bitcode},
	{0, "; ModuleID", "LLVM assembly", bitcode},
	{0, "source_filename = ", "LLVM assembly", bitcode},
	{0x202, "HdrS", "a compressed kernel image",
		"unpack it with the kernel's scripts/extract-vmlinux"},
	{0x38, "ARMd", "a kernel image without ELF headers", "give the vmlinux that it was built from"},
	{0, "MZ", "a PE file", "it is for Windows or EFI"},
	{0, "\xcf\xfa\xed\xfe", "a Mach-O file", "it is for macOS; " + compile},
	{0, "\xce\xfa\xed\xfe", "a Mach-O file", "it is for macOS; " + compile},
	{0, "\xca\xfe\xba\xbe", "a Mach-O or Java class file", "it is not for Linux"},
	{0, "\x00asm", "WebAssembly", "extract the BPF object from it"},
	{0, "version https://git-lfs", "a Git LFS pointer", "fetch the file with git lfs pull"},
	{0, "CONFIG_", "a kernel configuration", "that is for --kconfig"},
	{0, "#!", "a script", "give its output"},
	{0, "<!DOCTYPE", "an HTML page", "the download went wrong"},
	{0, "<html", "an HTML page", "the download went wrong"},
	{0, "\xd4\xc3\xb2\xa1", "a packet capture", "give a compiled object"},
	{0, "\x0a\x0d\x0d\x0a", "a packet capture", "give a compiled object"},
}

// sources recognises source texts by a word in them.
var sources = [...]struct{ word, name, advice string }{
	{"#![no_std]", "Rust source text", "build it with cargo and bpf-linker"},
	{"#![no_main]", "Rust source text", "build it with cargo and bpf-linker"},
	{"package main", "Go source text", "give a compiled object"},
	{"#include", "C source text", compile},
	{"SEC(\"", "C source text", compile},
	{"SPDX-License-Identifier", "source text", compile},
	{"\t.text\n", "assembly", assemble},
	{"\t.file\t\"", "assembly", assemble},
	{"\t.section\t", "assembly", assemble},
	{"\nCONFIG_", "a kernel configuration", "that is for --kconfig"},
	{"# CONFIG_", "a kernel configuration", "that is for --kconfig"},
}

// Object says what a file is, and what to do, if its first bytes show that it is not a BPF object:
// "not an ELF file (...) but LLVM bitcode: compile it with ...". It returns "" for an object and
// for files that it does not recognise.
func Object(head []byte) string {
	if bytes.HasPrefix(head, []byte("\x7fELF")) {
		return elfObject(head)
	}
	name, advice := "raw BTF without code", "give the object that it describes"
	if !isBTF(head) {
		name, advice = other(head)
	}
	if name == "" {
		return ""
	}
	return "not an ELF file (no ELF magic number) but " + join(name, advice)
}

// BTF is Object for files that should contain BTF, raw or in an ELF file of any kind.
func BTF(head []byte) string {
	if isBTF(head) || bytes.HasPrefix(head, []byte("\x7fELF")) {
		return ""
	}
	name, advice := other(head)
	if !strings.HasPrefix(advice, "unpack") {
		advice = ""
	}
	return join(name, advice)
}

// Text is Object for files that should be text; what names the text.
func Text(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return "an ELF file: give a text"
	case isBTF(head):
		return "raw BTF: give a text"
	case isText(head):
		return ""
	}
	name, advice := other(head)
	if name == "" {
		name = "binary data"
	}
	if !strings.HasPrefix(advice, "unpack") {
		advice = "give a text"
	}
	return join(name, advice)
}

func join(name, advice string) string {
	if advice == "" {
		return name
	}
	return name + ": " + advice
}

// IsGzip reports whether a file is compressed with gzip.
func IsGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b")) }

// IsBPFObject reports whether a file is a relocatable ELF file for BPF, rather than a kernel or a
// module of it.
func IsBPFObject(head []byte) bool {
	if len(head) < 20 || string(head[:4]) != "\x7fELF" {
		return false
	}
	return elfOrder(head).Uint16(head[18:]) == machineBPF
}

func isBTF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\x9f\xeb\x01")) ||
		bytes.HasPrefix(head, []byte("\xeb\x9f\x01"))
}

// other recognises files that are neither ELF nor BTF.
func other(head []byte) (name, advice string) {
	if len(head) == 0 {
		return "an empty file", ""
	}
	for i := range kinds {
		k := &kinds[i]
		if len(head) > k.at && bytes.HasPrefix(head[k.at:], []byte(k.bytes)) {
			return k.name, k.advice
		}
	}
	if isText(head) {
		for _, s := range sources {
			if bytes.Contains(head, []byte(s.word)) {
				return s.name, s.advice
			}
		}
		return "text", "give a compiled object"
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return "nothing but zeroes", ""
	}
	return "", ""
}

// isText reports whether the bytes are UTF-8 text, perhaps cut within a character.
func isText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		switch {
		case r == utf8.RuneError && n == 1:
			return !utf8.FullRune(head)
		case r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f':
			return false
		}
		head = head[n:]
	}
	return true
}

const (
	machineNone = 0
	machineBPF  = 247
)

// machines names the processors for which people compile by mistake.
var machines = [...]struct {
	number uint16
	name   string
}{
	{3, "x86"}, {8, "MIPS"}, {20, "PowerPC"}, {21, "PowerPC64"}, {22, "s390x"}, {40, "ARM"},
	{62, "x86-64"},
	{183, "AArch64"}, {243, "RISC-V"}, {258, "LoongArch"},
}

// elfTypes names the types of ELF files other than relocatable ones.
var elfTypes = [...]string{2: "an executable", 3: "an executable or shared library",
	4: "a core file"}

func elfOrder(head []byte) binary.ByteOrder {
	if head[5] == 2 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func elfObject(head []byte) string {
	if len(head) < 20 {
		return ""
	}
	order := elfOrder(head)
	typ, machine := order.Uint16(head[16:]), order.Uint16(head[18:])
	class := ""
	if head[4] == 1 {
		class = "32-bit (ELF class 1) "
	}
	name := "machine " + strconv.Itoa(int(machine))
	for _, m := range machines {
		if m.number == machine {
			name = m.name + " (" + name + ")"
		}
	}
	what := ""
	if int(typ) < len(elfTypes) && elfTypes[typ] != "" {
		what = "ELF type " + strconv.Itoa(int(typ)) + ", " + elfTypes[typ]
	}
	bpf := machine == machineBPF || machine == machineNone
	switch {
	case bpf && what != "":
		return "not a BPF object but " + what +
			": leave out the linker, or link with bpf-linker or bpftool gen object"
	case what != "":
		return "not a BPF object but " + what + " for " + class + name +
			": give an object that was compiled with -target bpf"
	case !bpf:
		return "not a BPF object but an ELF file for " + class + name +
			": compile it with -target bpf"
	case class != "":
		return "a 32-bit file (ELF class 1): BPF objects have 64 bits (ELF class 2)"
	}
	return ""
}
