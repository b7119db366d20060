package uapi

// ObjectName returns the name of a program or map in the kernel: the first 15 bytes, with an
// underscore for each byte that the kernel refuses, which are all except ASCII letters and digits,
// '_' and '.'. changed reports whether a byte was replaced.
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
