package input

import (
	"os"
	"syscall"
)

const pipeFS = 0x50495045 // PIPEFS_MAGIC

// isPipe reports whether f is the pipe of another command rather than a FIFO in a directory, which
// may have no writer.
func isPipe(f *os.File) bool {
	var st syscall.Statfs_t
	return syscall.Fstatfs(int(f.Fd()), &st) == nil && uint32(st.Type) == pipeFS
}
