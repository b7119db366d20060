package bpf

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/purebpf/bpf/internal/bpffs"
	"github.com/purebpf/bpf/internal/pathname"
)

// Pin pins all maps and all loaded programs in dir, all or none (libbpf bpf_object__pin).
func (o *Object) Pin(dir string) (err error) {
	maps, err := o.mapPaths("pin map", dir)
	if err != nil {
		return err
	}
	programs, err := o.programPaths("pin program", dir)
	if err != nil {
		return err
	}
	var made pinning
	defer func() { made.end(err != nil) }()
	if err := o.pinMaps(&made, maps); err != nil {
		return err
	}
	if err := o.pinPrograms(&made, programs); err != nil {
		return err
	}
	o.keepPins(maps)
	return nil
}

// Unpin removes the pins that Pin made (libbpf bpf_object__unpin).
func (o *Object) Unpin(dir string) error {
	if o.isNone() {
		return missing("unpin object", "object")
	}
	if err := o.UnpinPrograms(dir); err != nil {
		return err
	}
	return o.UnpinMaps(dir)
}

// PinMaps pins every map in dir, by its name with '.' replaced by '_' (libbpf
// bpf_object__pin_maps); with dir "", only maps that have a pin path, each at its path. Maps that
// were not created are skipped. All or nothing: on failure the pins and the directory that this
// call made are removed. EINVAL if a name can't be part of a path (Map.Pin takes any path).
func (o *Object) PinMaps(dir string) (err error) {
	paths, err := o.mapPaths("pin map", dir)
	if err != nil {
		return err
	}
	var made pinning
	defer func() { made.end(err != nil) }()
	if err := o.pinMaps(&made, paths); err != nil {
		return err
	}
	o.keepPins(paths)
	return nil
}

func (o *Object) pinMaps(made *pinning, paths []string) error {
	for i, m := range o.maps {
		path := paths[i]
		if path == "" || m.pinned && m.pinPath == path {
			continue
		}
		fd, err := m.use()
		if err != nil {
			return m.fail("pin map", err)
		}
		err = made.pin(fd, path)
		m.release()
		if err != nil {
			return m.fail("pin map", pinRefused(path, err))
		}
	}
	return nil
}

// keepPins makes the first pin of each map its own.
func (o *Object) keepPins(paths []string) {
	for i, m := range o.maps {
		if path := paths[i]; path != "" && (m.pinPath == "" || m.pinPath == path) {
			m.pinPath, m.pinned = path, true
		}
	}
}

// UnpinMaps removes the pins of PinMaps (libbpf bpf_object__unpin_maps).
func (o *Object) UnpinMaps(dir string) error {
	paths, err := o.mapPaths("unpin map", dir)
	if err != nil {
		return err
	}
	for i, m := range o.maps {
		path := paths[i]
		if path == "" {
			continue
		}
		if err := bpffs.Unpin(path); err != nil {
			return m.fail("unpin map", fmt.Errorf("at %s: %w", path, err))
		}
		if m.pinPath == path {
			m.pinned = false
		}
	}
	return nil
}

// mapPaths returns the paths where PinMaps pins the maps, "" for none.
func (o *Object) mapPaths(op, dir string) ([]string, error) {
	if o.isNone() {
		return nil, missing(op, "object")
	}
	paths := make([]string, len(o.maps))
	for i, m := range o.maps {
		switch {
		case m.fd == nil:
			continue
		case m.fd.Closed():
			return nil, m.fail(op, m.absence())
		case dir == "":
			paths[i] = m.pinPath
			continue
		}
		name := strings.ReplaceAll(m.name, ".", "_")
		if err := pathname.Check(name); err != nil {
			return nil, m.fail(op,
				fmt.Errorf("%w; give it a path by Map.Pin: %w", err, syscall.EINVAL))
		}
		paths[i] = dir + "/" + name
	}
	return paths, nil
}

// PinPrograms pins every loaded program in dir by its name, all or none (libbpf
// bpf_object__pin_programs).
func (o *Object) PinPrograms(dir string) (err error) {
	paths, err := o.programPaths("pin program", dir)
	if err != nil {
		return err
	}
	var made pinning
	defer func() { made.end(err != nil) }()
	return o.pinPrograms(&made, paths)
}

func (o *Object) pinPrograms(made *pinning, paths []string) error {
	for i, p := range o.programs {
		if paths[i] == "" {
			continue
		}
		if err := p.use(); err != nil {
			return p.fail("pin program", err)
		}
		err := made.pin(p.fd.Int(), paths[i])
		p.release()
		if err != nil {
			return p.fail("pin program", pinRefused(paths[i], err))
		}
	}
	return nil
}

// UnpinPrograms undoes PinPrograms (libbpf bpf_object__unpin_programs).
func (o *Object) UnpinPrograms(dir string) error {
	paths, err := o.programPaths("unpin program", dir)
	if err != nil {
		return err
	}
	for i, p := range o.programs {
		if paths[i] == "" {
			continue
		}
		if err := bpffs.Unpin(paths[i]); err != nil {
			return p.fail("unpin program", fmt.Errorf("at %s: %w", paths[i], err))
		}
	}
	return nil
}

// programPaths returns the paths where PinPrograms pins the programs, "" for none.
func (o *Object) programPaths(op, dir string) ([]string, error) {
	if o.isNone() {
		return nil, missing(op, "object")
	}
	paths := make([]string, len(o.programs))
	for i, p := range o.programs {
		switch {
		case p.fd == nil:
			continue
		case p.fd.Closed():
			return nil, p.fail(op, p.absence())
		}
		if err := pathname.Check(p.name); err != nil {
			return nil, p.fail(op,
				fmt.Errorf("%w; give it a path by Program.Pin: %w", err, syscall.EINVAL))
		}
		if paths[i] = p.name; dir != "" {
			paths[i] = dir + "/" + p.name
		}
	}
	return paths, nil
}
