package linkinfo_test

import (
	"fmt"
	"log"

	"github.com/purebpf/bpf/linkinfo"
	"github.com/purebpf/bpf/uapi"
)

// List the XDP programs of all interfaces that are attached by a link, whoever attached them. It
// needs CAP_SYS_ADMIN.
func ExampleAll() {
	for info, err := range linkinfo.All(uapi.LinkXDP) {
		if err != nil {
			log.Fatal(err)
		}
		if xdp, ok := info.Detail.(*linkinfo.XDP); ok {
			fmt.Printf("link %d: program %d on interface %d\n", info.ID, info.ProgramID,
				xdp.IfIndex)
		}
	}
}
