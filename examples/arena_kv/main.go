// Arena_kv answers requests for values in the kernel: it keeps keys and values in memory that it
// shares with an XDP program, which sends the answers back before the network stack sees the
// requests.
package main

import (
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"strings"
	"time"

	"github.com/purebpf/bpf/arena"
)

//go:generate go run ../../cmd/bpf gen arena_kv.bpf.c

func main() {
	iface := flag.String("i", "lo", "answer requests that arrive at this `interface`")
	flag.Parse()

	kv, err := LoadArenaKv(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer kv.Close()
	heap, err := arena.NewHeap(kv.Maps.Arena)
	if err != nil {
		log.Fatal(err)
	}
	defer heap.Close()
	for _, arg := range flag.Args() {
		key, value, ok := strings.Cut(arg, "=")
		if !ok {
			log.Fatalf("%s: want KEY=VALUE", arg)
		}
		if err := set(kv, heap, key, value); err != nil {
			log.Fatal(err)
		}
	}
	link, err := kv.Programs.Answer.AttachXDP(*iface, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer link.Close()

	fmt.Printf("answering UDP port %d on %s, Ctrl-C ends\n", kv.Rodata.Value().Port, *iface)
	for range time.Tick(time.Second) {
		fmt.Println(kv.Bss.Hits, "hits,", kv.Bss.Misses, "misses")
	}
}

// set adds a value. Programs see the entry when it is whole.
func set(kv *ArenaKv, heap *arena.Heap, key, value string) error {
	at, err := arena.New[ArenaKvEntry](heap)
	if err != nil {
		return err
	}
	return arena.Walk(kv.Maps.Arena, func(w *arena.Walker) error {
		e, err := at.In(w)
		if err != nil {
			return err
		}
		if len(key) > len(e.Message.Key) || len(value) > len(e.Message.Value) {
			return fmt.Errorf("%s=%s: the key may have %d bytes, the value %d", key, value,
				len(e.Message.Key), len(e.Message.Value))
		}
		copy(e.Message.Key[:], key)
		copy(e.Message.Value[:], value)
		h := fnv.New32a()
		h.Write(e.Message.Key[:])
		bucket := &kv.Arena.Buckets[h.Sum32()%uint32(len(kv.Arena.Buckets))]
		e.Next = bucket.Load()
		bucket.Store(at)
		return nil
	})
}
