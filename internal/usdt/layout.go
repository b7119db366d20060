package usdt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/purebpf/bpf/btf"
)

// # The value that a BPF program reads
//
// usdt.bpf.h declares a map of struct __bpf_usdt_spec: where the arguments are, how many there are,
// a cookie. The layout of the struct has changed over time (arguments of 16 bytes, then of 24 with
// an index register), and may change again. So the layout is not fixed here: the type of the map's
// value says where each member is.

// The maps of an object that includes usdt.bpf.h.
const (
	SpecsMap     = "__bpf_usdt_specs"         // by id, a struct __bpf_usdt_spec
	AddressesMap = "__bpf_usdt_ip_to_spec_id" // by address, an id; for kernels without cookies
)

// AddressKey returns the key of AddressesMap for an address in memory: a long of 4 or 8 bytes.
func AddressKey(address uint64, size int) []byte {
	if size == 4 {
		return binary.NativeEndian.AppendUint32(nil, uint32(address))
	}
	return binary.NativeEndian.AppendUint64(nil, address)
}

// Layout is the layout of a struct __bpf_usdt_spec.
type Layout struct {
	size              int
	args, cookie, num field
	stride            int // bytes of an element of args
	count             int // elements of args

	value, kind, reg, signed, shift field // in an element
	index, scale                    field // absent from older headers
}

// field is the position of a member, in bits.
type field struct {
	at, bits int
}

// LayoutOf returns the layout of the type of a map's value.
func LayoutOf(spec *btf.Spec, id btf.ID) (*Layout, error) {
	if spec == nil {
		return nil, fmt.Errorf("the type of its values is not known")
	}
	t := spec.Skip(id)
	size, err := spec.SizeOf(t.ID())
	if err != nil || t.Kind() != btf.KindStruct || size > 1<<16 {
		return nil, fmt.Errorf("its values are of type %v %s, not struct __bpf_usdt_spec",
			t.Kind(), t.Name())
	}
	l := &Layout{size: int(size)}
	elem, ok := btf.Type{}, false
	err = fields(spec, t,
		map[string]*field{"args": &l.args, "usdt_cookie": &l.cookie, "arg_cnt": &l.num},
		func(m btf.Member) {
			if array := spec.Skip(m.Type); m.Name == "args" && array.Kind() == btf.KindArray {
				elem, ok = spec.Skip(array.Array().Elem), true
				l.count = int(array.Array().Nelems)
			}
		})
	if err != nil {
		return nil, err
	}
	if !ok || elem.Kind() != btf.KindStruct {
		return nil, fmt.Errorf("struct %s: args is not an array of structs", t.Name())
	}
	if size, err = spec.SizeOf(elem.ID()); err != nil {
		return nil, err
	}
	l.stride = int(size)
	if l.args.at%8 != 0 || l.args.at/8+l.stride*l.count > l.size {
		return nil, fmt.Errorf("struct %s: %d args of %d bytes don't fit",
			t.Name(), l.count, l.stride)
	}
	err = fields(spec, elem,
		map[string]*field{"val_off": &l.value, "arg_type": &l.kind, "reg_off": &l.reg,
			"arg_signed":   &l.signed,
			"arg_bitshift": &l.shift, "idx_reg_off": &l.index, "scale_bitshift": &l.scale}, nil)
	if err != nil {
		return nil, err
	}
	for _, f := range [...]struct {
		name string
		field
	}{{"args", l.args}, {"usdt_cookie", l.cookie}, {"arg_cnt", l.num}, {"val_off", l.value},
		{"arg_type", l.kind}, {"reg_off", l.reg},
		{"arg_signed", l.signed}, {"arg_bitshift", l.shift}} {
		if f.bits == 0 {
			return nil, fmt.Errorf("struct %s has no member %s", t.Name(), f.name)
		}
	}
	return l, nil
}

// fields sets the positions of the named members of a struct.
func fields(spec *btf.Spec, t btf.Type, want map[string]*field, each func(btf.Member)) error {
	size, err := spec.SizeOf(t.ID())
	if err != nil {
		return err
	}
	for i := range t.Vlen() {
		m := t.Member(i)
		f := want[m.Name]
		if f == nil {
			continue
		}
		bits := uint64(m.BitSize)
		if bits == 0 {
			n, err := spec.SizeOf(m.Type)
			if err != nil {
				return fmt.Errorf("struct %s: member %s: %w", t.Name(), m.Name, err)
			}
			bits = n * 8
		}
		if uint64(m.BitOffset)+bits > size*8 || (bits > 64 && m.Name != "args") {
			return fmt.Errorf("struct %s: member %s of %d bits at bit %d",
				t.Name(), m.Name, bits, m.BitOffset)
		}
		*f = field{int(m.BitOffset), int(bits)}
		if each != nil {
			each(m)
		}
	}
	return nil
}

// Size returns the size of the value in bytes.
func (l *Layout) Size() int { return l.size }

// Encode returns a value for a probe's arguments and cookie.
func (l *Layout) Encode(order binary.ByteOrder, args []Arg, cookie uint64) ([]byte, error) {
	if len(args) > l.count {
		return nil, fmt.Errorf("%d arguments, the object's usdt.bpf.h has room for %d: %w",
			len(args), l.count, errors.ErrUnsupported)
	}
	v := value{make([]byte, l.size), order}
	v.set(0, l.cookie, cookie)
	v.set(0, l.num, uint64(len(args)))
	for i, a := range args {
		base := l.args.at + i*l.stride*8
		v.set(base, l.value, uint64(a.Value))
		v.set(base, l.kind, uint64(a.Kind))
		v.set(base, l.reg, uint64(a.Reg))
		v.set(base, l.shift, uint64(64-8*a.Size))
		if a.Signed {
			v.set(base, l.signed, 1)
		}
		if a.Kind != SIB {
			continue
		}
		if l.index.bits == 0 || l.scale.bits == 0 {
			return nil, fmt.Errorf(
				"argument %d is in memory at two registers, for which the object's usdt.bpf.h is "+
					"too old: %w", i, errors.ErrUnsupported)
		}
		v.set(base, l.index, uint64(a.Index))
		v.set(base, l.scale, uint64(a.Scale))
	}
	return v.data, nil
}

// value is memory whose bits are counted as C compilers count those of bit fields: from the least
// significant bit of the first byte in little-endian order, else from its most significant bit.
type value struct {
	data  []byte
	order binary.ByteOrder
}

func (v value) set(base int, f field, n uint64) {
	big := v.order == binary.ByteOrder(binary.BigEndian)
	for i := range f.bits {
		at, bit := base+f.at+i, i
		if big {
			bit = f.bits - 1 - i
		}
		if n>>bit&1 == 0 {
			continue
		}
		if big {
			v.data[at/8] |= 0x80 >> (at % 8)
		} else {
			v.data[at/8] |= 1 << (at % 8)
		}
	}
}
