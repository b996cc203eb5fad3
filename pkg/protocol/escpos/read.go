package escpos

import (
	"bytes"
	"errors"
	"fmt"
)

// MaxJob is how many bytes a ticket may take.
const MaxJob = 512 << 10

var (
	// ErrUnreadable: not a ticket as this package writes it.
	ErrUnreadable = errors.New("not a ticket that can be read")
	// ErrMore: so far so good, but not whole.
	ErrMore = errors.New("not whole yet")
)

// Kind of what is on a ticket.
type Kind string

// The kinds.
const (
	Text    Kind = "text"
	QR      Kind = "qr"
	Code128 Kind = "code128"
	Raster  Kind = "raster"
)

// Item is one thing on a ticket.
type Item struct {
	Kind     Kind   `json:"kind"`
	Text     string `json:"text,omitempty"`      // of all but a raster
	Size     Size   `json:"size,omitempty"`      // of text
	RowBytes int    `json:"row_bytes,omitempty"` // of a raster
	Dots     []byte `json:"dots,omitempty"`
}

// Printed is a ticket as a printer puts it on paper.
type Printed struct {
	Items []Item `json:"items"`
}

// Read reads a ticket as Bytes wrote it: one ticket, from setting up to the cut. Anything else is ErrUnreadable.
func Read(job []byte) (Printed, error) {
	if len(job) > MaxJob {
		return Printed{}, fmt.Errorf("%d bytes: %w", len(job), ErrUnreadable)
	}
	if containsRealTime(job) {
		return Printed{}, fmt.Errorf("a command inside the ticket: %w", ErrUnreadable)
	}
	var r reader
	for len(job) > 0 {
		c, rest, err := split(job)
		if err != nil {
			return Printed{}, ErrUnreadable
		}
		job = rest
		if err := r.take(c); err != nil {
			return Printed{}, err
		}
	}
	if !r.cut {
		return Printed{}, ErrUnreadable
	}
	return r.printed, nil
}

// containsRealTime reports whether b holds a command that is obeyed wherever it stands.
func containsRealTime(b []byte) bool {
	return bytes.Contains(b, []byte{dle, eot}) || bytes.Contains(b, []byte{dle, 0x05}) || bytes.Contains(b, []byte{dle, 0x14})
}

// reader is what has been read so far.
type reader struct {
	printed    Printed
	began, cut bool
	size       Size
	qr         [][]byte // the commands of a QR code up to here
}

func (r *reader) take(c command) error {
	if (c.name != "\x1b@") != r.began || r.cut || len(r.qr) > 0 && c.name != "\x1d(k" {
		return ErrUnreadable
	}
	switch c.name {
	case "\x1b@":
		r.began = true
	case "":
		r.add(Item{Kind: Text, Text: string(c.data), Size: r.size})
	case "\x1b!":
		r.size = Size(c.data[0])
		if r.size != Normal && r.size != Double {
			return ErrUnreadable
		}
	case "\x1bd":
		if c.data[0] < 1 || c.data[0] > maxFeed {
			return ErrUnreadable
		}
	case "\x1dh":
	case "\x1dv0":
		r.add(Item{Kind: Raster, RowBytes: int(c.data[1]) | int(c.data[2])<<8, Dots: bytes.Clone(c.data[5:])})
	case "\x1dk":
		return r.barcode(c.data[2:])
	case "\x1d(k":
		return r.symbol(c.data[2:])
	case "\x1dV":
		if c.data[0] != 1 {
			return ErrUnreadable
		}
		r.cut = true
	default:
		return ErrUnreadable
	}
	return nil
}

func (r *reader) add(i Item) { r.printed.Items = append(r.printed.Items, i) }

func (r *reader) barcode(data []byte) error {
	text, ok := bytes.CutPrefix(data, []byte("{B"))
	if !ok || !printable(string(text)) || bytes.ContainsAny(text, "{}") {
		return ErrUnreadable
	}
	r.add(Item{Kind: Code128, Text: string(text)})
	return nil
}

// qrSteps are how the five commands of a QR code begin: model, size, error correction, text, print.
var qrSteps = []string{"1A2\x00", "1C", "1E1", "1P0", "1Q0"}

func (r *reader) symbol(data []byte) error {
	step := qrSteps[len(r.qr)]
	if !bytes.HasPrefix(data, []byte(step)) {
		return ErrUnreadable
	}
	if r.qr = append(r.qr, data[len(step):]); len(r.qr) < len(qrSteps) {
		return nil
	}
	size, text := r.qr[1], string(r.qr[3])
	if len(r.qr[0])+len(r.qr[2])+len(r.qr[4]) > 0 || len(size) != 1 || size[0] < 1 || size[0] > 16 || !printable(text) {
		return ErrUnreadable
	}
	r.qr = nil
	r.add(Item{Kind: QR, Text: text})
	return nil
}
