package kernel

import (
	"errors"
	"syscall"

	"github.com/purebpf/bpf/asm"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// prober creates the kernel objects that probes try. Each probe closes what it creates.
type prober struct {
	facts *Facts
	log   []byte // if not nil, programs are loaded with log level 1 and their log ends up here
}

// refused reports whether err is how a kernel refuses what it does not know: a field that is too
// new (E2BIG), an unknown number or combination (EINVAL), or something left out of its
// configuration (ENOTSUPP, EOPNOTSUPP). Any other error says nothing about the kernel.
func refused(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.E2BIG) ||
		errors.Is(err, sys.ENOTSUPP) ||
		errors.Is(err, syscall.EOPNOTSUPP)
}

// transient reports whether err depends on the moment or this process, so that probing again may
// help.
func transient(err error) bool {
	for _, e := range [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
		syscall.EINTR, syscall.EAGAIN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// fleeting reports whether err may disappear soon even if nothing changes in this process.
func fleeting(err error) bool {
	return errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.EAGAIN) ||
		errors.Is(err, syscall.ENOMEM)
}

// made converts the outcome of creating an object to an answer, and closes the object.
func made(fd *sys.FD, err error) (bool, error) {
	if err == nil {
		fd.Close()
		return true, nil
	}
	if refused(err) {
		return false, nil
	}
	return false, err
}

// token returns the descriptor of the token, 0 for none.
func (p *prober) token() int32 { return max(0, int32(p.facts.token)) }

// program loads a program with the licence GPL; set, if not nil, changes the attribute first.
func (p *prober) program(t uapi.ProgType, insns []asm.Instruction,
	set func(*sys.ProgLoadAttr)) (*sys.FD, error) {
	license := []byte("GPL\x00")
	raw := asm.Raw(insns)
	a := sys.ProgLoadAttr{
		Type:    t,
		InsnCnt: uint32(len(insns)),
		Insns:   sys.Slice(raw),
		License: sys.Slice(license),
		TokenFD: p.token(),
	}
	if a.TokenFD != 0 {
		a.Flags = uapi.FProgTokenFD
	}
	if t == uapi.ProgKprobe {
		a.KernVersion = p.facts.Version() // checked before 5.0
	}
	if p.log != nil {
		a.LogLevel, a.LogSize, a.LogBuf = 1, uint32(len(p.log)), sys.Slice(p.log)
	}
	if set != nil {
		set(&a)
	}
	return sys.ProgLoad(&a)
}

// createMap creates a map.
func (p *prober) createMap(a sys.MapCreateAttr) (*sys.FD, error) {
	if a.TokenFD = p.token(); a.TokenFD != 0 {
		a.Flags |= uapi.FTokenFD
	}
	return sys.MapCreate(&a)
}

// array creates an ARRAY map with one element of 32 bytes, as libbpf's probes do.
func (p *prober) array(flags uapi.MapFlags) (*sys.FD, error) {
	return p.createMap(sys.MapCreateAttr{Type: uapi.MapArray, KeySize: 4, ValueSize: 32,
		MaxEntries: 1, Flags: flags})
}

// btf uploads BTF.
func (p *prober) btf(raw []byte) (*sys.FD, error) {
	a := sys.BTFLoadAttr{BTF: sys.Slice(raw), Size: uint32(len(raw)), TokenFD: p.token()}
	if a.TokenFD != 0 {
		a.Flags = uapi.FBTFTokenFD
	}
	return sys.BTFLoad(&a)
}

// retInsns returns the code of the smallest program: return v.
func retInsns(v int32) []asm.Instruction {
	return []asm.Instruction{asm.Mov64Imm(asm.R0, v), asm.ExitInsn()}
}
