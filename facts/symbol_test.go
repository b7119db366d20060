package facts_test

import (
	"errors"
	"testing"

	"github.com/purebpf/bpf/facts"
)

// TestHidden looks up symbols with and without hidden addresses. The oracle is the kallsyms of x86:
// per-CPU variables from 0 on, all others above; all 0 under kernel.kptr_restrict.
func TestHidden(t *testing.T) {
	const shown = "0000000000000000 A fixed_percpu_data\n" +
		"ffffffff81000000 T _text\nffffffff82000000 d twin\nffffffff82000010 d twin\n"
	const hidden = "0000000000000000 A fixed_percpu_data\n" +
		"0000000000000000 T _text\n0000000000000000 d twin\n0000000000000000 d twin\n"
	for _, test := range []struct {
		text, name    string
		there, hidden bool
	}{
		{shown, "fixed_percpu_data", true, false},
		{shown, "_text", true, false},
		{shown, "twin", true, false},
		{shown, "nothing", false, false},
		{hidden, "fixed_percpu_data", true, true},
		{hidden, "_text", true, true},
		{hidden, "twin", true, true},
		{hidden, "nothing", false, false},
		{"", "_text", false, false},
	} {
		k := facts.NewRecorded(facts.Recording{Kallsyms: []byte(test.text)})
		addrs, _, err := k.Ksyms([]string{test.name})
		_, there := addrs[test.name]
		if there != test.there || errors.Is(err, facts.ErrHidden) != test.hidden {
			t.Errorf("%s in %q: %v, %v", test.name, test.text, addrs, err)
		}
	}
}
