package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a body; no command comes near it.
const maxDepth = 16

var (
	errNotJSON   = errors.New("body is not one JSON value")
	errDuplicate = errors.New("a member is named twice")
)

// strictJSON checks what the contract's own check cannot see: exactly one JSON value, in valid UTF-8, no object with two
// members of one name, no deep nesting. The standard decoder lets the last of two members win, and a dose must not have
// two readings.
func strictJSON(body []byte) error {
	if !utf8.Valid(body) {
		return errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := strictValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errNotJSON
	}
	return nil
}

func strictValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil || depth > maxDepth {
		return errNotJSON
	}
	switch t {
	case json.Delim('{'):
		return strictObject(d, depth)
	case json.Delim('['):
		for d.More() {
			if err := strictValue(d, depth+1); err != nil {
				return err
			}
		}
		return closing(d)
	}
	return nil
}

func strictObject(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return errNotJSON
		}
		if seen[name] {
			return errDuplicate
		}
		seen[name] = true
		if err := strictValue(d, depth+1); err != nil {
			return err
		}
	}
	return closing(d)
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errNotJSON
	}
	return nil
}
