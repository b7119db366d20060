package value_test

import (
	"fmt"
	"log"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/btf/value"
)

// Read and change a struct for which there is no Go type, only BTF.
func ExampleOf() {
	b := btf.NewBuilder(nil) // as the compiler describes it:
	u32 := b.AddInt("unsigned int", 4, 0)
	state := b.AddEnum("state", 4, false) // enum state { IDLE, RUNNING };
	b.AddEnumerator("IDLE", 0)
	b.AddEnumerator("RUNNING", 1)
	ports := b.AddArray(u32, u32, 3)
	id := b.AddStruct("conf", 16) // struct conf { enum state state; unsigned int ports[3]; };
	b.AddMember("state", state, 0, 0)
	b.AddMember("ports", ports, 32, 0)
	spec, err := b.Spec()
	if err != nil {
		log.Fatal(err)
	}

	conf, err := value.Of("conf", spec, id, make([]byte, 16), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := conf.SetJSON([]byte(`{"state": "RUNNING", "ports": [80, 443]}`)); err != nil {
		log.Fatal(err)
	}
	port, err := conf.Part(".ports[2]")
	if err != nil {
		log.Fatal(err)
	}
	if err := port.SetUint(8080); err != nil {
		log.Fatal(err)
	}
	fmt.Println(conf)
	_, err = conf.Part(".port")
	fmt.Println(err)
	fmt.Println(port.Set("-1"))
	// Output:
	// {.state = RUNNING, .ports = [80, 443, 8080]}
	// conf has no field "port"; near: ports
	// conf.ports[2]: -1 doesn't fit into unsigned int: 0 to 4294967295
}
