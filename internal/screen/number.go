package screen

import "strconv"

// Count returns n with at most five digits: 9999, 23.5 k, 1.20 M.
func Count(n uint64) string {
	if n < 10000 {
		return strconv.FormatUint(n, 10)
	}
	return scaled(float64(n))
}

// Rate returns a number a second.
func Rate(r float64) string {
	switch {
	case r == 0:
		return "–"
	case r < 99.95:
		return strconv.FormatFloat(r, 'f', 1, 64)
	case r < 9999.5:
		return strconv.FormatFloat(r, 'f', 0, 64)
	}
	return scaled(r)
}

// scaled returns three digits of a number, and the power of a thousand that they stand for.
func scaled(r float64) string {
	const powers = "kMGTPE"
	i := 0
	for r /= 1000; r >= 999.5 && i < len(powers)-1; i++ {
		r /= 1000
	}
	digits := 0
	switch {
	case r < 9.995:
		digits = 2
	case r < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(r, 'f', digits, 64) + " " + powers[i:i+1]
}
