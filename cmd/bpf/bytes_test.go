package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Oracle: the bytes of each row, read by eye.
func TestAppendBytes(t *testing.T) {
	for _, row := range []struct{ data, want string }{
		{"", ""},
		{"\x01\x02", "0102"},
		{"\x01\x00\x00\x00\x02", "0100000002"},
		{"\x01cat\x00\x00\xff", `01 "cat" 0000ff`},
		{"ab\x00", "616200"},
		{"no NUL behind", `"no NUL behind"`},
		{"\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09", "07 00*10 09"},
		{"cat\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", `"cat" 00*10`},
	} {
		if diff := cmp.Diff(row.want, string(appendBytes(nil, []byte(row.data)))); diff != "" {
			t.Errorf("%q: %s", row.data, diff)
		}
	}
}
