//go:build linux

package rtnl_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/purebpf/bpf/internal/rtnl"
	"github.com/purebpf/bpf/internal/testkit"
)

// The oracle is ip(8), which makes the interfaces and tells their indexes and names.
func TestInterfaceIndex(t *testing.T) {
	testkit.Netns(t)
	run := func(args ...string) bool {
		out, err := exec.Command(testkit.Tool(t, "ip"), args...).CombinedOutput()
		if err != nil {
			t.Logf("ip %q: %v, %s", args, err, out)
		}
		return err == nil
	}
	long := "a-very-long-alternative-name-of-d0"
	for _, name := range []string{"d0", "1", "3", "a.b-c_d", "ä", `x"y`, "50%", "a,b=c",
		"fifteen-letters"} {
		run("link", "add", "name", name, "type", "veth")
	}
	for _, name := range []string{
		"short", long, "77", "00", "100%", "a b", "per%d", "a/b", "l:1", strings.Repeat("x", 127),
	} {
		run("link", "property", "add", "dev", "d0", "altname", name)
	}
	var all []struct {
		Index int      `json:"ifindex"`
		Name  string   `json:"ifname"`
		Alt   []string `json:"altnames"`
	}
	out := testkit.Run(t, "ip", "-j", "link")
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	names := map[string]int{}
	listed, err := rtnl.InterfaceNames()
	if err != nil {
		t.Error(err)
	}
	for _, i := range all {
		for _, name := range append(i.Alt, i.Name) {
			if !slices.Contains(listed, name) {
				t.Errorf("InterfaceNames lacks %q: %q", name, listed)
			}
		}
		for _, name := range append(i.Alt, i.Name) {
			names[name] = i.Index
		}
	}
	for _, i := range all {
		// An index is taken where nothing has that name.
		if _, is := names[strconv.Itoa(i.Index)]; !is {
			names[strconv.Itoa(i.Index)] = i.Index
		}
		if name, err := rtnl.InterfaceName(i.Index); err != nil || name != i.Name {
			t.Errorf("interface %d: %q, %v; ip says %q", i.Index, name, err, i.Name)
		}
	}
	if names["1"] == 1 || names["3"] == 3 {
		t.Fatalf("ip made no interface of another index called 1 or 3: %v", names)
	}
	for name, index := range names {
		if got, err := rtnl.InterfaceIndex(name); err != nil || got != index {
			t.Errorf("%q: %d, %v; ip says %d", name, got, err, index)
		}
	}
	for _, name := range []string{
		"", "lo:1", "lo:", "lo\x00", "lo\x00x", "lo ", " lo", "LO", "l%", "%d", "%", "lo%1", "-1",
		"+2", "0", "02",
		"0x2", "2 ", "99999", "2147483647", "2147483648", "4294967298", "18446744073709551618",
		"if2",
		long[:20], long + "x", strings.Repeat("x", 126), strings.Repeat("x", 128),
		strings.Repeat("x", 70000),
	} {
		if got, err := rtnl.InterfaceIndex(name); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("%.30q: %d, %v", name, got, err)
		}
	}
	for _, index := range []int{0, -1, 99999} {
		if name, err := rtnl.InterfaceName(index); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("%d: %q, %v", index, name, err)
		}
	}
}
