package metrics

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// Family is a metric with its samples.
type Family struct {
	Name, Help string
	Counter    bool     // it never decreases; otherwise it is a gauge
	Labels     []string // their names
	Samples    []Sample
}

// Sample is a value.
type Sample struct {
	Labels []string // the values of the Family's labels
	Value  float64
}

// WriteText writes families in the text format of Prometheus (version 0.0.4).
func WriteText(w io.Writer, families []Family) error {
	b := bufio.NewWriter(w)
	for _, f := range families {
		kind := "gauge"
		if f.Counter {
			kind = "counter"
		}
		b.WriteString("# HELP " + f.Name + " " + f.Help + "\n# TYPE " + f.Name + " " + kind + "\n")
		for _, s := range f.Samples {
			b.WriteString(f.Name)
			for i, label := range f.Labels {
				lead := byte(',')
				if i == 0 {
					lead = '{'
				}
				b.WriteByte(lead)
				b.WriteString(label + `="`)
				b.WriteString(escaped(s.Labels[i]))
				b.WriteByte('"')
			}
			if len(f.Labels) > 0 {
				b.WriteByte('}')
			}
			b.WriteByte(' ')
			b.WriteString(strconv.FormatFloat(s.Value, 'g', -1, 64))
			b.WriteByte('\n')
		}
	}
	return b.Flush()
}

// escaped returns the value of a label as it is written between quotes.
func escaped(value string) string {
	value = strings.ToValidUTF8(value, "\ufffd")
	value = strings.ReplaceAll(value, `\`, `\\`)
	value = strings.ReplaceAll(value, "\n", `\n`)
	return strings.ReplaceAll(value, `"`, `\"`)
}
