package insn

import "testing"

// FuzzFind checks that for any code an offset inside an instruction lies between two others. The
// oracle is the decoder, from the reported start.
func FuzzFind(f *testing.F) {
	f.Add([]byte("\x74\x01\xf0\x0f\xb1\x17\xeb\xf8\xff\x25\x00\x00\x00\x00\x62\xf1\x7c\x48\x28\x07"), uint8(X86_64))
	f.Add([]byte("\x62\x00\xc4\xe2\x79\x18\x06\x67\xa1\x00\x00\x8f\xe9\x78\xe1\xc0"), uint8(X86))
	f.Add([]byte("\xa7\xf4\x00\x03\xc0\xe5\x00\x00\x00\x00\x07\xfe"), uint8(S390X))
	f.Add([]byte("\x63\x04\xb5\x00\x01\xa0\x82\x80\x6f\x00\x00\x00"), uint8(RISCV64))
	f.Add([]byte("\x48\x00\x00\x08\x04\x00\x00\x00\x38\x60\x00\x00\x4e\x80\x00\x20"), uint8(PPC64))
	f.Fuzz(func(t *testing.T, code []byte, set uint8) {
		s := Set(set)
		l := Find(s, code)
		for at := range len(code) + 2 {
			before, after, ok := l.Inside(at)
			if !ok {
				continue
			}
			i, known := s.decoder()(code[before:])
			if !known || before >= at || after <= at || before+i.size != after ||
				after > len(code) {
				t.Fatalf("%d is reported to be between %d and %d, decoded %+v, %v",
					at, before, after, i, known)
			}
		}
	})
}
