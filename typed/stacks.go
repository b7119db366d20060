package typed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// Stacks is a map of stack traces (BPF_MAP_TYPE_STACK_TRACE, 4.6), which programs fill with
// bpf_get_stackid.
type Stacks struct{ m *bpf.Map }

// StacksOf returns a typed view of a map of stack traces. kernel.Functions names kernel addresses.
func StacksOf(m *bpf.Map) (*Stacks, error) {
	if err := ofKind(m, uapi.MapStackTrace); err != nil {
		return nil, err
	}
	return &Stacks{m}, nil
}

// Map returns the map itself.
func (s *Stacks) Map() *bpf.Map {
	if s == nil {
		return nil
	}
	return s.m
}

// frame returns the size of an entry of a trace.
func (s *Stacks) frame() int {
	if s.Map().Flags()&uapi.FStackBuildID != 0 {
		return 32
	}
	return 8
}

// Addresses returns the return addresses of a trace, the innermost first. id is what
// bpf_get_stackid returned: if it is negative, the error says why there is no trace. ErrNotExist if
// the id is not there.
func (s *Stacks) Addresses(id int32) ([]uint64, error) {
	if s.frame() != 8 {
		return nil, refuse(s.m, "look up in map", fmt.Errorf("it has build ids instead of "+
			"addresses; use BuildIDs: %w", syscall.EINVAL))
	}
	value, err := s.lookup(id)
	if err != nil {
		return nil, err
	}
	var list []uint64
	for ; len(value) >= 8; value = value[8:] {
		addr := binary.NativeEndian.Uint64(value)
		if addr == 0 {
			break
		}
		list = append(list, addr)
	}
	return list, nil
}

// BuildID is an entry of a trace in a map with BPF_F_STACK_BUILD_ID: an offset in the file with
// that build id or, where the kernel found none, an address.
type BuildID struct {
	ID      [20]byte // all zero with Address
	Offset  uint64
	Address uint64
}

// BuildIDs is Addresses for maps with BPF_F_STACK_BUILD_ID (4.17).
func (s *Stacks) BuildIDs(id int32) ([]BuildID, error) {
	if s.frame() != 32 {
		return nil, refuse(s.Map(), "look up in map", fmt.Errorf("it has addresses instead of "+
			"build ids; use Addresses: %w", syscall.EINVAL))
	}
	value, err := s.lookup(id)
	if err != nil {
		return nil, err
	}
	var list []BuildID
	for ; len(value) >= 32; value = value[32:] { // struct bpf_stack_build_id
		number := binary.NativeEndian.Uint64(value[24:])
		switch binary.NativeEndian.Uint32(value) {
		case 1: // BPF_STACK_BUILD_ID_VALID
			list = append(list, BuildID{ID: [20]byte(value[4:24]), Offset: number})
		case 2: // BPF_STACK_BUILD_ID_IP
			list = append(list, BuildID{Address: number})
		default:
			return list, nil
		}
	}
	return list, nil
}

func (s *Stacks) lookup(id int32) ([]byte, error) {
	if id < 0 && s.Map() != nil {
		errno := syscall.Errno(-int64(id))
		err := fmt.Errorf("bpf_get_stackid returned %d instead of an id: %w", id, errno)
		switch {
		case errors.Is(errno, syscall.EEXIST):
			err = fmt.Errorf("%w: another trace has its place; use more entries, or the flag "+
				"BPF_F_REUSE_STACKID", err)
		case errors.Is(errno, syscall.EFAULT):
			err = fmt.Errorf("%w: there was no stack of that kind", err)
		}
		return nil, refuse(s.m, "look up in map", err)
	}
	return s.Map().LookupBytes(binary.NativeEndian.AppendUint32(nil, uint32(id)))
}

// Delete removes a trace, which makes room for another. ErrNotExist if the id is not there.
func (s *Stacks) Delete(id int32) error {
	return s.Map().Delete(binary.NativeEndian.AppendUint32(nil, uint32(id)))
}
