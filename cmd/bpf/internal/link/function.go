package link

import (
	"cmp"
	"slices"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/linkinfo"
)

// site is a function that a link of kprobes is attached to.
type site struct {
	address, cookie uint64
	name, module    string
}

// sites returns the functions of a link by address; "" stands for names that can't be found, as by
// users who may not see addresses.
func sites(d *linkinfo.KprobeMulti) []site {
	var list []site
	at := map[uint64][]int{}
	for _, f := range d.Functions {
		list = append(list, site{address: f.Address, cookie: f.Cookie})
	}
	slices.SortFunc(list, func(a, b site) int { return cmp.Compare(a.address, b.address) })
	// With indirect branch tracking, a function's instructions begin after the endbr64.
	const endbr = 4
	for i, s := range list {
		if s.address != 0 {
			at[s.address] = append(at[s.address], i)
			at[s.address-endbr] = append(at[s.address-endbr], i)
		}
	}
	if len(at) == 0 {
		return list
	}
	// An error leaves the addresses without names.
	kernel.EachSymbol("/proc/kallsyms", func(s facts.Symbol) error {
		for _, i := range at[s.Addr] {
			if list[i].name == "" || s.Addr == list[i].address {
				list[i].name, list[i].module = string(s.Name), string(s.Module)
			}
		}
		return nil
	})
	return list
}
