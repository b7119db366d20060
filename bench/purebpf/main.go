// Purebpf is our side of the benchmark. Same verbs as ../c/load.c, and spin US, which only takes
// time. Kernel BTF is kept for the life of a process, so the first load of hot-load is the one that
// reads it.
package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/purebpf/bpf"
)

func once(path string, load bool) error {
	o, err := bpf.Open(path, nil)
	if err != nil || !load {
		return err
	}
	loaded, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true})
	if err != nil {
		return err
	}
	return loaded.Close()
}

func run(args []string) error {
	verb := args[0]
	switch verb {
	case "start":
		return nil
	case "spin":
		us, err := strconv.Atoi(args[1])
		for end := time.Now().Add(time.Duration(us) * time.Microsecond); time.Now().Before(end); {
		}
		return err
	}
	load := strings.Contains(verb, "load")
	if len(args) == 2 {
		return once(args[1], load)
	}
	rounds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var out []byte // written at the end, so that no system call is due to it
	for range rounds {
		for _, path := range args[2:] {
			begin := time.Now()
			if err := once(path, load); err != nil {
				return err
			}
			out = append(strconv.AppendInt(out, time.Since(begin).Nanoseconds(), 10), '\n')
		}
	}
	_, err = os.Stdout.Write(out)
	return err
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}
