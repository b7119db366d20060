package setting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/purebpf/bpf/btf"
)

// SetJSON stores JSON in the form that btf.AppendJSON writes: objects for structs and unions,
// arrays for arrays, strings for arrays of char and for enums, numbers, true and false. What the
// JSON doesn't mention, or is null, stays as it is. After an error nothing has changed.
func (p Place) SetJSON(text []byte) error {
	return p.inCopy(func(p Place) error {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := p.decode(d, maxDepth); err != nil {
			return err
		}
		if _, err := d.Token(); err != io.EOF {
			return fmt.Errorf("%s: there is more after the JSON value", p.name)
		}
		return nil
	})
}

// decode stores the next value.
func (p Place) decode(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return p.notJSON(err)
	}
	if depth <= 0 {
		return fmt.Errorf("%s: the JSON nests more than %d deep", p.name, maxDepth)
	}
	array := p.spec.Skip(p.typ).Kind() == btf.KindArray
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return p.decodeFields(d, depth)
		}
		return p.decodeElements(d, depth)
	case string:
		if array {
			if !p.holdsText() {
				return fmt.Errorf("%s is %s and can't hold text", p.name, p.typeName())
			}
			return p.copyText(v)
		}
		return p.setScalar(v)
	case json.Number:
		return p.decodeScalar(v.String())
	case bool:
		return p.decodeScalar(fmt.Sprint(v))
	}
	return nil // null
}

func (p Place) decodeScalar(text string) error {
	if k := p.spec.Skip(p.typ).Kind(); k == btf.KindArray || k.IsComposite() {
		return fmt.Errorf("%s is %s and can't hold %s", p.name, p.typeName(), text)
	}
	return p.setScalar(text)
}

func (p Place) decodeFields(d *json.Decoder, depth int) error {
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return p.notJSON(err)
		}
		part, err := p.field(name.(string))
		if err != nil {
			return err
		}
		if err := part.decode(d, depth-1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return p.notJSON(err)
}

func (p Place) decodeElements(d *json.Decoder, depth int) error {
	for i := 0; d.More(); i++ {
		part, err := p.element(fmt.Sprint(i))
		if err != nil {
			return err
		}
		if err := part.decode(d, depth-1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return p.notJSON(err)
}

// notJSON returns the error about text that isn't JSON, nil for nil.
func (p Place) notJSON(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%s: not JSON: %w", p.name, err)
}
