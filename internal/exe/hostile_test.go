package exe_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/elf64"
	"github.com/purebpf/bpf/internal/exe"
)

// archive returns a ZIP archive with one stored and one compressed member, and a comment.
func archive(t testing.TB, comment string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, method := range map[string]uint16{"lib/a.so": zip.Store, "lib/b.so": zip.Deflate} {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(strings.Repeat(name, 100))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.SetComment(comment), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMember finds members. The oracle is package archive/zip, which wrote them.
func TestMember(t *testing.T) {
	for _, comment := range []string{"", "a comment", strings.Repeat("PK", 32767)} {
		raw := archive(t, comment)
		z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			at, n, err := exe.Member(bytes.NewReader(raw), int64(len(raw)), f.Name)
			if f.Method != zip.Store {
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%s: %v", f.Name, err)
				}
				continue
			}
			want, offsetErr := f.DataOffset()
			if err != nil || offsetErr != nil || at != want || n != int64(f.UncompressedSize64) {
				t.Errorf("%s: %d bytes at %d, want %d at %d; %v",
					f.Name, n, at, f.UncompressedSize64, want, err)
			}
		}
		if _, _, err := exe.Member(bytes.NewReader(raw), int64(len(raw)), "lib"); !errors.Is(err,
			fs.ErrNotExist) {
			t.Error(err)
		}
		// Truncated anywhere, it is not an archive: reading starts at the end.
		for n := 0; n < len(raw); n += 1 + len(raw)/500 {
			if _, _, err := exe.Member(bytes.NewReader(raw[:n]), int64(n), "lib/a.so"); err == nil {
				t.Errorf("%d of %d bytes are an archive", n, len(raw))
			}
		}
	}
	var format *elf64.FormatError
	if _, _, err := exe.Member(bytes.NewReader(make([]byte, 1000)), 1000, "x"); !errors.As(err,
		&format) {
		t.Error(err)
	}
}

// FuzzMember checks that a member is within the archive, whatever its content.
func FuzzMember(f *testing.F) {
	f.Add(archive(f, ""))
	f.Add(archive(f, "comment"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		at, n, err := exe.Member(bytes.NewReader(raw), int64(len(raw)), "lib/a.so")
		if err == nil && (at < 0 || n < 0 || at+n > int64(len(raw))) {
			t.Fatalf("%d bytes at %d of %d", n, at, len(raw))
		}
	})
}

// tiny returns a handmade library: one dynamic symbol "f" with version "V" in a section at 0x1000,
// which is at offset 0x40 of the file. The layout is that of the ELF specification.
func tiny() []byte {
	put := func(b []byte, n int, v uint64) {
		for i := range n {
			b[i] = byte(v >> (8 * i))
		}
	}
	section := func(b []byte, kind, addr, offset, size, link, entSize uint64) {
		put(b[4:], 4, kind)
		put(b[16:], 8, addr)
		put(b[24:], 8, offset)
		put(b[32:], 8, size)
		put(b[40:], 4, link)
		put(b[56:], 8, entSize)
	}
	raw := make([]byte, 0x200+6*64)
	copy(raw, "\x7fELF\x02\x01\x01")
	put(raw[16:], 2, 3)
	put(raw[18:], 2, 62)
	put(raw[40:], 8, 0x200)
	put(raw[58:], 2, 64)
	put(raw[60:], 2, 6)
	put(raw[62:], 2, 3)
	sym := raw[0x80+24:]
	put(sym, 4, 1)
	sym[4] = 0x12
	put(sym[6:], 2, 1)
	put(sym[8:], 8, 0x1008)
	copy(raw[0x100:], "\x00f\x00V\x00")
	put(raw[0x140+2:], 2, 0x8002)
	def := raw[0x160:]
	put(def, 2, 1)
	put(def[4:], 2, 2)
	put(def[6:], 2, 1)
	put(def[12:], 4, 20)
	put(def[20:], 4, 3)
	section(raw[0x240:], 1, 0x1000, 0x40, 0x40, 0, 0)
	section(raw[0x280:], 11, 0, 0x80, 48, 3, 24)
	section(raw[0x2c0:], 3, 0, 0x100, 5, 0, 0)
	section(raw[0x300:], 0x6fffffff, 0, 0x140, 4, 2, 2)
	section(raw[0x340:], 0x6ffffffd, 0, 0x160, 28, 3, 0)
	return raw
}

// TestTiny reads the handmade library, whose content is known.
func TestTiny(t *testing.T) {
	raw := tiny()
	f, err := exe.Read(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f@V", "f@@V"} {
		if at, err := f.Function(name); err != nil || at != 0x48 {
			t.Errorf("%s: %#x, %v", name, at, err)
		}
	}
	if at, err := f.Function("f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the only version is hidden: %#x, %v", at, err)
	}
}

// FuzzFunction checks that functions are within the file, whatever its content.
func FuzzFunction(f *testing.F) {
	f.Add(tiny())
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := exe.Read(io.NewSectionReader(bytes.NewReader(raw), 0, int64(len(raw))),
			int64(len(raw)))
		if err != nil {
			return
		}
		var found []uint64
		for _, name := range []string{"f", "f@V", "f@@W", ""} {
			if at, err := file.Function(name); err == nil {
				found = append(found, at)
			}
			file.Soname()
			if list, err := file.Named(name); err == nil {
				found = append(found, list...)
			}
		}
		all, _ := file.Match(func([]byte) bool { return true })
		for _, at := range append(found, all...) {
			if at >= uint64(len(raw)) {
				t.Fatalf("offset %#x of %d bytes", at, len(raw))
			}
			err := file.CheckOffsets(at+1, at, 1<<63, at+2, at)
			var inside *exe.InsideError
			if err != nil && (!errors.As(err, &inside) || inside.Before >= inside.Offset ||
				inside.After <= inside.Offset) {
				t.Fatal(err)
			}
		}
	})
}
