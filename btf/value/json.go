package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/purebpf/bpf/btf"
)

// SetJSON stores JSON in the form that AppendJSON writes: objects for structs and unions,
// arrays for arrays, strings for arrays of char and for enums, numbers, true and false. An array of
// char takes an array of numbers, too: AppendJSON writes U+FFFD for bytes that aren't UTF-8, which
// SetJSON therefore refuses. What the JSON doesn't mention, or is null, stays as it is. After an
// error nothing has changed.
func (v Value) SetJSON(text []byte) error {
	return v.inCopy(func(v Value) error {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := v.decode(d, maxDepth); err != nil {
			return err
		}
		if _, err := d.Token(); err != io.EOF {
			return fmt.Errorf("%s: there is more after the JSON value", v.name)
		}
		return nil
	})
}

// decode stores the next value.
func (v Value) decode(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return v.notJSON(err)
	}
	if depth <= 0 {
		return fmt.Errorf("%s: the JSON nests more than %d deep", v.name, maxDepth)
	}
	array := v.resolve().Kind() == btf.KindArray
	switch x := token.(type) {
	case json.Delim:
		if x == '{' {
			return v.decodeFields(d, depth)
		}
		return v.decodeElements(d, depth)
	case string:
		if array {
			if !v.holdsText() {
				return fmt.Errorf("%s is %s and can't hold text", v.name, v.typeName())
			}
			if strings.ContainsRune(x, utf8.RuneError) {
				return fmt.Errorf("%s: U+FFFD stands for bytes that aren't UTF-8; "+
					"give the bytes as an array of numbers", v.name)
			}
			return v.copyText(x)
		}
		return v.setScalar(x)
	case json.Number:
		return v.decodeScalar(x.String())
	case bool:
		return v.decodeScalar(fmt.Sprint(x))
	}
	return nil // null
}

func (v Value) decodeScalar(text string) error {
	if k := v.resolve().Kind(); k == btf.KindArray || k.IsComposite() {
		return fmt.Errorf("%s is %s and can't hold %s", v.name, v.typeName(), text)
	}
	if t := v.resolve(); t.Kind() == btf.KindInt && t.IntEncoding()&btf.Bool != 0 {
		if n, ok := parseInteger(text); ok { // AppendJSON writes a bool that is neither as a number
			return v.scalar(t).store(n, false, true)
		}
	}
	return v.setScalar(text)
}

func (v Value) decodeFields(d *json.Decoder, depth int) error {
	if _, err := v.composite(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return v.notJSON(err)
		}
		part, err := v.field(name.(string))
		if err != nil {
			return err
		}
		if err := part.decode(d, depth-1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return v.notJSON(err)
}

func (v Value) decodeElements(d *json.Decoder, depth int) error {
	if _, _, err := v.elements(); err != nil {
		return err
	}
	for i := 0; d.More(); i++ {
		part, err := v.element(fmt.Sprint(i))
		if err != nil {
			return err
		}
		if err := part.decode(d, depth-1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return v.notJSON(err)
}

// notJSON returns the error about text that isn't JSON, nil for nil.
func (v Value) notJSON(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%s: not JSON: %w", v.name, err)
}
