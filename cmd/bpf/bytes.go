package main

import (
	"encoding/hex"
	"strconv"
)

// appendBytes appends bytes of unknown meaning in readable form: hexadecimal, text in quotes, long
// runs of zeros counted.
func appendBytes(dst, data []byte) []byte {
	const (
		minText  = 3 // with the NUL behind it, or minWord without
		minWord  = 6
		minZeros = 9
	)
	spaced := func() {
		if n := len(dst); n > 0 && dst[n-1] != ' ' {
			dst = append(dst, ' ')
		}
	}
	start := len(dst)
	flushed := 0
	flush := func(end int) {
		if end > flushed {
			if len(dst) > start {
				spaced()
			}
			dst = hex.AppendEncode(dst, data[flushed:end])
		}
	}
	for i := 0; i < len(data); {
		zeros, text := i, i
		for zeros < len(data) && data[zeros] == 0 {
			zeros++
		}
		for text < len(data) && data[text] >= ' ' && data[text] <= '~' {
			text++
		}
		switch {
		case zeros-i >= minZeros:
			flush(i)
			if len(dst) > start {
				spaced()
			}
			dst = strconv.AppendInt(append(dst, "00*"...), int64(zeros-i), 10)
			i, flushed = zeros, zeros
		case text-i >= minWord || text-i >= minText && text < len(data) && data[text] == 0:
			flush(i)
			if len(dst) > start {
				spaced()
			}
			dst = strconv.AppendQuote(dst, string(data[i:text]))
			i, flushed = text, text
		default:
			i = max(zeros, text, i+1)
		}
	}
	flush(len(data))
	return dst
}
