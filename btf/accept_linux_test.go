package btf

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle is C libbpf 1.5 (testdata/accept.c) on mutated BTF of corpus objects: Parse and
// Validate together accept the same BTF, with the same number of types.
//
// Inputs with info words whose meaning libbpf has changed since are left out: vlen grew from 16 to
// 24 bits, kind from 5 to 7. Two differences remain: a header length below 24 is an error here (as
// in libbpf 1.8), but libbpf 1.5 accepts it; and libbpf does not check the return type of a
// FUNC_PROTO.
func TestAcceptLibbpf(t *testing.T) {
	testkit.LittleEndian(t)
	seeds, _ := sections(t, 12, 16<<10)
	seeds = append(seeds, seedSpec(), swapSpec(seedSpec()))
	r := rand.New(rand.NewPCG(3, 4))
	var input bytes.Buffer
	var raws [][]byte
	for i := range 20000 {
		raw := mutate(r, seeds[i%len(seeds)])
		raws = append(raws, raw)
		input.Write(host.AppendUint32(nil, uint32(len(raw))))
		input.Write(raw)
	}
	cmd := exec.Command(testkit.LibbpfProgram(t, "testdata/accept.c"))
	cmd.Stdin = &input
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(out))
	accepted, refused := 0, 0
	for i, raw := range raws {
		s, err := Parse(raw, nil)
		got := "0"
		if err == nil {
			if err = s.Validate(); err == nil {
				got = fmt.Sprint(s.Len())
			}
		}
		if got == want[i] {
			if got == "0" {
				refused++
			} else {
				accepted++
			}
			continue
		}
		if newInfo(raw) || len(raw) >= 8 && host.Uint32(raw[4:]) < headerMin {
			continue
		}
		var format *FormatError
		if errors.As(err, &format) && got == "0" &&
			strings.HasPrefix(format.Msg, "FUNC_PROTO refers to type") {
			if typ, _ := s.Type(format.Type); format.Offset == uint64(typ.off)+8 {
				continue
			}
		}
		t.Errorf("input %d: %s types (%v), libbpf says %s", i, got, err, want[i])
	}
	if accepted < 1000 || refused < 1000 {
		t.Errorf("%d accepted and %d refused alike: the mutations do not test much",
			accepted, refused)
	}
}

// newInfo reports whether the types contain info words that libbpf 1.5 reads differently.
func newInfo(raw []byte) bool {
	if len(raw) < headerMin {
		return false
	}
	if host.Uint16(raw) == magicSwap {
		raw = swapSpec(raw)
	}
	start := uint64(host.Uint32(raw[4:])) + uint64(host.Uint32(raw[8:]))
	end := start + uint64(host.Uint32(raw[12:]))
	if end > uint64(len(raw)) {
		return false
	}
	for rec := raw[start:end]; len(rec) >= headSize; {
		info := host.Uint32(rec[4:])
		if info&0x60ff0000 != 0 {
			return true
		}
		row := kinds[info>>24&kindMax]
		n := uint64(row.size) + uint64(info&maxVlen)*uint64(row.elem)
		if row.size == 0 || n > uint64(len(rec)) {
			return false
		}
		rec = rec[n:]
	}
	return false
}
