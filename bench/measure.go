package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sample is one run of one process.
type sample struct {
	wall, cpu float64 // ms
	rss       float64 // MB
	counts    counts
}

// counts are what a process asks of the kernel, whatever the speed of the machine; switches also
// depend on what else it does.
type counts struct {
	faults, switches, calls float64 // page faults, context switches, system calls
}

func (c counts) String() string {
	text := func(v float64) string {
		if v < 0 {
			return "?" // this kernel doesn't count them
		}
		return fmt.Sprintf("%.0f", v)
	}
	return text(c.faults) + " / " + text(c.switches) + " / " + text(c.calls)
}

func (c counts) plus(d counts) counts {
	if c.calls >= 0 {
		c.calls += d.calls
	}
	if d.calls < 0 {
		c.calls = -1
	}
	return counts{c.faults + d.faults, c.switches + d.switches, c.calls}
}

// less returns what c has more than d, divided by n.
func (c counts) less(d counts, n float64) counts {
	calls := -1.0
	if c.calls >= 0 && d.calls >= 0 {
		calls = max(0, c.calls-d.calls) / n
	}
	return counts{
		faults:   max(0, c.faults-d.faults) / n,
		switches: max(0, c.switches-d.switches) / n,
		calls:    calls,
	}
}

func medianCounts(samples []sample) counts {
	of := func(f func(counts) float64) float64 {
		return median(field(samples, func(s sample) float64 { return f(s.counts) }))
	}
	return counts{
		faults:   of(func(c counts) float64 { return c.faults }),
		switches: of(func(c counts) float64 { return c.switches }),
		calls:    of(func(c counts) float64 { return c.calls }),
	}
}

// spawn runs the commands interleaved and returns every command's samples, by round.
func (b *bench) spawn(rounds int, commands [][]string) ([][]sample, error) {
	var list strings.Builder
	for _, c := range commands {
		list.WriteString(strings.Join(c, " ") + "\n")
	}
	file := filepath.Join(b.build, "commands")
	if err := os.WriteFile(file, []byte(list.String()), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(b.build, "spawn"), strconv.Itoa(rounds), file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	samples := make([][]sample, len(commands))
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var which, status int
		var wall, cpu, rss float64
		var c counts
		if _, err := fmt.Sscan(lines.Text(), &which, &wall, &cpu, &rss, &c.faults, &c.switches,
			&c.calls, &status); err != nil {
			return nil, fmt.Errorf("spawn printed %q: %w", lines.Text(), err)
		}
		if status != 0 {
			return nil, fmt.Errorf("%q ended with status %d", commands[which], status)
		}
		samples[which] = append(samples[which], sample{wall / 1e6, cpu / 1e3, rss / 1024, c})
	}
	return samples, lines.Err()
}

// repeat runs a command that prints nanoseconds, one a line, and returns them in µs.
func repeat(command []string) ([]float64, error) {
	cmd := exec.Command(command[0], command[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%q: %w %s", command[:2], err, stderr.Bytes())
	}
	var values []float64
	for line := range strings.Lines(string(out)) {
		v, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
		if err != nil {
			return nil, fmt.Errorf("%q printed %q", command[:2], line)
		}
		values = append(values, v/1e3)
	}
	return values, nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Clone(values)
	slices.Sort(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// ratio is the median of the ratios round by round.
func ratio(of, to []float64) float64 {
	ratios := make([]float64, 0, len(of))
	for i := range min(len(of), len(to)) {
		ratios = append(ratios, of[i]/to[i])
	}
	return median(ratios)
}

// more is how much the least value exceeds the other least value: for times of which nearly all is
// the kernel's, and the same, what disturbs a run only ever adds.
func more(of, than []float64) float64 { return slices.Min(of) - slices.Min(than) }

func field(samples []sample, f func(sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return values
}
