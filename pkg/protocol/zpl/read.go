package zpl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxJob is how many bytes a label may take.
const MaxJob = 256 << 10

// ErrUnreadable: not a label as this package writes it.
var ErrUnreadable = errors.New("not a label that can be read")

// Kind of a field.
type Kind string

// The kinds.
const (
	Text    Kind = "text"
	QR      Kind = "qr"
	Code128 Kind = "code128"
	Graphic Kind = "graphic"
)

// Field is one thing on a label.
type Field struct {
	Kind     Kind   `json:"kind"`
	X        int    `json:"x"`
	Y        int    `json:"y"`
	Text     string `json:"text,omitempty"`      // of all but a graphic
	RowBytes int    `json:"row_bytes,omitempty"` // of a graphic
	Dots     []byte `json:"dots,omitempty"`
}

// Printed is a label as a printer puts it on paper.
type Printed struct {
	Width  int     `json:"width"`
	Length int     `json:"length"`
	Fields []Field `json:"fields"`
}

// Read reads a label as Bytes wrote it: one label, printed once. Anything else is ErrUnreadable: a second label, a
// command that sets the printer up, a field that is not closed.
func Read(job []byte) (Printed, error) {
	if len(job) > MaxJob {
		return Printed{}, fmt.Errorf("%d bytes: %w", len(job), ErrUnreadable)
	}
	text := strings.TrimSuffix(string(job), "\n")
	body, ok := strings.CutPrefix(text, "^")
	if !ok || strings.Contains(text, "~") {
		return Printed{}, ErrUnreadable
	}
	var r reader
	for command := range strings.SplitSeq(body, "^") {
		if err := r.command(strings.TrimSuffix(command, "\n")); err != nil {
			return Printed{}, err
		}
	}
	if !r.ended || r.field != nil {
		return Printed{}, ErrUnreadable
	}
	return r.label, nil
}

// reader is what has been read so far.
type reader struct {
	label                     Printed
	began, once, ended, hexed bool
	field                     *Field // open between ^FO and ^FS
	data                      bool   // the field has its data
}

func (r *reader) command(c string) error {
	if len(c) < 2 || strings.ContainsAny(c, "\n\r\x00") || r.ended || (c != "XA") != r.began {
		return ErrUnreadable
	}
	name, params := c[:2], c[2:]
	err := ErrUnreadable
	switch name {
	case "XA":
		r.began, err = true, nil
	case "XZ":
		if r.field == nil && r.once && params == "" && r.label.Width > 0 && r.label.Length > 0 {
			r.ended, err = true, nil
		}
	case "CI", "LH", "PQ":
		err = r.setting(c)
	case "PW":
		r.label.Width, err = number(params)
	case "LL":
		r.label.Length, err = number(params)
	default:
		err = r.inField(name, params)
	}
	return err
}

// setting takes the commands that are always the same.
func (r *reader) setting(c string) error {
	switch c {
	case "CI28", "LH0,0":
		return nil
	case "PQ1":
		r.once = true
		return nil
	}
	return ErrUnreadable
}

func (r *reader) inField(name, params string) error {
	if name == "FO" {
		return r.open(params)
	}
	if r.field == nil {
		return ErrUnreadable
	}
	switch name {
	case "A0":
		return r.is(Text)
	case "BQ":
		return r.is(QR)
	case "BY":
		return nil
	case "BC":
		return r.is(Code128)
	case "FH":
		r.hexed = params == ""
		return nil
	case "FD":
		return r.text(params)
	case "GF":
		return r.graphic(params)
	case "FS":
		return r.close(params)
	}
	return ErrUnreadable
}

func (r *reader) open(params string) error {
	x, y, ok := strings.Cut(params, ",")
	if r.field != nil || !ok {
		return ErrUnreadable
	}
	f := Field{}
	var errs [2]error
	f.X, errs[0] = number(x)
	f.Y, errs[1] = number(y)
	r.field, r.hexed, r.data = &f, false, false
	return errors.Join(errs[0], errs[1])
}

func (r *reader) is(k Kind) error {
	if r.field.Kind != "" {
		return ErrUnreadable
	}
	r.field.Kind = k
	return nil
}

func (r *reader) text(params string) error {
	if r.field.Kind == "" || r.field.Kind == Graphic || !r.hexed || r.data {
		return ErrUnreadable
	}
	if r.field.Kind == QR {
		var ok bool
		if params, ok = strings.CutPrefix(params, "MA,"); !ok {
			return ErrUnreadable
		}
	}
	text, err := unescape(params)
	if err != nil || checkText(text) != nil {
		return ErrUnreadable
	}
	r.field.Text, r.data = text, true
	return nil
}

func (r *reader) graphic(params string) error {
	p := strings.SplitN(params, ",", 5)
	if len(p) != 5 || p[0] != "A" || p[1] != p[2] || r.data {
		return ErrUnreadable
	}
	total, err := number(p[1])
	rowBytes, err2 := number(p[3])
	if err != nil || err2 != nil || total > MaxJob || rowBytes < 1 || total < 1 || total%rowBytes != 0 {
		return ErrUnreadable
	}
	dots, err := expand(rowBytes, total, p[4])
	if err != nil {
		return err
	}
	r.field.RowBytes, r.field.Dots, r.data = rowBytes, dots, true
	return r.is(Graphic)
}

func (r *reader) close(params string) error {
	if params != "" || !r.data {
		return ErrUnreadable
	}
	r.label.Fields = append(r.label.Fields, *r.field)
	r.field = nil
	return nil
}

// number reads a number of dots or bytes as this package writes it.
func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || strconv.Itoa(n) != s {
		return 0, ErrUnreadable
	}
	return n, nil
}
