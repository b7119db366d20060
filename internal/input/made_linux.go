package input

import "syscall"

const magicNamespace = 0x6e736673 // NSFS_MAGIC

// madeBy has the file systems whose files the kernel generates when they are read.
var madeBy = [...]struct {
	magic uint32
	name  string
}{
	{0x9fa0, "a file of /proc"},
	{0x62656572, "a file of sysfs"},
	{0x74726163, "a file of tracefs"},
	{0x64626720, "a file of debugfs"},
	{0x73636673, "a file of securityfs"},
	{0x27e0eb, "a file of a cgroup"},
	{0x63677270, "a file of a cgroup"},
	{0xcafe4a11, "a file of a BPF file system"},
}

// Made describes an open file without a size that the kernel generates when it is read: reading it
// may consume data that others wait for. It returns "" for an empty file.
func Made(fd int) string {
	var st syscall.Statfs_t
	if syscall.Fstatfs(fd, &st) != nil {
		return ""
	}
	if uint32(st.Type) == magicNamespace {
		return "a namespace"
	}
	for _, m := range madeBy {
		if m.magic == uint32(st.Type) {
			return m.name + " that the kernel generates when it is read"
		}
	}
	return ""
}
