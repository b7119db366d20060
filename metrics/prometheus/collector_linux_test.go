package prometheus

import (
	"bytes"
	"strings"
	"testing"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/metrics"
)

// TestCollector gathers through a registry, which is the oracle for what is consistent; the names
// and labels are those of metrics.WriteText.
func TestCollector(t *testing.T) {
	testkit.Root(t)
	c, err := metrics.NewCollector(nil)
	if err != nil {
		t.Fatal(err)
	}
	registry := client.NewPedanticRegistry()
	if err := registry.Register(Collector(c)); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families, err := c.Collect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := metrics.WriteText(&text, families); err != nil {
		t.Fatal(err)
	}
	links := false
	for _, f := range gathered {
		links = links || f.GetName() == "bpf_links"
		if !strings.Contains(text.String(), "# HELP "+f.GetName()+" "+f.GetHelp()+"\n# TYPE "+
			f.GetName()+" "+strings.ToLower(f.GetType().String())+"\n") {
			t.Errorf("%s isn't in\n%s", f.GetName(), &text)
		}
	}
	if !links {
		t.Errorf("bpf_links isn't in %v", gathered)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := registry.Gather(); err == nil {
		t.Error("a closed collector: no error")
	}
}
