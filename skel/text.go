package skel

import (
	"bytes"
	"fmt"

	"github.com/purebpf/bpf"
)

// Text returns an array of char as a string: up to the first NUL, or all of it.
func Text(array []byte) string {
	if end := bytes.IndexByte(array, 0); end >= 0 {
		array = array[:end]
	}
	return string(array)
}

// SetText sets an array of char to a string and the rest of it to NUL. [bpf.ErrTooBig] if the
// string is longer than the array; one that fills it has no NUL at the end.
func SetText(array []byte, s string) error {
	if len(s) > len(array) {
		return fmt.Errorf("skel: a text of %d bytes for an array of %d: %w",
			len(s), len(array), bpf.ErrTooBig)
	}
	clear(array[copy(array, s):])
	return nil
}
