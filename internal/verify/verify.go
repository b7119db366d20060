// Package verify opens, loads and unloads an object with this library, and reports the same facts
// that the C libbpf oracle (scripts/testdata/oracle.c) prints. It implements bpf verify, and the
// parity test compares it with the oracle.
package verify

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/verdict"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/sys"
)

// One opens and loads the object at path on the running kernel, with nothing pinned and nothing
// pinned used, and closes it. The error, nil if the object loads, is what the verdict's Stage,
// Errno, Program and Error are made of. Opts may be nil; its SkipPins is taken as set.
func One(path string, opts *bpf.LoadOptions) (verdict.Object, error) {
	return With(path, opts, func(path string) (*object.Object, error) {
		return bpf.Open(path, nil)
	})
}

// With is One for an object that open opens and may change.
func With(path string, opts *bpf.LoadOptions, open func(path string) (*object.Object, error),
) (verdict.Object, error) {
	v := verdict.Object{Object: path, Programs: []verdict.Program{}, Maps: []verdict.Map{}}
	o, err := open(path)
	if err != nil {
		fail(&v, verdict.StageOpen, err)
		return v, err
	}
	for _, p := range o.Programs {
		v.Programs = append(v.Programs,
			verdict.Program{Name: p.Name, Section: p.Sec, Type: uint32(p.Type),
				Autoload: p.Autoload})
	}
	for _, m := range o.Maps {
		v.Maps = append(v.Maps, verdict.Map{Name: m.Name})
	}
	var options bpf.LoadOptions
	if opts != nil {
		options = *opts
	}
	options.SkipPins = true
	loaded, err := bpf.Load(o, &options)
	if err != nil {
		fail(&v, verdict.StageLoad, err)
		switchPrograms(&v, o, &options)
		return v, err
	}
	err = errors.Join(describe(&v, loaded), loaded.Close())
	if err != nil {
		return v, fmt.Errorf("%s loaded: %w", path, err)
	}
	v.OK, v.Stage = true, verdict.StageOK
	return v, nil
}

func fail(v *verdict.Object, stage string, err error) {
	v.Stage, v.Errno, v.Error = stage, Errno(err), err.Error()
	var refused *bpf.VerifierError
	var failed *bpf.Error
	switch {
	case errors.As(err, &refused):
		v.Program = refused.Program
	case errors.As(err, &failed) && failed.Op == "load program":
		v.Program, _, _ = strings.Cut(failed.Subject, " ") // "name (SEC section)"
	}
}

// switchPrograms says which programs were to be loaded, where that can be planned: struct_ops maps
// turn programs on and off.
func switchPrograms(v *verdict.Object, o *object.Object, opts *bpf.LoadOptions) {
	var k facts.Kernel = kernel.Running()
	if opts.Kernel != nil {
		k = opts.Kernel
	}
	p, err := plan.Resolve(o, k, &plan.Options{Kconfig: opts.Kconfig, CustomBTF: opts.CustomBTF})
	if err != nil {
		return
	}
	for i, spec := range o.Programs {
		v.Programs[i].Autoload = slices.ContainsFunc(p.Programs,
			func(pp *plan.Program) bool { return pp.Spec == spec })
	}
}

// Errno is the number that C libbpf returns for the same failure: the kernel's, libbpf's own from
// 4000 up, or EINVAL where the error carries none.
func Errno(err error) int {
	var resolve *plan.Error
	var read *object.Error
	var kernel syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &resolve) && resolve.Code != 0:
		return int(resolve.Code)
	case errors.As(err, &read) && read.Reason != 0:
		return int(read.Reason)
	case errors.As(err, &kernel):
		return int(kernel)
	}
	return int(syscall.EINVAL)
}

// describe asks the kernel about what was loaded.
func describe(v *verdict.Object, o *bpf.Object) error {
	for i, p := range o.Programs() {
		v.Programs[i].Autoload = p.FD() >= 0 // struct_ops maps turned programs on and off
		if p.FD() < 0 {
			continue
		}
		info, err := sys.ProgInfoByFD(p.FD())
		if err != nil {
			return fmt.Errorf("program %s: %w", p.Name(), err)
		}
		d := &v.Programs[i]
		d.Loaded, d.Tag, d.Xlated = true, hex.EncodeToString(info.Tag[:]), info.XlatedProgLen
		d.Maps, d.FuncInfo, d.LineInfo = info.NrMapIDs, info.NrFuncInfo, info.NrLineInfo
	}
	for i, m := range o.Maps() {
		if m.FD() < 0 {
			continue
		}
		info, err := sys.MapInfoByFD(m.FD())
		if err != nil {
			return fmt.Errorf("map %s: %w", m.Name(), err)
		}
		d := &v.Maps[i]
		d.KernelName, d.Type, d.Flags, d.BTF = info.Name.String(), uint32(info.Type),
			uint32(info.Flags), info.BTFID != 0
		d.Key, d.Value, d.Max = info.KeySize, info.ValueSize, info.MaxEntries
	}
	return nil
}
