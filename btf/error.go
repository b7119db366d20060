package btf

import (
	"errors"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/printable"
)

// Reasons for refusing BTF, for errors.Is.
var (
	// ErrUnknownKind reports a type of a kind that neither this package nor a kind layout section
	// describes.
	ErrUnknownKind = errors.New("unknown BTF kind")
	// ErrNeedsBase reports split BTF (a module's, or with .BTF.base) without a base.
	ErrNeedsBase = errors.New("split BTF needs its base BTF")
	// ErrBadMagic reports bytes that do not start with BTF's magic number in either byte order.
	ErrBadMagic = errors.New("not BTF")
	// ErrReadOnly reports a header with fields that this package does not know, so that changing
	// the BTF would damage it.
	ErrReadOnly = errors.New("BTF has unknown header fields and cannot be changed")
	// ErrTooBig reports more types, strings, elements or bytes than the format or a size can
	// express.
	ErrTooBig = errors.New("too big")
)

// FormatError says where and why BTF or .BTF.ext is malformed.
type FormatError struct {
	Section string // "header", "types", "strings", "layout", ".BTF.ext", ".BTF.ext func_info", ...
	Offset  uint64 // in bytes, from the start of that section
	Type    ID     // the type with the error, 0 if none
	Msg     string
	Err     error // one of the reasons above, or nil
}

func (e *FormatError) Error() string {
	var b strings.Builder
	b.WriteString("btf: ")
	b.WriteString(e.Section)
	b.WriteString(" at offset ")
	b.WriteString(strconv.FormatUint(e.Offset, 10))
	if e.Type != 0 {
		b.WriteString(", type [")
		b.WriteString(strconv.FormatUint(uint64(e.Type), 10))
		b.WriteString("]")
	}
	b.WriteString(": ")
	b.WriteString(e.Msg)
	if e.Err != nil {
		if e.Msg != "" {
			b.WriteString(": ")
		}
		b.WriteString(printable.Error(e.Err))
	}
	return printable.Text(b.String())
}

// Unwrap returns the reason.
func (e *FormatError) Unwrap() error { return e.Err }
