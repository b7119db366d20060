package plan

import (
	"strings"

	"github.com/purebpf/bpf/btf"
)

// typeInfo is the result of one pass over the object's BTF: the kinds it holds, so that unused
// features are not probed, and the declaration tags that change how programs are linked.
type typeInfo struct {
	kinds      uint32   // bit k: a type of kind k
	globalFunc bool     // a FUNC of global linkage
	qmark      bool     // a DATASEC whose name begins with '?'
	signedEnum bool     // an ENUM with negative values
	layout     bool     // a kind layout section
	callbacks  []btf.ID // DECL_TAGs "exception_callback:..." on whole types
	ctxTags    []btf.ID // DECL_TAGs "arg:ctx"
}

const (
	tagExceptionCallback = "exception_callback:"
	tagArgCtx            = "arg:ctx"
)

func (t *typeInfo) holds(k btf.Kind) bool { return t.kinds>>k&1 != 0 }

func (r *resolver) scanTypes() {
	s := r.o.BTF
	if s == nil {
		return
	}
	i := &r.info
	for id := s.FirstID(); id < s.Len(); id++ {
		t, _ := s.Type(id)
		k := t.Kind()
		if k < 32 {
			i.kinds |= 1 << k
		}
		switch k {
		case btf.KindFunc:
			i.globalFunc = i.globalFunc || t.Linkage() != btf.LinkageStatic
		case btf.KindEnum:
			i.signedEnum = i.signedEnum || t.KFlag()
		case btf.KindDatasec:
			i.qmark = i.qmark || strings.HasPrefix(t.Name(), "?")
		case btf.KindDeclTag:
			switch name := t.Name(); {
			case name == tagArgCtx:
				i.ctxTags = append(i.ctxTags, id)
			case t.Component() == -1 && strings.HasPrefix(name, tagExceptionCallback):
				i.callbacks = append(i.callbacks, id)
			}
		}
	}
	i.layout = s.HasLayout()
}
