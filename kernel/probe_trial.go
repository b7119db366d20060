package kernel

import (
	"bytes"
	"errors"
	"os"
	"syscall"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TryProgram reports whether the kernel accepts a program of that type, flags and target, whatever
// its code: it loads and closes the smallest one. If not, says is the kernel's reason. The error is
// a *ProbeError if that could not be determined, for example because this process lacks
// capabilities.
func (f *Facts) TryProgram(t facts.ProgramTrial) (ok bool, says string, err error) {
	need := append([]Capability{CapBPF}, ProgCaps(t.Type)...)
	ok, err = f.has("programs of type "+t.Type.String()+" like this", need,
		func(p *prober) (bool, error) {
			fd, err := p.tryProgram(t)
			says = refusal(err, p.log)
			return f.tried(fd, err, need)
		})
	return ok, says, err
}

// TryMap reports whether the kernel creates maps of that type, sizes and flags: it creates and
// closes a small one. If not, says is the kernel's reason. The error is EOPNOTSUPP for types that
// need other objects (map-in-map, local storage, struct_ops), else a *ProbeError if the answer
// could not be determined.
func (f *Facts) TryMap(t facts.MapTrial) (ok bool, says string, err error) {
	need := append([]Capability{CapBPF}, uapi.MapCaps(t.Type)...)
	ok, err = f.has("maps of type "+t.Type.String()+" like this", need,
		func(p *prober) (bool, error) {
			entries := uint32(1)
			for i := range mapProbes {
				row := &mapProbes[i]
				switch {
				case row.t != t.Type:
				case row.inner || row.btfValue != 0 || row.vmlinuxValue != 0:
					return false, syscall.EOPNOTSUPP
				case row.entries == pageEntries:
					entries = uint32(os.Getpagesize())
				default:
					entries = row.entries
				}
			}
			fd, err := p.createMap(sys.MapCreateAttr{
				Type: t.Type, KeySize: t.KeySize, ValueSize: t.ValueSize, MaxEntries: entries,
				Flags: t.Flags, MapExtra: t.Extra, NumaNode: t.NumaNode, IfIndex: t.IfIndex,
			})
			says = refusal(err, nil)
			return f.tried(fd, err, need)
		})
	return ok, says, err
}

// tried returns the answer of a trial: every error except a shortage means no, including EPERM if
// the process has the capabilities.
func (f *Facts) tried(fd *sys.FD, err error, need []Capability) (bool, error) {
	switch {
	case err == nil:
		fd.Close()
		return true, nil
	case transient(err):
		return false, err
	case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES):
		if f.token != 0 || f.Require("probing", need...) != nil {
			return false, err
		}
	}
	return false, nil
}

// tryProgram loads "return 0", or "return 1" where the verifier requires that.
func (p *prober) tryProgram(t facts.ProgramTrial) (*sys.FD, error) {
	var module *sys.FD
	if t.Module != nil {
		fd, err := sys.BTFFDByID(t.Module.ID)
		if err != nil {
			return nil, err
		}
		defer fd.Close()
		module = fd
	}
	license := append([]byte(t.License), 0)
	load := func(result int32) (*sys.FD, error) {
		p.log = make([]byte, probeLogSize)
		return p.program(t.Type, retInsns(result), func(a *sys.ProgLoadAttr) {
			a.ExpectedAttachType, a.Flags, a.IfIndex = t.Attach, a.Flags|t.Flags, t.IfIndex
			a.License, a.AttachBTFID = sys.Slice(license), uint32(t.AttachBTFID)
			if module != nil {
				a.AttachFD = module.Uint32()
			}
		})
	}
	fd, err := load(0)
	if err != nil && bytes.Contains(p.log, []byte("R0")) {
		return load(1)
	}
	return fd, err
}

// refusal returns the kernel's reason: the first line of its log, and the error.
func refusal(err error, log []byte) string {
	if err == nil {
		return ""
	}
	log, _, _ = bytes.Cut(log, []byte{0})
	for line := range bytes.Lines(log) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("processed ")) &&
			!bytes.HasPrefix(line, []byte("func#")) {
			return string(line) + " (" + err.Error() + ")"
		}
	}
	return err.Error()
}
