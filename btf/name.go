package btf

import "strings"

// maxName is the length to which names of types and members are cut. Kernels accept 511 bytes;
// without a limit, 200 thousand types that share one name of 2 MB would keep any loop over names
// busy for minutes.
const maxName = 4096

// cstring cuts s at its first NUL, or at maxName.
func cstring(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

// text returns the string section from off on, "" if off is outside. The name ends at the first
// NUL.
func (s *Spec) text(off uint32) string {
	for off < s.strFirst {
		s = s.base
	}
	if off -= s.strFirst; uint64(off) < uint64(len(s.strs)) {
		return s.strs[off:]
	}
	return ""
}

// str returns the name at off, "" if that is outside.
func (s *Spec) str(off uint32) string {
	if i := off - s.strFirst; off >= s.strFirst && uint64(i) < uint64(len(s.strs)) {
		rest := s.strs[i:]
		if len(rest) > maxName {
			rest = rest[:maxName]
		}
		if n := strings.IndexByte(rest, 0); n >= 0 {
			return rest[:n]
		}
		return rest
	}
	if off < s.strFirst {
		return s.base.str(off)
	}
	return ""
}

// Name returns the string at an offset, including those of the base (libbpf: btf__name_by_offset,
// btf__str_by_offset): a name, a line of source, an access string, of any length. The string is a
// view of the BTF. ok is false if the offset is outside.
func (s *Spec) Name(off uint32) (name string, ok bool) {
	text := s.text(off)
	if i := strings.IndexByte(text, 0); i >= 0 {
		return text[:i], true
	}
	return text, text != "" || off == 0
}

// EssentialName strips the flavour from a name: "task_struct___v5" is another view of "task_struct"
// (libbpf: bpf_core_essential_name_len). A flavour starts at the last three underscores that have
// another character on both sides.
func EssentialName(name string) string {
	for i := len(name) - 5; i >= 0; i-- {
		if name[i] != '_' && name[i+1] == '_' && name[i+2] == '_' && name[i+3] == '_' &&
			name[i+4] != '_' {
			return name[:i+1]
		}
	}
	return name
}
