package tool

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/inspect"
	"github.com/purebpf/bpf/sys"
)

// complete proposes what may follow the words of a command: the ids and names of what the kernel
// has, files after pinned and file, otherwise the keywords that were not used yet.
func (v *Verb) complete(cmd *cobra.Command, words []string, start string) ([]cobra.Completion,
	cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	last, kind := "", ""
	if n := cmd.Parent(); n != nil {
		kind = n.Name()
	}
	for _, w := range words {
		switch last = w; w {
		case "prog", "map", "link":
			kind = w
		}
	}
	switch last {
	case "pinned", "file":
		return nil, cobra.ShellCompDirectiveDefault
	case "id", "idx", "name", "tag":
		return held(kind, last == "name", start), none
	}
	var list []cobra.Completion
	for _, k := range v.Keywords {
		if strings.HasPrefix(k, start) && !slices.Contains(words, k) {
			list = append(list, k)
		}
	}
	if list == nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return list, none
}

// held lists the ids, or the names, of the objects of a kind that begin with start.
func held(kind string, names bool, start string) (list []cobra.Completion) {
	add := func(id uint32, name string) {
		text, about := strconv.FormatUint(uint64(id), 10), name
		if names {
			text, about = name, ""
		}
		if text != "" && strings.HasPrefix(text, start) && !slices.Contains(list, text) {
			list = append(list, cobra.CompletionWithDesc(text, about))
		}
	}
	switch kind {
	case "prog":
		for p, err := range inspect.Programs() {
			if err == nil {
				info, err := p.Info()
				if err == nil {
					add(info.ID, info.Name)
				}
			}
		}
	case "map":
		for m, err := range inspect.Maps() {
			if err == nil {
				id, _ := idOf(m)
				add(id, m.Name())
			}
		}
	case "link", "btf":
		next := sys.LinkNextID
		if kind == "btf" {
			next = sys.BTFNextID
		}
		for id, err := range sys.IDs(next) {
			if err == nil {
				add(id, "")
			}
		}
	}
	return list
}

func idOf(m *bpf.Map) (uint32, error) {
	info, err := sys.MapInfoByFD(m.FD())
	if err != nil {
		return 0, err
	}
	return info.ID, nil
}
