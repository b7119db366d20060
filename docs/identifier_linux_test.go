package docs

import (
	"regexp"
	"strings"
	"testing"
)

var identifier = regexp.MustCompile("`([a-z]+(?:\\.[A-Z][A-Za-z0-9]*)+)(?:\\(\\))?`")

// Identifiers of this module that the guides name exist. Oracle: what the Go compiler exports.
func TestIdentifiers(t *testing.T) {
	m := loadModule(t)
	count := 0
	for _, p := range pages(t) {
		_, prose := p.split(t)
		for _, match := range identifier.FindAllStringSubmatch(prose, -1) {
			name, _, _ := strings.Cut(match[1], ".")
			if !strings.HasPrefix(m.paths[name], modulePath) {
				continue
			}
			count++
			if err := m.find(match[1]); err != nil {
				t.Errorf("%s: `%s`: %v", p.name, match[1], err)
			}
		}
	}
	if count < 300 {
		t.Errorf("%d identifiers", count)
	}
}
