package skel

// Bool is C's bool in memory that programs share. Go's bool allows only the bytes 0 and 1, but
// nothing guarantees that a program writes no others.
type Bool uint8

// The values of a Bool.
const (
	False Bool = 0
	True  Bool = 1
)

// BoolOf returns b as a Bool.
func BoolOf(b bool) Bool {
	if b {
		return True
	}
	return False
}

// True reports whether b is not 0.
func (b Bool) True() bool { return b != False }

// Set sets b.
func (b *Bool) Set(value bool) { *b = BoolOf(value) }

// String returns "true" or "false".
func (b Bool) String() string {
	if b.True() {
		return "true"
	}
	return "false"
}
