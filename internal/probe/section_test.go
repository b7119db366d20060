package probe

import (
	"errors"
	"syscall"
	"testing"
)

// TestParseKprobe: the oracle is C's sscanf(text, "%m[a-zA-Z0-9_.]+%li"), by which libbpf reads
// sections; the test has glibc's results. It truncates an offset that doesn't fit, and libbpf
// passes a negative one to the kernel; here both are refused.
func TestParseKprobe(t *testing.T) {
	for _, c := range []struct {
		text, symbol string
		offset       uint64
		rest         string
		bad          bool
	}{
		{text: "do_unlinkat", symbol: "do_unlinkat"},
		{text: "do_unlinkat+8", symbol: "do_unlinkat", offset: 8},
		{text: "do_unlinkat+0x1F", symbol: "do_unlinkat", offset: 31},
		{text: "do_unlinkat+010", symbol: "do_unlinkat", offset: 8},
		{text: "do_unlinkat+-4", bad: true},
		{text: "do_unlinkat++4", symbol: "do_unlinkat", offset: 4},
		{text: "do_unlinkat+0x10 and more", symbol: "do_unlinkat", offset: 16, rest: " and more"},
		{text: "do_unlinkat+x", symbol: "do_unlinkat", rest: "+x"},
		{text: "do_unlinkat+", symbol: "do_unlinkat", rest: "+"},
		{text: "do_unlinkat+08", symbol: "do_unlinkat", rest: "8"},
		{text: "do_unlinkat+ 8", symbol: "do_unlinkat", offset: 8},
		{text: "do_unlinkat +8", symbol: "do_unlinkat", rest: " +8"},
		{text: "do_unlinkat+-0x10", bad: true},
		{text: "do_unlinkat+0xg", symbol: "do_unlinkat", rest: "xg"},
		{text: "name.isra.0+4", symbol: "name.isra.0", offset: 4},
		{text: "dummy:dummy_xmit", symbol: "dummy", rest: ":dummy_xmit"},
		{text: "", bad: true},
		{text: "+4", bad: true},
		{text: "f+99999999999999999999", bad: true},
	} {
		symbol, offset, rest, err := ParseKprobe(c.text)
		if (err != nil) != c.bad {
			t.Errorf("%q: %v", c.text, err)
		}
		if err == nil && (symbol != c.symbol || offset != c.offset || rest != c.rest) {
			t.Errorf("%q: %q %d %q, want %+v", c.text, symbol, offset, rest, c)
		}
		if err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

// TestCutOffset: the oracle is libbpf, which takes strrchr(text, '+') for an offset if
// sscanf("+%li%n") reads all of it; the test has glibc's results. A negative offset is refused.
func TestCutOffset(t *testing.T) {
	for _, c := range []struct {
		text, symbol string
		offset       uint64
		bad          bool
	}{
		{text: "malloc", symbol: "malloc"},
		{text: "malloc+8", symbol: "malloc", offset: 8},
		{text: "malloc+0x1F", symbol: "malloc", offset: 31},
		{text: "malloc+010", symbol: "malloc", offset: 8},
		{text: "malloc+08", symbol: "malloc+08"},
		{text: "malloc+4x", symbol: "malloc+4x"},
		{text: "malloc+", symbol: "malloc+"},
		{text: "malloc+-4", bad: true},
		{text: "malloc+99999999999999999999", bad: true},
		{text: "malloc@GLIBC_2.2.5+4", symbol: "malloc@GLIBC_2.2.5", offset: 4},
		{text: "operator+", symbol: "operator+"},
		{text: "operator++", symbol: "operator++"},
		{text: "operator+(int)", symbol: "operator+(int)"},
		{text: "operator+=+4", symbol: "operator+=", offset: 4},
		{text: "operator+++4", symbol: "operator++", offset: 4},
		{text: "", symbol: ""},
	} {
		symbol, offset, err := CutOffset(c.text)
		if (err != nil) != c.bad || err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%q: %v", c.text, err)
		}
		if err == nil && (symbol != c.symbol || offset != c.offset) {
			t.Errorf("%q: %q %d, want %+v", c.text, symbol, offset, c)
		}
	}
}
