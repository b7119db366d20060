package inspect

import (
	"errors"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// Links returns the links of type typ in the kernel, whoever made them, in the order of their ids
// (5.8). linkinfo.All returns them one by one, with those that can't be read. Needs CAP_SYS_ADMIN.
func Links(typ uapi.LinkType) ([]*linkinfo.Info, error) {
	var list []*linkinfo.Info
	var errs []error
	for info, err := range linkinfo.All(typ) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, info)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, failed("query links", "of type "+typ.String(), err, kernel.CapSysAdmin)
	}
	return list, nil
}
