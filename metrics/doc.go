// Package metrics exports what the BPF programs, maps, links and ring buffers of the machine use,
// as metrics of Prometheus.
//
//	c, err := metrics.NewCollector(nil)
//	defer c.Close()
//	http.Handle("/metrics", handler.New(c))
//
// Package metrics/handler answers with the text format that WriteText writes; the module
// github.com/purebpf/bpf/metrics/prometheus has a collector for client_golang instead.
//
// # Names and labels
//
// Programs and maps come and go, and their ids never return: a label for them would make ever more
// series. So programs of the same type and name are one series, as are maps, and the number of
// series is limited (Options.MaxSeries); what exceeds it is in the series whose name is "other".
// Counters of a series never decrease, also when programs end. These are all:
//
//	bpf_programs{type}                         loaded programs
//	bpf_program_runs_total{type,name}          runs
//	bpf_program_run_seconds_total{type,name}   time that the runs took
//	bpf_program_missed_runs_total{type,name}   runs left out because the program ran already (5.12)
//	bpf_maps{type}                             maps
//	bpf_map_memory_bytes{type,name}            memory as the kernel accounts it
//	bpf_map_entries{type,name}                 elements of hashes (6.6; of small ones before)
//	bpf_map_max_entries{type,name}             for how many elements maps are made
//	bpf_ring_backlog_bytes{type,name}          what the readers of ring buffers have not consumed
//	bpf_ring_size_bytes{type,name}             sizes of ring buffers
//	bpf_links                                  links
//
// Runs are counted while the Collector exists, which costs each of them two readings of the clock
// (inspect.EnableStats; 5.8). The kernel doesn't count what ring buffers had no room for.
package metrics
