// Profile shows in which functions the CPUs spend their time: it prints folded stacks, which flame
// graph tools read, and draws a flame graph itself. Stacks of programs are as deep as their frame
// pointers allow: Go has them, C needs -fno-omit-frame-pointer. Programs that end while it samples
// leave addresses without names.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/purebpf/bpf"
)

//go:generate go run ../../cmd/bpf gen profile.bpf.c

func main() {
	process := flag.Int("p", 0, "only this process, by its `pid`")
	frequency := flag.Uint64("F", 99, "samples a second on each CPU")
	duration := flag.Duration("d", 10*time.Second, "how long to sample, unless Ctrl-C is earlier")
	svg := flag.String("svg", "", "also draw a flame graph into this `file`")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	stacks, err := sample(ctx, *process, *frequency, *duration)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range stacks {
		fmt.Println(s)
	}
	if *svg != "" {
		if err := os.WriteFile(*svg, flameGraph(stacks), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

// sample samples until the duration or ctx ends, and returns the stacks with their counts.
func sample(ctx context.Context, process int, frequency uint64, duration time.Duration) (
	[]stack, error) {
	spec, err := OpenProfile()
	if err != nil {
		return nil, err
	}
	spec.Rodata.Process = int32(process)
	p, err := spec.Load(nil)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	clock, err := bpf.PerfEventNamed("cpu-clock")
	if err != nil {
		return nil, err
	}
	clock.Frequency = frequency
	links, err := p.Programs.Take.AttachPerfEvent(clock, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	<-ctx.Done()
	if err := links.Close(); err != nil {
		return nil, err
	}
	if p.Bss.Lost > 0 {
		log.Printf("%d samples lost: the maps had no room for them", p.Bss.Lost)
	}
	return fold(p)
}
