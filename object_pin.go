package bpf

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Pin pins all maps and all loaded programs under dir (libbpf bpf_object__pin). When it fails, what this call pinned is removed.
func (o *Object) Pin(dir string) error {
	if err := o.PinMaps(dir); err != nil {
		return err
	}
	if err := o.PinPrograms(dir); err != nil {
		return errors.Join(err, o.UnpinMaps(dir))
	}
	return nil
}

// Unpin removes the pins that Pin with the same dir makes (libbpf bpf_object__unpin).
func (o *Object) Unpin(dir string) error {
	if err := o.UnpinPrograms(dir); err != nil {
		return err
	}
	return o.UnpinMaps(dir)
}

// PinMaps pins every map under dir, by its name with '.' replaced by '_' (libbpf bpf_object__pin_maps). With dir "" it pins those that
// have a pin path of their own, there. Maps that were not created are left out. All or nothing: when one fails, those that this call
// pinned are unpinned.
func (o *Object) PinMaps(dir string) error {
	var done []string
	for _, m := range o.maps {
		path := m.pinName(dir)
		if path == "" || m.pinned && m.pinPath == path {
			continue
		}
		if err := pin(m.fd.Int(), path); err != nil {
			for i := len(done) - 1; i >= 0; i-- {
				unpin(done[i])
			}
			return m.fail("pin map", fmt.Errorf("at %s: %w", path, err))
		}
		done = append(done, path)
	}
	for _, m := range o.maps { // the first pin becomes the map's own
		if path := m.pinName(dir); path != "" && (m.pinPath == "" || m.pinPath == path) {
			m.pinPath, m.pinned = path, true
		}
	}
	return nil
}

// UnpinMaps removes the pins that PinMaps with the same dir makes (libbpf bpf_object__unpin_maps).
func (o *Object) UnpinMaps(dir string) error {
	for _, m := range o.maps {
		path := m.pinName(dir)
		if path == "" {
			continue
		}
		if err := unpin(path); err != nil {
			return m.fail("unpin map", fmt.Errorf("at %s: %w", path, err))
		}
		if m.pinPath == path {
			m.pinned = false
		}
	}
	return nil
}

// pinName is where PinMaps puts the map, "" for nowhere.
func (m *Map) pinName(dir string) string {
	if m.fd == nil {
		return ""
	}
	if dir == "" {
		return m.pinPath
	}
	return filepath.Join(dir, strings.ReplaceAll(m.name, ".", "_"))
}

// PinPrograms pins every loaded program under dir, by its name (libbpf bpf_object__pin_programs). All or nothing.
func (o *Object) PinPrograms(dir string) error {
	var done []string
	for _, p := range o.programs {
		if !p.Loaded() {
			continue
		}
		path := filepath.Join(dir, p.name)
		if err := pin(p.fd.Int(), path); err != nil {
			for i := len(done) - 1; i >= 0; i-- {
				unpin(done[i])
			}
			return p.fail("pin program", fmt.Errorf("at %s: %w", path, err))
		}
		done = append(done, path)
	}
	return nil
}

// UnpinPrograms removes the pins that PinPrograms with the same dir makes (libbpf bpf_object__unpin_programs).
func (o *Object) UnpinPrograms(dir string) error {
	for _, p := range o.programs {
		if !p.Loaded() {
			continue
		}
		path := filepath.Join(dir, p.name)
		if err := unpin(path); err != nil {
			return p.fail("unpin program", fmt.Errorf("at %s: %w", path, err))
		}
	}
	return nil
}
