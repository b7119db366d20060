package e2e

import (
	"github.com/purebpf/bpf"

	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// TestPinRaceChild loads an object with a map pinned by name, prints the map's id, and waits for
// the end of its input. It is a child of TestPinRace.
func TestPinRaceChild(t *testing.T) {
	dir := os.Getenv("PUREBPF_PIN_RACE")
	if dir == "" {
		return
	}
	o := renamed(t, "raced", "p")
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1))
	obj := load(t, o, &bpf.LoadOptions{PinRoot: dir})
	fmt.Println("map", mapID(t, obj.Map("raced")))
	os.Stdin.Read(make([]byte, 1))
}

// TestPinRace: processes that pin the same name at the same time, in a directory that doesn't exist
// before, end with one map. Oracle: the kernel's ids.
func TestPinRace(t *testing.T) {
	dir := testkit.BPFFS(t) + "/new"
	renamed(t, "raced", "p") // compiled once
	const racers = 6
	var list []*victim
	for range racers {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPinRaceChild$")
		cmd.Env = append(os.Environ(), "PUREBPF_PIN_RACE="+dir)
		list = append(list, startCommand(t, cmd))
	}
	for _, v := range list {
		if _, err := v.in.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]bool{}
	for _, v := range list {
		line := v.line(t)
		if !strings.HasPrefix(line, "map ") {
			t.Fatalf("a racer says %q", line)
		}
		ids[line] = true
	}
	m, err := bpf.OpenMap(dir+"/raced", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if pinned := fmt.Sprint("map ", mapID(t, m)); len(ids) != 1 || !ids[pinned] {
		t.Errorf("the racers have %v, pinned is %s", ids, pinned)
	}
}
