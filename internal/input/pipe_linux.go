package input

import (
	"os"
	"syscall"
)

const pipeFS = 0x50495045 // PIPEFS_MAGIC

// isPipe tells the pipe of another command from a FIFO in a folder, which may have no writer.
func isPipe(f *os.File) bool {
	var st syscall.Statfs_t
	return syscall.Fstatfs(int(f.Fd()), &st) == nil && uint32(st.Type) == pipeFS
}
