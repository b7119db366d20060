package inspect

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/uapi"
)

// CgroupHook is a hook of a cgroup with its programs.
type CgroupHook struct {
	Where uapi.AttachType
	Hook
}

// CgroupHooks lists the hooks of the cgroup with that path that have programs (bpftool cgroup show;
// 4.15). With effective, the programs are those that run in the cgroup: those attached to it and to
// its ancestors. Needs CAP_NET_ADMIN.
func CgroupHooks(path string, effective bool) ([]CgroupHook, error) {
	ask := Cgroup
	if effective {
		ask = CgroupEffective
	}
	var list []CgroupHook
	answered, refusal := false, error(nil)
	for _, where := range cgroupTypes {
		h, err := ask(path, where)
		switch {
		case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EOPNOTSUPP):
			refusal = err // a kernel without that hook, or a file that is no cgroup
			continue
		case err != nil:
			return nil, err
		}
		answered = true
		if len(h.Programs) > 0 {
			list = append(list, CgroupHook{where, *h})
		}
	}
	if !answered {
		return nil, refusal
	}
	return list, nil
}

// CgroupRoot returns where the cgroup v2 file system is mounted. ErrNotExist if it isn't.
func CgroupRoot() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", failed("find cgroups", "", err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return mountPoint(f[1]), nil
		}
	}
	return "", failed("find cgroups", "",
		&fs.PathError{Op: "find mount of", Path: "cgroup2", Err: fs.ErrNotExist})
}

// Cgroups yields the path of a cgroup and of those below it, parents first, in the order of their
// names. It leaves out cgroups that are removed meanwhile. An error about one directory names it
// and doesn't end the walk.
func Cgroups(root string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && path != root:
				return nil
			case err != nil:
				err = failed("list cgroups", "", err, kernel.CapDACOverride)
				if !yield(path, err) {
					return fs.SkipAll
				}
				return nil
			case entry.IsDir() && !yield(path, nil):
				return fs.SkipAll
			}
			return nil
		})
	}
}

// cgroupTypes are the hooks of cgroups, in bpftool's order.
var cgroupTypes = [...]uapi.AttachType{
	uapi.AttachCgroupInetIngress, uapi.AttachCgroupInetEgress,
	uapi.AttachCgroupInetSockCreate, uapi.AttachCgroupInetSockRelease,
	uapi.AttachCgroupInet4Bind, uapi.AttachCgroupInet6Bind,
	uapi.AttachCgroupInet4PostBind, uapi.AttachCgroupInet6PostBind,
	uapi.AttachCgroupInet4Connect, uapi.AttachCgroupInet6Connect, uapi.AttachCgroupUnixConnect,
	uapi.AttachCgroupInet4GetPeerName, uapi.AttachCgroupInet6GetPeerName,
	uapi.AttachCgroupUnixGetPeerName,
	uapi.AttachCgroupInet4GetSockName, uapi.AttachCgroupInet6GetSockName,
	uapi.AttachCgroupUnixGetSockName,
	uapi.AttachCgroupUDP4SendMsg, uapi.AttachCgroupUDP6SendMsg, uapi.AttachCgroupUnixSendMsg,
	uapi.AttachCgroupUDP4RecvMsg, uapi.AttachCgroupUDP6RecvMsg, uapi.AttachCgroupUnixRecvMsg,
	uapi.AttachCgroupSockOps, uapi.AttachCgroupDevice, uapi.AttachCgroupSysctl,
	uapi.AttachCgroupGetSockOpt, uapi.AttachCgroupSetSockOpt, uapi.AttachLSMCgroup,
}
