package bpf

import (
	"os"
	"syscall"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// # BPF tokens
//
// A process in a user namespace of its own (a container) may be allowed some bpf(2) commands by a
// bpffs that was mounted for it with delegate_cmds and the like. It makes a token from that bpffs
// and passes it with every command. The commands that the kernel permits then differ from those
// without the token and from those that the kernel supports, so a load with a token probes features
// with the token and keeps the answers to itself.

const tokenEnv = "LIBBPF_BPF_TOKEN_PATH"

// openToken makes the token of the options, and probes the kernel with it.
func (l *loader) openToken(object string) error {
	path := l.opts.TokenPath
	if l.opts.NoToken {
		return nil
	}
	if path == "" {
		env, set := os.LookupEnv(tokenEnv)
		if set && env == "" {
			return nil
		}
		path = env
	}
	if path == "" {
		l.token = l.running.DefaultToken()
	} else {
		fd, err := kernel.OpenToken(path)
		if err != nil {
			return newError("make BPF token of", about{object, path}, err)
		}
		l.token = fd
	}
	if l.token == nil {
		return nil
	}
	l.ev.Debug("using a BPF token", "object", object, "fd", l.token)
	l.running = l.running.WithToken(l.token.Int())
	return nil
}

// tokenFD returns the token and the flag that announces it, for a command's attribute.
func (l *loader) tokenFD() (fd int32, flag uint32) {
	if l.token == nil {
		return 0, 0
	}
	return int32(l.token.Int()), uapi.FTokenFD
}

// openBTF opens a BTF object by its id. Kernels before 6.17 have no tokens for that.
func (l *loader) openBTF(id uint32) (*sys.FD, error) {
	if l.token != nil {
		if fd, err := sys.BTFFDByIDToken(id, l.token.Int()); err != syscall.EINVAL {
			return fd, err
		}
	}
	return sys.BTFFDByID(id)
}
