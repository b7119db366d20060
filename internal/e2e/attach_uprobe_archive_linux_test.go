package e2e

import (
	"github.com/purebpf/bpf"

	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/kernel"
)

// TestUprobeArchive runs a library's code from its place in a ZIP archive, as Android does, and
// attaches to it there by name and by offset. The oracle is that the code runs: the test maps it
// and calls a C program's function in it.
func TestUprobeArchive(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		testkit.Skip(t, "what the function is made of is known of x86-64 only")
	}
	v := target(t)
	obj := uprobeObject(t, os.Getpid(), "entry", "many")
	raw, err := os.ReadFile(v)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "base.apk")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(file)
	add := func(h *zip.FileHeader) {
		entry, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	const name = "lib/target"
	// Pages of the member are pages of the archive. A local header has 30 bytes.
	add(&zip.FileHeader{Name: name, Method: zip.Store, Extra: make([]byte, 4096-30-len(name))})
	add(&zip.FileHeader{Name: "lib/packed", Method: zip.Deflate})
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	start, err := archive.File[0].DataOffset()
	if err = errors.Join(err, archive.Close()); err != nil || start%4096 != 0 {
		t.Fatal(start, err)
	}

	mapped, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	// add_hidden is a nop and an lea: called as a plain function it needs nothing else.
	at := symbolOffset(t, v, "add_hidden")
	page := (start + int64(at)) &^ 4095
	code, err := unix.Mmap(int(mapped.Fd()), page, 8192, unix.PROT_READ|unix.PROT_EXEC,
		unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(code)
	entry := &code[start+int64(at)-page]
	h := userHitOf(t, obj, "entry")
	for _, c := range []struct {
		symbol string
		offset uint64
	}{{"add_hidden", 0}, {"", at}} {
		*h = userHit{}
		l, err := obj.Program("entry").AttachUprobe(path+"!/lib/target", c.symbol,
			&bpf.UprobeOptions{Offset: c.offset})
		if err != nil {
			t.Fatal(err)
		}
		callCode(entry)
		if h.Count != 1 {
			t.Errorf("%q: ran %d times", c.symbol, h.Count)
		}
		closeLink(t, l)
	}
	if l, err := obj.Program("many").AttachUprobeMulti(path+"!/lib/target",
		"add_h*", nil); err == nil {
		h := userHitOf(t, obj, "many")
		if callCode(entry); h.Count != 1 {
			t.Errorf("multi ran %d times", h.Count)
		}
		closeLink(t, l)
	} else if has, _ := kernel.Running().Has(facts.UprobeMultiLink); has ||
		!errors.Is(err, bpf.ErrNotSupported) {
		t.Error(err)
	}
	for member, want := range map[string]error{"lib/none": bpf.ErrNotExist,
		"lib/packed": bpf.ErrNotSupported} {
		if _, err := obj.Program("entry").AttachUprobe(path+"!/"+member,
			"add_hidden", nil); !errors.Is(err, want) || !strings.Contains(err.Error(), member) {
			t.Errorf("%s: %v", member, err)
		}
	}
	if _, err := obj.Program("entry").AttachUprobe(v+"!/x",
		"add_hidden", nil); !errors.Is(err, syscall.EINVAL) ||
		!strings.Contains(err.Error(), "ZIP") {
		t.Error(err)
	}
}

// callCode calls machine code that uses neither the stack nor registers that Go relies on.
func callCode(code *byte) {
	entry := &struct{ pc uintptr }{uintptr(unsafe.Pointer(code))}
	(*(*func())(unsafe.Pointer(&entry)))()
}
