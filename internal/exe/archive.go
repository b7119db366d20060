package exe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/purebpf/bpf/internal/elf64"
)

// # Members of ZIP archives
//
// Android maps libraries directly from APK files, where they are stored without compression. A ZIP
// file is read from its end: a record there (which a comment of up to 64 KiB may follow) says where
// the list of members is, and each entry of the list gives the position of its member's own header,
// which precedes the bytes.

const (
	zipEndSize    = 22
	zipEntrySize  = 46
	zipHeaderSize = 30
	zipCommentMax = 1<<16 - 1

	zipEncrypted = 1 << 0
)

// Member returns where a member's bytes are in a ZIP archive of size bytes in r. The error wraps
// fs.ErrNotExist if there is no member of that name, and errors.ErrUnsupported if the archive or
// the member is of a kind that cannot be mapped (compressed, encrypted, ZIP64, several disks); it
// is an *elf64.FormatError if r is not a ZIP archive.
func Member(r io.ReaderAt, size int64, name string) (offset, length int64, err error) {
	if size >= 1<<32 {
		return 0, 0, fmt.Errorf("an archive of %d bytes, 4 GiB and more: %w",
			size, errors.ErrUnsupported)
	}
	list, count, err := zipList(r, size)
	if err != nil {
		return 0, 0, err
	}
	le := binary.LittleEndian
	for at := list.start; count > 0; count-- {
		entry := list.data[min(at-list.start, int64(len(list.data))):]
		if len(entry) < zipEntrySize || le.Uint32(entry) != 0x02014b50 {
			return 0, 0, zipError(at, "no entry of the list of members")
		}
		n := int64(le.Uint16(entry[28:]))
		if int64(len(entry)) < zipEntrySize+n {
			return 0, 0, zipError(at, "the name of a member reaches past the list")
		}
		if string(entry[zipEntrySize:zipEntrySize+n]) == name {
			return zipMember(r, size, name, entry)
		}
		at += zipEntrySize + n + int64(le.Uint16(entry[30:])) + int64(le.Uint16(entry[32:]))
	}
	return 0, 0, fmt.Errorf("the archive has no member %s: %w", name, fs.ErrNotExist)
}

type zipDirectory struct {
	data  []byte
	start int64
}

// zipList returns the list of members.
func zipList(r io.ReaderAt, size int64) (list zipDirectory, count int, err error) {
	tail := make([]byte, min(size, zipEndSize+zipCommentMax))
	first := size - int64(len(tail))
	if err := readAt(r, tail, first); err != nil {
		return list, 0, err
	}
	le := binary.LittleEndian
	for at := len(tail) - zipEndSize; ; at-- {
		if at < 0 {
			return list, 0, zipError(size, "not a ZIP archive: its end record is missing")
		}
		end := tail[at:]
		if !bytes.HasPrefix(end, []byte("PK\x05\x06")) ||
			zipEndSize+int(le.Uint16(end[20:])) != len(end) {
			continue
		}
		entries, bytes, start := le.Uint16(end[10:]), int64(le.Uint32(end[12:])),
			int64(le.Uint32(end[16:]))
		switch {
		case entries == 0xffff || bytes == 0xffffffff || start == 0xffffffff:
			return list, 0, fmt.Errorf("a ZIP64 archive: %w", errors.ErrUnsupported)
		case le.Uint16(end[4:]) != 0 || le.Uint16(end[6:]) != 0 || le.Uint16(end[8:]) != entries:
			return list, 0, fmt.Errorf("an archive on several disks: %w", errors.ErrUnsupported)
		case bytes > tableMax:
			return list, 0, zipError(first+int64(at),
				fmt.Sprintf("a list of members of %d bytes, more than the limit of %d",
					bytes, tableMax))
		case start > first+int64(at) || bytes > first+int64(at)-start:
			return list, 0, zipError(first+int64(at),
				fmt.Sprintf("a list of members of %d bytes at %#x doesn't fit", bytes, start))
		}
		list = zipDirectory{data: make([]byte, bytes), start: start}
		return list, int(entries), readAt(r, list.data, start)
	}
}

// zipMember returns the position of the bytes of the member that an entry of the list describes.
func zipMember(r io.ReaderAt, size int64, name string,
	entry []byte) (offset, length int64, err error) {
	le := binary.LittleEndian
	flags, method := le.Uint16(entry[8:]), le.Uint16(entry[10:])
	packed, length, at := int64(le.Uint32(entry[20:])), int64(le.Uint32(entry[24:])),
		int64(le.Uint32(entry[42:]))
	switch {
	case method != 0:
		return 0, 0, fmt.Errorf(
			"member %s is compressed, so it cannot be mapped from the archive: %w",
			name, errors.ErrUnsupported)
	case flags&zipEncrypted != 0:
		return 0, 0, fmt.Errorf("member %s is encrypted: %w", name, errors.ErrUnsupported)
	case packed != length:
		return 0, 0, zipError(at,
			fmt.Sprintf("member %s is not compressed but has %d bytes instead of %d",
				name, packed, length))
	}
	header := make([]byte, zipHeaderSize)
	if at > size-zipHeaderSize {
		return 0, 0, zipError(at, "the header of member "+name+" is past the end")
	}
	if err := readAt(r, header, at); err != nil {
		return 0, 0, err
	}
	if le.Uint32(header) != 0x04034b50 {
		return 0, 0, zipError(at, "member "+name+" has no header")
	}
	offset = at + zipHeaderSize + int64(le.Uint16(header[26:])) + int64(le.Uint16(header[28:]))
	if offset > size || length > size-offset {
		return 0, 0, zipError(at,
			fmt.Sprintf("the %d bytes of member %s reach past the end", length, name))
	}
	return offset, length, nil
}

func zipError(at int64, msg string) error {
	return &elf64.FormatError{Offset: uint64(at), Msg: msg}
}

// readAt fills b.
func readAt(r io.ReaderAt, b []byte, off int64) error {
	if n, err := r.ReadAt(b, off); n < len(b) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read %d bytes at file offset %#x: %w", len(b), off, err)
	}
	return nil
}
