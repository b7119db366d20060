package kernel

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/nearest"
)

// FunctionSymbol is what /proc/kallsyms says about the name of a function that could not be probed.
type FunctionSymbol struct {
	module string
	name   string

	functions int  // functions with that name (in that module)
	data      byte // type of a symbol with that name that is not a function, 0 if there is none
	elsewhere string
	loaded    bool // the module is loaded
	near      *nearest.Names
}

const (
	kallsymsPath  = "/proc/kallsyms"
	blacklistPath = "/sys/kernel/debug/kprobes/blacklist"
)

// FindFunction looks up "function" or "module:function" among all symbols of the running kernel. It
// takes some 20 ms: it is for error messages.
func FindFunction(symbol string) (*FunctionSymbol, error) {
	k := &FunctionSymbol{name: symbol}
	if module, name, ok := strings.Cut(symbol, ":"); ok {
		k.module, k.name = module, name
	}
	k.near = nearest.To(k.name)
	return k, EachSymbol(kallsymsPath, func(s facts.Symbol) error {
		k.add(s)
		return nil
	})
}

func (k *FunctionSymbol) add(s facts.Symbol) {
	switch s.Type {
	case 't', 'T', 'w', 'W':
	default:
		if string(s.Name) == k.name {
			k.data = s.Type
		}
		return
	}
	mine := k.module == "" || string(s.Module) == k.module
	k.loaded = k.loaded || mine
	if string(s.Name) == k.name {
		if mine {
			k.functions++
		} else {
			k.elsewhere = "vmlinux"
			if len(s.Module) > 0 {
				k.elsewhere = string(s.Module)
			}
		}
		return
	}
	// "__pfx_name" and "__cfi_name" are padding, "bpf_prog_..." and trampolines are not functions
	// of the kernel.
	if !mine || bytes.HasPrefix(s.Name, []byte("__pfx_")) ||
		bytes.HasPrefix(s.Name, []byte("__cfi_")) || string(s.Module) == "bpf" ||
		string(s.Module) == "ftrace" {
		return
	}
	if wrapper := SyscallPrefix(); len(s.Name) == len(wrapper)+len(k.name) && wrapper != "" &&
		string(s.Name[:len(wrapper)]) == wrapper &&
		string(s.Name[len(wrapper):]) == k.name {
		k.near.Keep(s.Name, 0)
		return
	}
	k.near.Offer(s.Name)
}

// Hint returns why the function cannot be probed, "" if that is not known.
func (k *FunctionSymbol) Hint() string {
	switch {
	case k.functions > 1:
		return fmt.Sprintf("there are %d functions of that name: give the address of one",
			k.functions)
	case k.functions == 1:
		if blacklisted(k.name) {
			return "it is on the kernel's list of functions that must not be probed, " +
				blacklistPath
		}
		return ""
	case k.module != "" && !k.loaded:
		return "no module " + k.module + " is loaded"
	case k.elsewhere != "":
		return k.elsewhere + " has a function of that name, not " + k.module
	case k.data != 0:
		return fmt.Sprintf("the symbol is not a function, its type is %c", k.data)
	}
	return k.near.Hint()
}

// Absent reports whether the kernel has no symbol with that name at all (in that module).
func (k *FunctionSymbol) Absent() bool { return k.functions == 0 && k.data == 0 }

// blacklisted reports whether the kernel forbids probing a function. Lines are
// "0xADDR-0xADDR\tname".
func blacklisted(name string) bool {
	text, err := os.ReadFile(blacklistPath)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(text) {
		if i := bytes.IndexByte(line, '\t'); i >= 0 && string(bytes.TrimSpace(line[i:])) == name {
			return true
		}
	}
	return false
}
