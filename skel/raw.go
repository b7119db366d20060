package skel

import "unsafe"

// Get returns the T in the first bytes of storage, which need not be aligned: C may place a member
// at an address that is not aligned for T.
func Get[T any](storage []byte) T {
	var value T
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&value)), unsafe.Sizeof(value)), storage)
	return value
}

// Set copies value into the first bytes of storage; see [Get].
func Set[T any](storage []byte, value T) {
	copy(storage, unsafe.Slice((*byte)(unsafe.Pointer(&value)), unsafe.Sizeof(value)))
}

// Tail returns the elements of a flexible array, which begins off bytes after the start of a record
// and goes to its end: a copy, without an incomplete element at the end.
func Tail[T any](record []byte, off int) []T {
	size := int(unsafe.Sizeof(*new(T)))
	if len(record) <= off || size == 0 {
		return nil
	}
	list := make([]T, (len(record)-off)/size)
	if len(list) > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), len(list)*size), record[off:])
	}
	return list
}
