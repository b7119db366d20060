package cgroup

import (
	"errors"
	"fmt"
	"strings"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/nearest"
	"github.com/purebpf/bpf/nolink"
	"github.com/purebpf/bpf/uapi"
)

// short has bpftool's older names of attach types.
var short = [...]struct {
	name  string
	where uapi.AttachType
}{
	{"ingress", uapi.AttachCgroupInetIngress}, {"egress", uapi.AttachCgroupInetEgress},
	{"sock_create", uapi.AttachCgroupInetSockCreate},
	{"sock_release", uapi.AttachCgroupInetSockRelease},
	{"sock_ops", uapi.AttachCgroupSockOps}, {"device", uapi.AttachCgroupDevice},
	{"bind4", uapi.AttachCgroupInet4Bind}, {"bind6", uapi.AttachCgroupInet6Bind},
	{"connect4", uapi.AttachCgroupInet4Connect}, {"connect6", uapi.AttachCgroupInet6Connect},
	{"post_bind4", uapi.AttachCgroupInet4PostBind},
	{"post_bind6", uapi.AttachCgroupInet6PostBind},
	{"getpeername4", uapi.AttachCgroupInet4GetPeerName},
	{"getpeername6", uapi.AttachCgroupInet6GetPeerName},
	{"getsockname4", uapi.AttachCgroupInet4GetSockName},
	{"getsockname6", uapi.AttachCgroupInet6GetSockName},
	{"sendmsg4", uapi.AttachCgroupUDP4SendMsg}, {"sendmsg6", uapi.AttachCgroupUDP6SendMsg},
	{"recvmsg4", uapi.AttachCgroupUDP4RecvMsg}, {"recvmsg6", uapi.AttachCgroupUDP6RecvMsg},
	{"sysctl", uapi.AttachCgroupSysctl}, {"getsockopt", uapi.AttachCgroupGetSockOpt},
	{"setsockopt", uapi.AttachCgroupSetSockOpt},
}

// attachType takes TYPE.
func attachType(r *tool.Run) (uapi.AttachType, error) {
	word, err := r.Next("attach type")
	if err != nil {
		return 0, err
	}
	near := nearest.To(word)
	for t := uapi.AttachType(0); t <= uapi.AttachCgroupUnixGetSockName; t++ {
		name := t.String()
		if !strings.HasPrefix(name, "cgroup_") && t != uapi.AttachLSMCgroup {
			continue
		}
		if name == word {
			return t, nil
		}
		near.Offer([]byte(name))
	}
	for _, s := range short {
		if word != "" && strings.HasPrefix(s.name, word) {
			return s.where, nil
		}
		near.Offer([]byte(s.name))
	}
	return 0, near.AddTo(fmt.Errorf("cgroups have no attach type %q", word))
}

// change takes CGROUP TYPE PROG.
func change(r *tool.Run) (path string, where uapi.AttachType, p *bpf.Program, err error) {
	if path, err = r.Next("path of a cgroup"); err != nil {
		return "", 0, nil, err
	}
	if where, err = attachType(r); err != nil {
		return "", 0, nil, err
	}
	p, err = r.OpenProgram()
	return path, where, p, err
}

func attach(r *tool.Run) error {
	path, where, p, err := change(r)
	if err != nil {
		return err
	}
	defer p.Close()
	opts := &nolink.CgroupOptions{}
	opts.Type = where
	for r.More() {
		mode := nolink.CgroupMulti
		switch {
		case r.Take("multi"):
		case r.Take("override"):
			mode = nolink.CgroupOverride
		default:
			return r.Unexpected()
		}
		if opts.Mode != nolink.CgroupExclusive {
			return errors.New("only one of multi and override may be given")
		}
		opts.Mode = mode
	}
	return nolink.AddCgroup(p, path, opts)
}

func detach(r *tool.Run) error {
	path, where, p, err := change(r)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := r.End(); err != nil {
		return err
	}
	opts := &nolink.RemoveCgroupOptions{}
	opts.Type = where
	return nolink.RemoveCgroup(p, path, opts)
}
