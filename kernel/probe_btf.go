package kernel

import (
	"encoding/binary"
	"errors"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/sys"
)

// Words of handmade BTF: each type is a line of 32-bit words, name offset first. The kind is in
// bits 24 to 28 of the second word.
const (
	kindInt       = 1 << 24
	kindPtr       = 2 << 24
	kindStruct    = 4 << 24
	kindFunc      = 12 << 24
	kindFuncProto = 13 << 24
	kindVar       = 14 << 24
	kindDatasec   = 15 << 24
	kindFloat     = 16 << 24
	kindDeclTag   = 17 << 24
	kindTypeTag   = 18 << 24
	kindEnum64    = 19 << 24

	signedInt32 = 1<<24 | 32 // encoding of an int
)

var native = binary.NativeEndian

const btfMagic = 0xeb9f

// rawBTF returns BTF made of types and a string section; strings starts and ends with a NUL.
func rawBTF(types []uint32, strings string) []byte { return appendBTF(24, types, nil, strings) }

// appendBTF returns BTF with a header of 24 bytes, or of 32 with a layout section after the types.
func appendBTF(header int, types []uint32, layout []byte, strings string) []byte {
	b := make([]byte, header, header+4*len(types)+len(layout)+len(strings))
	typeLen := uint32(4 * len(types))
	native.PutUint16(b, btfMagic)
	b[2] = 1 // version
	native.PutUint32(b[4:], uint32(header))
	native.PutUint32(b[12:], typeLen)
	native.PutUint32(b[16:], typeLen+uint32(len(layout)))
	native.PutUint32(b[20:], uint32(len(strings)))
	if header >= 32 {
		native.PutUint32(b[24:], typeLen)
		native.PutUint32(b[28:], uint32(len(layout)))
	}
	for _, w := range types {
		b = native.AppendUint32(b, w)
	}
	b = append(b, layout...)
	return append(b, strings...)
}

// int32Type is type 1 of most blobs: int.
var int32Type = [...]uint32{1, kindInt, 4, signedInt32}

func withInt(more ...uint32) []uint32 {
	return append(int32Type[:len(int32Type):len(int32Type)], more...)
}

func (p *prober) hasBTF(raw []byte) (bool, error) { return made(p.btf(raw)) }

func probeBTF(p *prober) (bool, error) {
	return p.hasBTF(rawBTF(withInt(), "\x00int\x00"))
}

func probeBTFFunc(p *prober) (bool, error) {
	return p.hasBTF(rawBTF(withInt(
		0, kindFuncProto|1, 0, 7, 1, // [2] void (int a)
		5, kindFunc, 2, // [3] static x
	), "\x00int\x00x\x00a\x00"))
}

func probeBTFGlobalFunc(p *prober) (bool, error) {
	return p.hasBTF(rawBTF(withInt(
		0, kindFuncProto|1, 0, 7, 1, // [2] void (int a)
		5, kindFunc|1, 2, // [3] global x
	), "\x00int\x00x\x00a\x00"))
}

func probeBTFDatasec(p *prober) (bool, error) {
	return p.hasBTF(rawBTF(withInt(
		5, kindVar, 1, 0, // [2] static int x
		7, kindDatasec|1, 4, 2, 0, 4, // [3] .data
	), "\x00int\x00x\x00.data\x00"))
}

func probeBTFQmarkDatasec(p *prober) (bool, error) {
	return p.hasBTF(rawBTF(withInt(
		5, kindVar, 1, 0, // [2] static int x
		7, kindDatasec|1, 4, 2, 0, 4, // [3] ?.data
	), "\x00int\x00x\x00?.data\x00"))
}

func probeBTFFloat(p *prober) (bool, error) {
	return p.hasBTF(rawBTF([]uint32{1, kindFloat, 4}, "\x00float\x00"))
}

func probeBTFDeclTag(p *prober) (bool, error) {
	return p.hasBTF(rawBTF(withInt(
		5, kindVar, 1, 0, // [2] static int x
		7, kindDeclTag, 2, ^uint32(0), // [3] tag of x
	), "\x00int\x00x\x00tag\x00"))
}

func probeBTFTypeTag(p *prober) (bool, error) {
	return p.hasBTF(rawBTF(withInt(
		5, kindTypeTag, 1, // [2] tag
		0, kindPtr, 2, // [3] int tag *
	), "\x00int\x00tag\x00"))
}

func probeBTFEnum64(p *prober) (bool, error) {
	return p.hasBTF(rawBTF([]uint32{1, kindEnum64 | 1, 8, 8, 0, 0}, "\x00enum64\x00a\x00"))
}

// btfKindFeatures are the features that allKindsBTF proves.
var btfKindFeatures = [...]facts.Feature{
	facts.BTFLoad, facts.BTFFunc, facts.BTFGlobalFunc, facts.BTFDatasec, facts.BTFQmarkDatasec,
	facts.BTFFloat, facts.BTFDeclTag,
	facts.BTFTypeTag, facts.BTFEnum64,
}

// allKindsBTF returns BTF with all types of the probes above.
func allKindsBTF() []byte {
	return rawBTF(withInt(
		0, kindFuncProto|1, 0, 7, 1, // [2] void (int a)
		5, kindFunc, 2, // [3] static x
		9, kindFunc|1, 2, // [4] global y
		5, kindVar, 1, 0, // [5] static int x
		11, kindDatasec|1, 4, 5, 0, 4, // [6] .data
		5, kindVar, 1, 0, // [7] static int x
		17, kindDatasec|1, 4, 7, 0, 4, // [8] ?.data
		24, kindFloat, 4, // [9] float
		30, kindDeclTag, 5, ^uint32(0), // [10] tag of x
		30, kindTypeTag, 1, // [11] tag
		0, kindPtr, 11, // [12] int tag *
		34, kindEnum64|1, 8, 7, 0, 0, // [13] enum64
	), "\x00int\x00x\x00a\x00y\x00.data\x00?.data\x00float\x00tag\x00enum64\x00")
}

// btfLayout has for each kind the number of bytes after the 12 of a type, and the number of bytes
// of each element.
var btfLayout = [20][2]byte{
	1:  {4, 0},  // INT
	3:  {12, 0}, // ARRAY
	4:  {0, 12}, // STRUCT
	5:  {0, 12}, // UNION
	6:  {0, 8},  // ENUM
	13: {0, 8},  // FUNC_PROTO
	14: {4, 0},  // VAR
	15: {0, 12}, // DATASEC
	17: {4, 0},  // DECL_TAG
	19: {0, 12}, // ENUM64
}

func probeBTFLayout(p *prober) (bool, error) {
	var layout []byte
	for _, kind := range btfLayout {
		layout = append(layout, kind[0], kind[1], 0, 0)
	}
	return p.hasBTF(appendBTF(32, withInt(), layout, "\x00int\x00"))
}

// probeModuleBTF asks for the name of a BTF object, which came with module BTF.
func probeModuleBTF(p *prober) (bool, error) {
	fd, err := p.btf(rawBTF(withInt(), "\x00int\x00"))
	if err != nil {
		return noIfRefused(err)
	}
	defer fd.Close()
	_, _, err = sys.NamedBTFInfoByFD(fd.Int())
	switch {
	case err == nil:
		return true, nil
	case refused(err), errors.Is(err, syscall.EBADF):
		return false, nil
	}
	return false, err
}

// argCtxTagBTF describes two functions, int a(void *a) and a global int b(void *a) whose argument
// has the tag arg:ctx.
func argCtxTagBTF() []byte {
	return rawBTF(withInt(
		0, kindPtr, 0, // [2] void *
		0, kindFuncProto|1, 1, 5, 2, // [3] int (void *a)
		5, kindFunc|1, 3, // [4] a
		7, kindFunc|1, 3, // [5] b
		9, kindDeclTag, 5, 0, // [6] arg:ctx of b's first argument
	), "\x00int\x00a\x00b\x00arg:ctx\x00")
}
