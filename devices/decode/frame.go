package decode

import (
	"encoding/hex"
	"strings"
	"time"
)

// Kind says what a frame is.
type Kind string

// The kinds.
const (
	Weight   Kind = "weight"
	Tare     Kind = "tare"
	Status   Kind = "status"
	Ack      Kind = "ack"
	Identity Kind = "identity"
	Error    Kind = "error"
	Event    Kind = "event"
	Scan     Kind = "scan"
	Volume   Kind = "volume"
	Position Kind = "position"
	Setting  Kind = "setting"
	Command  Kind = "command"
	Count    Kind = "count"
	Total    Kind = "total"
	Text     Kind = "text"
	Answer   Kind = "answer"
)

// Check is the outcome of a checksum.
type Check string

// The outcomes. A frame without a checksum has none.
const (
	Good Check = "ok"
	Bad  Check = "bad"
)

// Weighed is the part of a frame that is a number of a balance. Value is the decimal number as printed, without the
// blanks and padding zeros of its field; Unit is nil where the balance printed none.
type Weighed struct {
	Value string  `json:"value"`
	Unit  *string `json:"unit"`
}

// Frame is what one frame says. Fields that it does not have are absent. Amounts are decimal numbers in text, because
// their digits are part of what was said.
type Frame struct {
	Kind Kind `json:"kind"`
	*Weighed
	Stable *bool  `json:"stable,omitempty"`
	Basis  string `json:"basis,omitempty"` // net or gross, where the balance says it

	ID      string `json:"id,omitempty"` // the word a text protocol begins its answer with
	Status  string `json:"status,omitempty"`
	Error   string `json:"error,omitempty"`
	Code    *int   `json:"code,omitempty"`
	Address *int   `json:"address,omitempty"`
	Alarm   string `json:"alarm,omitempty"`
	Ready   *bool  `json:"ready,omitempty"`
	Busy    *bool  `json:"busy,omitempty"`
	State   string `json:"state,omitempty"`

	Infused   string `json:"infused_ml,omitempty"`
	Withdrawn string `json:"withdrawn_ml,omitempty"`
	Volume    string `json:"volume_ml,omitempty"`
	Remaining string `json:"remaining_ml,omitempty"`
	Rate      string `json:"rate_ml_min,omitempty"`
	Position  *int   `json:"position,omitempty"`
	Channel   *int   `json:"channel,omitempty"`
	Seconds   string `json:"seconds,omitempty"`

	Setting string `json:"setting,omitempty"`
	Data    string `json:"data,omitempty"`
	Text    string `json:"text,omitempty"`

	Command  string `json:"command,omitempty"`
	Sequence *int   `json:"sequence,omitempty"`
	Repeat   *bool  `json:"repeat,omitempty"`

	Model    string `json:"model,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Firmware string `json:"firmware,omitempty"`

	CRC      Check `json:"crc,omitempty"`
	Checksum Check `json:"checksum,omitempty"`

	Symbology string            `json:"symbology,omitempty"`
	AIs       map[string]string `json:"ais,omitempty"`
	Expiry    string            `json:"expiry,omitempty"`
	Valid     *bool             `json:"valid,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"`

	Raw string `json:"raw"` // the frame's bytes, in hexadecimal
}

// Result is what is told of one line of bytes.
type Result struct {
	Frames []Frame `json:"frames"`
	// Incomplete: the bytes end inside of what may become a frame.
	Incomplete bool `json:"incomplete"`
	// Skipped is how many bytes belong to no frame.
	Skipped int     `json:"skipped_bytes"`
	Error   *string `json:"error"`
}

// Failure is a result that tells nothing but why.
func Failure(text string) Result { return Result{Frames: []Frame{}, Error: &text} }

// About is what is known of the bytes beside themselves.
type About struct {
	// Sent is the command that they answer, as text without its framing; "" when that is not known.
	Sent string
	// Now gives the century of two-digit years.
	Now time.Time
}

// recogniser looks at what stands at the front of b, which is not empty. With n > 0 the first n bytes are the frame f;
// with n < 0 the first -n bytes belong to no frame; with n = 0 all of b may be the beginning of a frame.
type recogniser func(b []byte, a About) (f Frame, n int)

func (at recogniser) run(b []byte, a About) Result {
	r := Result{Frames: []Frame{}}
	for len(b) > 0 {
		f, n := at(b, a)
		switch {
		case n == 0:
			r.Incomplete = true
			return r
		case n < 0:
			r.Skipped -= n
			b = b[-n:]
		default:
			f.Raw = strings.ToUpper(hex.EncodeToString(b[:n]))
			r.Frames = append(r.Frames, f)
			b = b[n:]
		}
	}
	return r
}

// framer is how a codec cuts a stream.
type framer interface {
	Next(chunk []byte) (frame, rest []byte, ok bool)
}

// cut is what f makes of all of b, when that is exactly one frame.
func cut(f framer, b []byte) ([]byte, bool) {
	frame, rest, ok := f.Next(b)
	return frame, ok && len(rest) == 0
}

func some[T any](v T) *T { return &v }

// weighed is a frame with a number and its unit, "" for none.
func weighed(kind Kind, value, unit string) Frame {
	w := &Weighed{Value: value}
	if unit != "" {
		w.Unit = &unit
	}
	return Frame{Kind: kind, Weighed: w}
}

func (f Frame) stable(is bool) Frame {
	f.Stable = &is
	return f
}

// millilitres is a decimal number of microlitres with its point moved: "4980" is "4.980".
func millilitres(microlitres string) string { return shift(microlitres, 3) }

// shift moves the point of a decimal number to the left. Zeros in front go, digits behind the point stay.
func shift(number string, places int) string {
	whole, frac, _ := strings.Cut(number, ".")
	if missing := places + 1 - len(whole); missing > 0 {
		whole = strings.Repeat("0", missing) + whole
	}
	i := len(whole) - places
	frac = whole[i:] + frac
	if whole = strings.TrimLeft(whole[:i], "0"); whole == "" {
		whole = "0"
	}
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}
