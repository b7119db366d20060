package usdt

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/nearest"
)

// Probe is a probe of a program or library, with all its places.
type Probe struct {
	Sites   []Site
	Args    []string // the different arguments of its sites
	machine elf64.Machine
}

// Site is one place of a probe, where a uprobe attaches.
type Site struct {
	Address   uint64 // as the file is linked
	Offset    uint64 // in the file
	Semaphore uint64 // offset in the file, 0 for none
	Args      int    // index in Probe.Args
}

// Find finds a probe in a file. The error wraps fs.ErrNotExist and lists similar names if the file
// has no such probe, wraps ErrNoSegment if the probe is in no segment of the file, and is an
// *elf64.FormatError if the notes are malformed.
func Find(f *elf64.File, provider, name string) (*Probe, error) {
	if f.Type != elf64.TypeExec && f.Type != elf64.TypeDyn {
		return nil, &elf64.FormatError{Offset: 16,
			Msg: fmt.Sprintf("neither a program nor a shared library (type %d)", f.Type)}
	}
	notes, err := Notes(f)
	if err != nil {
		return nil, err
	}
	var base uint64
	if s := f.SectionByName(baseSection); s != nil {
		base = s.Addr
	}
	p := &Probe{machine: f.Machine}
	args := map[string]int{}
	for i := range notes {
		n := &notes[i]
		if n.Provider != provider || n.Name != name {
			continue
		}
		site, err := place(f, n, base)
		if err != nil {
			return nil, fmt.Errorf("USDT probe %s:%s: %w", provider, name, err)
		}
		var known bool
		if site.Args, known = args[n.Args]; !known {
			site.Args = len(p.Args)
			args[n.Args] = site.Args
			p.Args = append(p.Args, n.Args)
		}
		p.Sites = append(p.Sites, site)
	}
	if len(p.Sites) == 0 {
		return nil, missing(notes, provider, name)
	}
	return p, nil
}

// missing returns the error for a probe that does not exist.
func missing(notes []Note, provider, name string) error {
	near := nearest.To(provider + ":" + name)
	for i := range notes {
		near.Offer([]byte(notes[i].Provider + ":" + notes[i].Name))
	}
	return near.AddTo(fmt.Errorf("the file has no USDT probe %s:%s: %w",
		provider, name, fs.ErrNotExist))
}

// CheckNative returns an error if a file is for another processor than this one, or if the
// arguments of this processor's probes cannot be read.
func CheckNative(f *elf64.File) error {
	for _, m := range [...]struct {
		arch    string
		machine elf64.Machine
	}{
		{"amd64", elf64.MachineX86_64}, {"arm64", elf64.MachineAArch64}, {"arm", elf64.MachineARM},
		{"riscv64", elf64.MachineRISCV}, {"s390x", elf64.MachineS390},
	} {
		if m.arch == runtime.GOARCH && m.machine == f.Machine && f.Order == nativeOrder() &&
			(f.WordSize() == 4) == (runtime.GOARCH == "arm") {
			return nil
		}
	}
	return fmt.Errorf("the file is for ELF machine %d of %d bits, whose probes a kernel for %s "+
		"does not have", f.Machine, 8*f.WordSize(), runtime.GOARCH)
}

// nativeOrder returns this machine's byte order, comparable to the two of package binary.
func nativeOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// HasSemaphore reports whether the kernel must raise a semaphore at one of the sites.
func (p *Probe) HasSemaphore() bool {
	for i := range p.Sites {
		if p.Sites[i].Semaphore != 0 {
			return true
		}
	}
	return false
}

// Move adds base to all offsets, for a file that starts at base in another file.
func (p *Probe) Move(base uint64) {
	for i := range p.Sites {
		s := &p.Sites[i]
		s.Offset += base
		if s.Semaphore != 0 {
			s.Semaphore += base
		}
	}
}

// UseNop5 moves every site in r that is a nop followed by a nop of 5 bytes to the latter. A kernel
// with the system call uprobe replaces that by a call, which is faster than a trap.
func (p *Probe) UseNop5(r io.ReaderAt) {
	const nops = "\x90\x0f\x1f\x44\x00\x00"
	var code [len(nops)]byte
	for i := range p.Sites {
		s := &p.Sites[i]
		if n, _ := r.ReadAt(code[:], int64(s.Offset)); string(code[:n]) == nops {
			s.Offset, s.Address = s.Offset+1, s.Address+1
		}
	}
}

// Specs returns the values of the map SpecsMap for each of p.Args, for programs of this machine.
// spec and id are the type of the map's values, and size is their size. The error wraps
// errors.ErrUnsupported if arguments are of a kind that the program or this package cannot read.
func (p *Probe) Specs(spec *btf.Spec, id btf.ID, size int, cookie uint64) ([][]byte, error) {
	layout, err := LayoutOf(spec, id)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", SpecsMap, err)
	}
	if layout.Size() != size {
		return nil, fmt.Errorf("map %s has values of %d bytes, their type %d",
			SpecsMap, size, layout.Size())
	}
	values := make([][]byte, len(p.Args))
	for i, text := range p.Args {
		args, err := ParseArgs(p.machine, text)
		if err != nil {
			return nil, err
		}
		if values[i], err = layout.Encode(nativeOrder(), args, cookie); err != nil {
			return nil, err
		}
	}
	return values, nil
}
