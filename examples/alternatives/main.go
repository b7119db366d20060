// Alternatives prints which processes create others, by the best means that the kernel has.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/preflight"
)

//go:generate go run ../../cmd/bpf gen alternatives.bpf.c

func main() {
	spec, err := OpenAlternatives()
	if err != nil {
		log.Fatal(err)
	}
	choices, err := preflight.Choose(spec.Object, kernel.Running(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, choice := range choices {
		if choice.Chosen == "" {
			log.Fatal(choice)
		}
		for _, r := range choice.Rejected {
			fmt.Printf("%s doesn't work here: %s\n", r.Name, r.Reason)
		}
		fmt.Println("chosen:", choice.Chosen)
	}
	a, err := spec.Load(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Attach(); err != nil {
		log.Fatal(err)
	}

	fmt.Println("created processes, until Ctrl-C:")
	for c, err := range a.Maps.Creations.Records(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-16s pid %d creates pid %d\n", c.Comm, c.Parent, c.Child)
	}
}
