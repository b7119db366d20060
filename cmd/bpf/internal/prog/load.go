package prog

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

var loadKeywords = []string{"type", "map", "pinmaps", "autoattach", "kernel_btf", "offload_dev",
	"xdpmeta_dev"}

const loadHelp = `
  type TYPE        load programs as if their section were TYPE, such as xdp or cgroup/connect4
  map idx N MAP, map name NAME MAP
                   use a map of the kernel instead of that one of the object
  pinmaps DIR      pin the maps of the object to DIR/NAME
  autoattach       attach programs where their sections say, and pin the links; a program that
                   cannot be attached so is pinned itself
  kernel_btf FILE  the types of the kernel, for CO-RE, instead of the running kernel's
  offload_dev IF, xdpmeta_dev IF
                   offload programs to an interface, or bind them to its metadata`

func loadVerb() tool.Verb {
	return tool.Verb{
		Name: "load", Args: "OBJ FILE [WORDS]",
		Short:    "Load an object, and pin its first program to a file",
		Long:     "Load loads all programs of an object and pins the first one to FILE." + loadHelp,
		Example:  "  bpf prog load count.bpf.o /sys/fs/bpf/count pinmaps /sys/fs/bpf/count_maps",
		Keywords: loadKeywords,
		Run:      func(r *tool.Run) error { return load(r, false) },
	}
}

func loadallVerb() tool.Verb {
	return tool.Verb{
		Name: "loadall", Args: "OBJ DIR [WORDS]",
		Short: "Load an object, and pin each program to a file of a directory",
		Long: "Loadall loads all programs of an object and pins each one to DIR/NAME." +
			loadHelp,
		Example:  "  bpf prog loadall count.bpf.o /sys/fs/bpf/count autoattach",
		Keywords: loadKeywords,
		Run:      func(r *tool.Run) error { return load(r, true) },
	}
}

// loading is one bpf prog load or loadall.
type loading struct {
	all       bool
	path      string // of the pin, or of the directory of pins
	pinMaps   string
	attach    bool
	kernelBTF string
	offload   string
	metadata  bool // offload names an interface whose metadata programs use
	def       *object.SecDef
	object    *object.Object
	replaced  map[string]*bpf.Map
}

func load(r *tool.Run, all bool) (err error) {
	if r.UseLoader {
		return errors.New("loading by a generated program (-L) is not supported")
	}
	l := loading{all: all, replaced: map[string]*bpf.Map{}}
	defer func() {
		for _, m := range l.replaced {
			m.Close()
		}
	}()
	if err := l.parse(r); err != nil {
		return err
	}
	opts := &bpf.LoadOptions{Maps: l.replaced}
	if r.Debug {
		opts.LogLevel = 1 | 2 | 4
	}
	if l.kernelBTF != "" {
		raw, err := kernel.ReadBTF(l.kernelBTF)
		if err != nil {
			return err
		}
		if opts.CustomBTF, err = btf.Parse(raw, nil); err != nil {
			return fmt.Errorf("%s: %w", l.kernelBTF, err)
		}
	}
	if err := l.change(); err != nil {
		return err
	}
	o, err := bpf.Load(l.object, opts)
	if err != nil {
		return err
	}
	defer o.Close()
	if r.Debug {
		for _, p := range o.Programs() {
			fmt.Fprint(r.Cmd.ErrOrStderr(), printable.Lines(p.VerifierLog()))
		}
	}
	return l.pin(r, o)
}

func (l *loading) parse(r *tool.Run) (err error) {
	path, err := r.Next("path of an object")
	if err != nil {
		return err
	}
	what := "path of the program's pin"
	if l.all {
		what = "directory for the programs' pins"
	}
	if l.path, err = r.Next(what); err != nil {
		return err
	}
	if l.object, err = bpf.Open(path, &object.Options{RelaxedMaps: r.MapCompat}); err != nil {
		return err
	}
	if len(l.object.Programs) == 0 {
		return fmt.Errorf("%s has no programs: %s", path, l.object.WhyNoPrograms())
	}
	for r.More() {
		switch {
		case r.Take("type"):
			err = l.parseType(r)
		case r.Take("map"):
			err = l.parseMap(r)
		case r.Take("pinmaps"):
			l.pinMaps, err = r.Next("directory for the maps' pins")
		case r.Take("autoattach"):
			l.attach = true
		case r.Take("kernel_btf"):
			l.kernelBTF, err = r.Next("file with the kernel's BTF")
		case r.Take("offload_dev"), r.Take("dev"):
			l.offload, err = r.Next("name of an interface")
		case r.Take("xdpmeta_dev"):
			l.metadata = true
			l.offload, err = r.Next("name of an interface")
		default:
			return r.Unexpected()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loading) parseType(r *tool.Run) error {
	name, err := r.Next("type of the programs")
	if err != nil {
		return err
	}
	for _, sec := range [...]string{name, name + "/"} {
		if l.def = object.MatchSec(sec); l.def != nil {
			return nil
		}
	}
	err = fmt.Errorf("type %q does not exist", name)
	if near := object.NearSec(name); near != "" {
		err = fmt.Errorf("%w; near: %s", err, near)
	}
	return err
}

func (l *loading) parseMap(r *tool.Run) error {
	var name string
	switch {
	case r.Take("idx"):
		n, err := r.Number("index of a map")
		if err != nil {
			return err
		}
		if int(n) >= len(l.object.Maps) {
			return fmt.Errorf("%s has no map %d, only %d maps", l.object.Name, n,
				len(l.object.Maps))
		}
		name = l.object.Maps[n].Name
	case r.Take("name"):
		text, err := r.Next("name of a map")
		if err != nil {
			return err
		}
		m, err := l.object.FindMap(text)
		if err != nil {
			return err
		}
		name = m.Name
	default:
		return r.Unexpected()
	}
	if l.replaced[name] != nil {
		return fmt.Errorf("map %s is given twice", strconv.Quote(name))
	}
	m, err := r.OpenMap(0)
	if err != nil {
		return err
	}
	l.replaced[name] = m
	return nil
}

// change changes the object as the words say.
func (l *loading) change() error {
	index := uint32(0)
	if l.offload != "" {
		dev, err := net.InterfaceByName(l.offload)
		if err != nil {
			return fmt.Errorf("interface %q: %w", l.offload, err)
		}
		index = uint32(dev.Index)
	}
	for _, p := range l.object.Programs {
		p.IfIndex = index
		if l.metadata {
			p.Flags |= uapi.FXDPDevBoundOnly
		}
		if l.def != nil {
			p.Def, p.Type, p.ExpectedAttachType = nil, l.def.Type, l.def.Attach
		}
	}
	if !l.metadata {
		for _, m := range l.object.Maps {
			if m.Type != uapi.MapPerfEventArray {
				m.IfIndex = index
			}
		}
	}
	return nil
}

// pin pins what the words say. If it fails, no pins are left.
func (l *loading) pin(r *tool.Run, o *bpf.Object) (err error) {
	var made []string // in the order in which they are removed
	defer func() {
		if err != nil {
			for _, path := range made {
				os.Remove(path)
			}
		}
	}()
	dir := func(path string) error {
		isNew, err := r.PinDir(path)
		if isNew {
			made = append(made, path)
		}
		return err
	}
	programs := o.Programs()
	if !l.all {
		programs = programs[:1]
	} else if err := dir(l.path); err != nil {
		return err
	}
	for _, p := range programs {
		path := l.path
		if l.all {
			path = filepath.Join(path, p.Name())
		}
		if err := r.Pin(path, func(path string) error { return l.pinOne(r, p, path) }); err != nil {
			return err
		}
		made = append([]string{path}, made...)
	}
	if l.pinMaps == "" {
		return nil
	}
	if err := dir(l.pinMaps); err != nil {
		return err
	}
	return o.PinMaps(l.pinMaps)
}

// pinOne pins a program, or with autoattach its link.
func (l *loading) pinOne(r *tool.Run, p *bpf.Program, path string) error {
	if !l.attach {
		return p.Pin(path)
	}
	link, err := p.Attach()
	if errors.Is(err, bpf.ErrNotSupported) {
		r.Info("program %s can not be attached by its section: the program is pinned", p.Name())
		return p.Pin(path)
	}
	if err != nil {
		return err
	}
	if err := link.Pin(path); err != nil {
		return errors.Join(err, link.Close())
	}
	return link.Close() // the pin keeps it
}
