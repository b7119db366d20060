package tool

import "github.com/spf13/pflag"

// Options are the options that all commands about a running system take, bpftool's.
type Options struct {
	JSON       bool
	Pretty     bool // JSON, indented
	Pins       bool // show where objects are pinned
	MapCompat  bool // accept unknown attributes of map definitions
	NoMount    bool // mount no file system
	Debug      bool // show what the library and the verifier say
	UseLoader  bool // load by a generated program
	Legacy     bool // accepted for bpftool's sake: it has no meaning any more
	NoOwners   bool // don't look for the processes that have objects open
	ShowNumber bool // print the version instead
	BaseBTF    string
}

// Flags adds the options to a set.
func (o *Options) Flags(f *pflag.FlagSet) {
	f.BoolVarP(&o.JSON, "json", "j", false, "print JSON")
	f.BoolVarP(&o.Pretty, "pretty", "p", false, "print JSON with line breaks")
	f.BoolVarP(&o.Pins, "bpffs", "f", false, "show where objects are pinned")
	f.BoolVarP(&o.MapCompat, "mapcompat", "m", false,
		"accept unknown attributes of map definitions")
	f.BoolVarP(&o.NoMount, "nomount", "n", false, "do not mount BPF file systems or tracefs")
	f.BoolVarP(&o.Debug, "debug", "d", false, "show the verifier's log and the library's messages")
	f.BoolVarP(&o.UseLoader, "use-loader", "L", false, "load objects by a generated program")
	f.StringVarP(&o.BaseBTF, "base-btf", "B", "", "file with the BTF that split BTF is based on")
	f.BoolVar(&o.NoOwners, "no-owners", false,
		"do not look for the processes that have objects open")
	f.BoolVarP(&o.Legacy, "legacy", "l", false, "")
	f.BoolVarP(&o.ShowNumber, "version", "V", false, "print the version")
	f.Lookup("legacy").Hidden = true
}

// Hidden adds the options to a set without showing them, so that they may precede the command.
func (o *Options) Hidden(f *pflag.FlagSet) {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.Flags(own)
	own.VisitAll(func(flag *pflag.Flag) {
		flag.Hidden = true
		f.AddFlag(flag)
	})
}

// AsJSON reports whether output is JSON.
func (o *Options) AsJSON() bool { return o.JSON || o.Pretty }

// OptionsOf reads the options of a command line that could not be parsed as a whole.
func OptionsOf(line []string) *Options {
	var o Options
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.BoolP("help", "h", false, "")
	f.Usage = func() {}
	o.Flags(f)
	f.Parse(line) // an error leaves what precedes it
	return &o
}
