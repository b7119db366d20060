package tool

import (
	"fmt"
	"strconv"
	"strings"
)

// TypeName returns the name of a type of the kernel, such as uapi.ProgType, or the number if it has
// none, as bpftool.
func TypeName[T interface {
	~uint32
	fmt.Stringer
}](t T) string {
	if name := t.String(); !strings.HasSuffix(name, ")") {
		return name
	}
	return strconv.FormatUint(uint64(t), 10)
}

// Type writes the name of a type, or the number if it has none.
func Type[T interface {
	~uint32
	fmt.Stringer
}](j *JSON, t T) {
	if name := t.String(); !strings.HasSuffix(name, ")") {
		j.String(name)
	} else {
		j.Uint(uint64(t))
	}
}

// TypeWord returns the name of a type at the start of a line: "type 99" if it has none.
func TypeWord[T interface {
	~uint32
	fmt.Stringer
}](t T) string {
	name := TypeName(t)
	if name[0] >= '0' && name[0] <= '9' {
		return "type " + name
	}
	return name
}
