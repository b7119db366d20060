package btf

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/purebpf/bpf/internal/printable"
)

// bitRange is the position of a scalar in a window, in bits from its start.
type bitRange struct {
	off, size uint32
}

// end returns the offset of the first byte after it.
func (f bitRange) end() uint64 { return (uint64(f.off) + uint64(f.size) + 7) / 8 }

// bits returns the position of a scalar type's value within its own bytes.
func (p *printer) bits(t Type) bitRange {
	switch t.Kind() {
	case KindInt:
		return bitRange{uint32(t.IntOffset()), uint32(t.IntBits())}
	case KindPtr:
		return bitRange{0, 8 * p.spec.PointerSize()}
	}
	return bitRange{0, 8 * min(t.Size(), 32)}
}

// field returns the position of a scalar member within its struct; ok is false if the member is not
// a scalar.
func (p *printer) field(m Member, t Type) (f bitRange, ok bool) {
	switch t.Kind() {
	case KindInt, KindPtr, KindEnum, KindEnum64, KindFloat:
	default:
		return f, false
	}
	f = p.bits(t)
	f.off += m.BitOffset
	if m.BitSize != 0 {
		f.size = m.BitSize
	}
	return f, true
}

// uint128 is the widest integer of the format.
type uint128 struct{ hi, lo uint64 }

// load reads up to 128 bits. Bit fields count from the least significant bit of the first byte in
// little-endian data, from the most significant in big-endian data.
func load(data []byte, f bitRange, order binary.ByteOrder) (v uint128, ok bool) {
	if f.size > 128 || f.end() > uint64(len(data)) {
		return v, false
	}
	data = data[f.off/8 : f.end()]
	skip := f.off % 8 // bits to drop at the low end
	little := order == binary.ByteOrder(binary.LittleEndian)
	if !little {
		skip = uint32(len(data))*8 - skip - f.size
	}
	if len(data) > 16 {
		return loadWide(data, f, skip, little), true
	}
	for i := range data {
		b := data[i]
		if little {
			b = data[len(data)-1-i]
		}
		v.hi = v.hi<<8 | v.lo>>56
		v.lo = v.lo<<8 | uint64(b)
	}
	return v.shift(skip).mask(f.size), true
}

// loadWide is load for a range that spans 17 bytes.
func loadWide(data []byte, f bitRange, skip uint32, little bool) (v uint128) {
	for i := range f.size {
		at := skip + i // counted from the least significant bit of all
		b := data[len(data)-1-int(at/8)]
		if little {
			b = data[at/8]
		}
		bit := uint64(b>>(at%8)) & 1
		if i < 64 {
			v.lo |= bit << i
		} else {
			v.hi |= bit << (i - 64)
		}
	}
	return v
}

func (v uint128) shift(n uint32) uint128 {
	return uint128{v.hi >> n, v.lo>>n | v.hi<<(64-n)}
}

func (v uint128) mask(n uint32) uint128 {
	switch {
	case n < 64:
		return uint128{0, v.lo & (1<<n - 1)}
	case n < 128:
		return uint128{v.hi & (1<<(n-64) - 1), v.lo}
	}
	return v
}

func allZeroBits(data []byte, f bitRange, order binary.ByteOrder) bool {
	v, ok := load(data, f, order)
	return ok && v == uint128{}
}

// scalar prints an integer, pointer, enum or floating-point number.
func (p *printer) scalar(t Type, data []byte, f bitRange) {
	v, ok := load(data, f, p.order)
	if !ok {
		if f.size > 128 {
			p.none(fmt.Errorf("type [%d] has %d bits: %w", t.ID(), f.size, ErrTooBig))
		} else {
			p.none(ErrTruncated)
		}
		return
	}
	switch t.Kind() {
	case KindPtr:
		if p.json {
			p.dst = strconv.AppendUint(p.dst, v.lo, 10)
		} else {
			p.hex(v)
		}
	case KindEnum, KindEnum64:
		p.enum(t, v, f.size)
	case KindFloat:
		p.float(v, f.size)
	default:
		p.integer(t, v, f.size)
	}
}

func (p *printer) hex(v uint128) {
	p.text("0x")
	if v.hi != 0 {
		p.dst = strconv.AppendUint(p.dst, v.hi, 16)
		for n := 60; n >= 0; n -= 4 {
			p.dst = append(p.dst, "0123456789abcdef"[v.lo>>n&15])
		}
		return
	}
	p.dst = strconv.AppendUint(p.dst, v.lo, 16)
}

// signed sign-extends a value of that many bits to 64.
func (v uint128) signed(bits uint32) int64 {
	if bits == 0 || bits >= 64 {
		return int64(v.lo)
	}
	return int64(v.lo<<(64-bits)) >> (64 - bits)
}

func (p *printer) integer(t Type, v uint128, bits uint32) {
	enc := t.IntEncoding()
	switch {
	case bits > 64:
		p.quoted(func() { p.hex(v) })
	case enc&Bool != 0 && v.lo <= 1:
		p.dst = strconv.AppendBool(p.dst, v.lo == 1)
	case isChar(t) && !p.json && v.lo >= ' ' && v.lo < 0x7f:
		p.dst = strconv.AppendQuoteRuneToASCII(p.dst, rune(v.lo))
	case enc&Signed != 0:
		p.dst = strconv.AppendInt(p.dst, v.signed(bits), 10)
	default:
		p.dst = strconv.AppendUint(p.dst, v.lo, 10)
	}
}

// quoted writes as a string what JSON cannot express as a number.
func (p *printer) quoted(write func()) {
	if p.json {
		p.dst = append(p.dst, '"')
	}
	write()
	if p.json {
		p.dst = append(p.dst, '"')
	}
}

func (p *printer) enum(t Type, v uint128, bits uint32) {
	signed := v.signed(bits)
	for i := range t.Vlen() {
		if p.steps--; p.steps < 0 {
			break
		}
		n := t.enumValue(i)
		if n != signed && (t.KFlag() || uint64(n) != v.lo) {
			continue
		}
		name := t.Enumerator(i).Name
		if p.json {
			p.dst = appendJSONString(p.dst, []byte(name))
		} else {
			p.text(printable.Text(name))
		}
		return
	}
	if t.KFlag() {
		p.dst = strconv.AppendInt(p.dst, signed, 10)
	} else {
		p.dst = strconv.AppendUint(p.dst, v.lo, 10)
	}
}

// float prints IEEE 754 numbers of 2, 4 and 8 bytes; wider formats differ between machines and are
// printed as bytes.
func (p *printer) float(v uint128, bits uint32) {
	var f float64
	width := 64
	switch bits {
	case 16:
		f = half(uint16(v.lo))
		width = 32
	case 32:
		f = float64(math.Float32frombits(uint32(v.lo)))
		width = 32
	case 64:
		f = math.Float64frombits(v.lo)
	default:
		p.quoted(func() { p.hex(v) })
		return
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		p.quoted(func() { p.dst = strconv.AppendFloat(p.dst, f, 'g', -1, width) })
		return
	}
	p.dst = strconv.AppendFloat(p.dst, f, 'g', -1, width)
}

// half converts an IEEE 754 binary16.
func half(h uint16) float64 {
	sign := 1.0
	if h>>15 != 0 {
		sign = -1
	}
	exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 0x1f:
		if frac == 0 {
			return math.Inf(int(sign))
		}
		return math.NaN()
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// string prints an array of char up to its NUL.
func (p *printer) string(data []byte) {
	for i, b := range data {
		if b == 0 {
			data = data[:i]
			break
		}
	}
	if p.json {
		p.dst = appendJSONString(p.dst, data)
		return
	}
	p.dst = strconv.AppendQuote(p.dst, string(data))
}

// appendJSONString quotes text for JSON; bytes that are not UTF-8 become U+FFFD.
func appendJSONString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for len(text) > 0 {
		c := text[0]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c < ' ' || c == 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRune(text)
			dst = utf8.AppendRune(dst, r)
			text = text[n:]
			continue
		}
		text = text[1:]
	}
	return append(dst, '"')
}
