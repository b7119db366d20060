// Package maps is the command bpf map: the maps in the kernel and their elements, with bpftool's
// words.
package maps

import (
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
)

// Command returns the command bpf map.
func Command() *cobra.Command {
	n := tool.Noun{
		Name: "map", Short: "Show, create, read and change maps in the kernel",
		Long: `Show, create, read and change maps in the kernel.

MAP is id N, name NAME or pinned PATH. DATA, a key or a value, is one of

  BYTES              one word for each byte: decimal, 0x or octal
  hex BYTES          the same in hexadecimal digits
  TEXT               one word: a number, an enum's name, a text, if the map has types (BTF)
  FIELD=TEXT ...     fields of a struct, such as .addr.port=80; the others are zero
  JSON               an object, an array or a "text"

The value of a map of maps is a MAP, that of a map of programs is id N, tag TAG, name NAME or
pinned PATH of a program. A per-CPU map gets the value for all CPUs.`,
		Example: `  bpf map show
  bpf map dump name flows --human
  bpf map update id 12 key 1 0 0 0 value 10 0 0 0 0 0 0 0
  bpf map update id 12 key 1 value packets=10 bytes=640`,
		Default: "show",
		Verbs: []tool.Verb{
			{
				Name: "show", Alias: "list", Args: "[MAP]",
				Short:    "Show maps: all, or those that MAP names",
				Keywords: mapWords, Run: show,
			},
			{
				Name: "dump", Args: "MAP", Short: "Print all elements of a map",
				Keywords: mapWords, Flags: humanFlag, Run: dump,
			},
			{
				Name: "update", Args: "MAP [key DATA] [value DATA] [any|exist|noexist]",
				Short:    "Set the value of a key",
				Keywords: append([]string{"key", "value", "any", "exist", "noexist"}, mapWords...),
				Run:      update,
			},
			{
				Name: "lookup", Args: "MAP [key DATA]", Short: "Print the element with a key",
				Keywords: keyWords, Flags: humanFlag, Run: lookup,
			},
			{
				Name: "getnext", Args: "MAP [key DATA]",
				Short: "Print the key after a key, or the first", Keywords: keyWords, Run: getNext,
			},
			{
				Name: "delete", Args: "MAP key DATA", Short: "Remove the element with a key",
				Keywords: keyWords, Run: remove,
			},
			{
				Name: "pin", Args: "MAP FILE", Short: "Pin a map on a BPF file system",
				Keywords: mapWords, Run: pin,
			},
			{
				Name: "event_pipe", Args: "MAP [cpu N index M]",
				Short:    "Print what programs write to a perf_event_array",
				Keywords: append([]string{"cpu", "index"}, mapWords...), Run: eventPipe,
			},
			{
				Name: "create",
				Args: "FILE type TYPE key N value N entries N name NAME [flags N] [inner_map MAP] " +
					"[offload_dev IF]",
				Short:    "Create a map and pin it",
				Keywords: createWords, Run: create,
			},
			{
				Name: "peek", Args: "MAP", Short: "Print the next value of a queue or stack",
				Keywords: mapWords, Run: peek,
			},
			{
				Name: "push", Args: "MAP value DATA", Short: "Add a value to a stack",
				Keywords: append([]string{"value"}, mapWords...), Run: update,
			},
			{
				Name: "enqueue", Args: "MAP value DATA", Short: "Add a value to a queue",
				Keywords: append([]string{"value"}, mapWords...), Run: update,
			},
			{
				Name: "pop", Args: "MAP", Short: "Remove the next value of a stack and print it",
				Keywords: mapWords, Run: pop,
			},
			{
				Name: "dequeue", Args: "MAP",
				Short: "Remove the next value of a queue and print it", Keywords: mapWords,
				Run: pop,
			},
			{
				Name: "freeze", Args: "MAP",
				Short:    "Forbid all processes to change a map, for good",
				Keywords: mapWords, Run: freeze,
			},
		},
	}
	return n.Command()
}

var (
	mapWords    = []string{"id", "name", "pinned"}
	keyWords    = []string{"key", "hex", "id", "name", "pinned"}
	createWords = []string{"type", "key", "value", "entries", "name", "flags", "inner_map",
		"offload_dev"}
)
