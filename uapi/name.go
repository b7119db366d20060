package uapi

// ObjectName returns the name that the kernel is given for a program or a map: the first 15 bytes,
// with an underscore for each that it refuses, which are all but letters and digits of ASCII, '_'
// and '.'. changed says that a byte was replaced.
func ObjectName(name string) (clean string, changed bool) {
	clean = name[:min(len(name), 15)] // BPF_OBJ_NAME_LEN without the NUL
	for i := range len(clean) {
		if isNameByte(clean[i]) {
			continue
		}
		b := []byte(clean)
		for j := i; j < len(b); j++ {
			if !isNameByte(b[j]) {
				b[j] = '_'
			}
		}
		return string(b), true
	}
	return clean, false
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' ||
		c == '.'
}
