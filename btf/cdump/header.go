package cdump

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/purebpf/bpf/btf"
)

// Options changes what Header writes. The zero value, or a nil pointer, asks for the defaults.
type Options struct {
	Roots    []btf.ID // only these types and what they need; all types if empty
	Unsorted bool     // in the order of ids instead of by name
	NoKfuncs bool     // without prototypes of kfuncs
	Guard    string   // macro of the include guard; "__VMLINUX_H__" if empty
}

// Header writes a C header with all types of spec (bpftool btf dump ... format c). Types defined in
// it get the preserve_access_index attribute, which makes accesses to them CO-RE relocations,
// unless BPF_NO_PRESERVE_ACCESS_INDEX is defined. Prototypes of the kernel's kfuncs follow, unless
// BPF_NO_KFUNC_PROTOTYPES is defined; they need BTF of a kernel that marks kfuncs (6.11).
func Header(w io.Writer, spec *btf.Spec, opts *Options) error {
	if opts == nil {
		opts = &Options{}
	}
	guard := identifier(opts.Guard)
	if guard == "" {
		guard = "__VMLINUX_H__"
	}
	roots := opts.Roots
	switch {
	case len(roots) > 0:
	case opts.Unsorted:
		for id := btf.ID(1); id < spec.Len(); id++ {
			roots = append(roots, id)
		}
	default:
		roots = sorted(spec)
	}
	d := NewDumper(w, spec)
	d.str("#ifndef " + guard + "\n#define " + guard + "\n\n")
	d.str(preamble)
	for _, id := range roots {
		if err := d.Type(id); err != nil {
			return err
		}
	}
	if !opts.NoKfuncs && len(opts.Roots) == 0 {
		if err := d.kfuncs(); err != nil {
			return err
		}
	}
	d.str("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n")
	d.str("#endif /* " + guard + " */\n")
	return d.Flush()
}

const preamble = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

#ifndef __bpf_fastcall
#if __has_attribute(bpf_fastcall)
#define __bpf_fastcall __attribute__((bpf_fastcall))
#else
#define __bpf_fastcall
#endif
#endif

`

// kfuncs writes prototypes of the functions that declaration tags mark as kfuncs.
func (d *Dumper) kfuncs() error {
	var list []btf.Type
	seen, fast := map[btf.ID]bool{}, map[btf.ID]bool{}
	for id := btf.ID(1); id < d.spec.Len(); id++ {
		t, _ := d.spec.Type(id)
		if t.Kind() != btf.KindDeclTag || t.Component() != -1 {
			continue
		}
		f, ok := d.spec.Type(t.Ref())
		if !ok || f.Kind() != btf.KindFunc {
			continue
		}
		switch t.Name() {
		case "bpf_kfunc":
			if !seen[f.ID()] && identifier(f.Name()) == f.Name() {
				seen[f.ID()] = true
				list = append(list, f)
			}
		case "bpf_fastcall":
			fast[f.ID()] = true
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b btf.Type) int {
		return strings.Compare(a.Name(), b.Name())
	})
	d.str("/* BPF kfunc prototypes */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n")
	for _, f := range list {
		d.str("extern ")
		if fast[f.ID()] {
			d.str("__bpf_fastcall ")
		}
		if err := d.Decl(f.Ref(), f.Name(), 0); err != nil {
			return fmt.Errorf("kfunc %s: %w", f.Name(), err)
		}
		d.str(" __weak __ksym;\n")
	}
	d.str("#endif\n\n")
	return nil
}
