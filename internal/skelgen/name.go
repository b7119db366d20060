package skelgen

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName limits identifiers: names of BTF have up to 4096 bytes.
const maxName = 128

// identifier makes an exported Go identifier of a C name: start_time is StartTime, EV_EXEC is
// EvExec. Characters that an identifier can't have separate words.
func identifier(c string) string {
	if len(c) > maxName {
		c = c[:maxName]
	}
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(c, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		first, size := utf8.DecodeRuneInString(word)
		last, _ := utf8.DecodeLastRuneInString(b.String())
		if b.Len() > 0 && unicode.IsDigit(first) && unicode.IsDigit(last) {
			b.WriteByte('_')
		}
		rest := word[size:]
		if !strings.ContainsFunc(word, unicode.IsLower) {
			rest = strings.ToLower(rest)
		}
		b.WriteRune(unicode.ToUpper(first))
		b.WriteString(rest)
	}
	name := b.String()
	if first, _ := utf8.DecodeRuneInString(name); !unicode.IsUpper(first) {
		name = "X" + name
	}
	return name
}

// Prefix returns what the names of a skeleton's types begin with: MyProbe if the skeleton's name is
// "my-probe".
func Prefix(name string) string { return identifier(name) }

// names are the identifiers that are taken in some scope, with the next number for each.
type names map[string]int

// unique returns name, or name with the first number that makes it new, and takes it.
func (n names) unique(name string) string {
	chosen := name
	for n[chosen] > 0 {
		n[name]++
		chosen = name + "_" + strconv.Itoa(n[name])
	}
	n[chosen] = 1
	return chosen
}

// notMethods are names of methods that go vet wants to have certain parameters.
var notMethods = []string{"Format", "GobDecode", "GobEncode", "MarshalJSON", "MarshalXML",
	"UnmarshalJSON", "UnmarshalXML", "Peek", "ReadByte", "ReadFrom", "ReadRune", "Scan", "Seek",
	"UnreadByte", "UnreadRune", "WriteByte", "WriteTo", "String", "GoString", "Error", "Is", "As",
	"Unwrap"}
