package inspect

import (
	"github.com/purebpf/bpf"
)

// ProgramMemory returns the bytes of memory that a program occupies, which only /proc tells
// (bpftool prog show). No privileges besides the program.
func ProgramMemory(p *bpf.Program) (bytes uint64, err error) {
	err = p.UseFD(func(fd int) error {
		s, err := mapState(fd)
		bytes = s.Memory
		return err
	})
	if err != nil {
		return 0, failed("read memory of program", p.Name(), err)
	}
	return bytes, nil
}
