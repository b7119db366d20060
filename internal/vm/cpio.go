//go:build linux

package vm

import (
	"bufio"
	"fmt"
	"io"
	"path"
)

// cpioWriter writes the "newc" archive that the kernel unpacks as its first file system: each entry
// is a header of hexadecimal fields, the name and the content, both padded to 4 bytes, everything
// owned by root.
type cpioWriter struct {
	w     *bufio.Writer
	size  int64
	inode int
	made  map[string]bool // folders written so far
	err   error
}

// File modes of the archive.
const (
	modeFolder  = 0o040755
	modeFile    = 0o100644
	modeProgram = 0o100755
	modeLink    = 0o120777
)

func newCpioWriter(w io.Writer) *cpioWriter {
	return &cpioWriter{w: bufio.NewWriterSize(w, 1<<20), made: map[string]bool{"/": true}}
}

// add writes one entry, preceded by the folders that contain it.
func (c *cpioWriter) add(name string, mode uint32, size int64, content io.Reader) {
	name = path.Clean("/" + name)
	if mode == modeFolder {
		c.folder(name)
		return
	}
	c.folder(path.Dir(name))
	c.entry(name[1:], mode, size, content)
}

func (c *cpioWriter) folder(name string) {
	if c.made[name] {
		return
	}
	c.folder(path.Dir(name))
	c.made[name] = true
	c.entry(name[1:], modeFolder, 0, nil)
}

func (c *cpioWriter) entry(name string, mode uint32, size int64, content io.Reader) {
	if c.err != nil {
		return
	}
	c.inode++
	// inode, mode, uid, gid, links, mtime, file size, device (2), special device (2), name size
	// with its NUL, check (unused)
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		c.inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0)
	c.write(header + name + "\x00")
	c.pad()
	if size > 0 {
		n, err := io.Copy(c.w, io.LimitReader(content, size))
		c.size += n
		if err == nil && n != size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && c.err == nil {
			c.err = fmt.Errorf("initramfs, %s: %w", name, err)
		}
		c.pad()
	}
}

func (c *cpioWriter) write(s string) {
	n, err := c.w.WriteString(s)
	c.size += int64(n)
	if err != nil && c.err == nil {
		c.err = err
	}
}

func (c *cpioWriter) pad() { c.write("\x00\x00\x00"[:(4-c.size%4)%4]) }

// close ends the archive.
func (c *cpioWriter) close() error {
	c.entry("TRAILER!!!", 0, 0, nil)
	if err := c.w.Flush(); c.err == nil {
		c.err = err
	}
	return c.err
}
