package mtsics

import (
	"bytes"
	"errors"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// ID is the first word of a reply: mostly, but not always, the command it answers. A balance answers SI with S.
type ID string

// The replies that are understood.
const (
	S   ID = "S"
	Z   ID = "Z"
	ZI  ID = "ZI"
	T   ID = "T"
	TI  ID = "TI"
	TA  ID = "TA"
	TAC ID = "TAC"
	I0  ID = "I0"
	I1  ID = "I1"
	I2  ID = "I2"
	I3  ID = "I3"
	I4  ID = "I4"
	I5  ID = "I5"
	C3  ID = "C3"

	ES ID = "ES" // the balance did not understand the command
	ET ID = "ET" // the balance received it damaged
	EL ID = "EL" // the balance cannot do it
)

// Status is the second word of a reply. What S means depends on the ID: a stable weight, or a zero or tare that was
// set while the weight was stable.
type Status byte

// The statuses.
const (
	None          Status = 0 // the reply is one of ES, ET and EL
	Stable        Status = 'S'
	Dynamic       Status = 'D'
	Done          Status = 'A' // executed; the last line of a list
	More          Status = 'B' // a list goes on; an adjustment has begun
	NotExecutable Status = 'I' // now: another command is running, or the weight did not settle in time
	Overload      Status = '+'
	Underload     Status = '-'
	Parameter     Status = 'L' // the command is known, its parameter is not
	DeviceError   Status = 'E' // written "S S Error 10b": not a weight, whatever the second S says
)

// Weight is the weight of a reply.
type Weight struct {
	measure.Printed
	Width int // of the field: a balance uses the same width always, so a change betrays a lost or added byte
}

// Reply is one line from the balance. Its zero value is no reply.
type Reply struct {
	ID     ID
	Status Status
	Weight Weight // with a Unit when the reply carries a weight
	Args   string // what follows the status of an I0..I5 reply, as received
	Code   int    // of a DeviceError
	Bridge bool   // the DeviceError is the weighing bridge's; otherwise the terminal's
}

// HasWeight reports whether r carries a weight.
func (r Reply) HasWeight() bool { return r.Weight.Unit != "" }

// Errors of Decode.
var (
	// ErrSyntax: the line is not a reply.
	ErrSyntax = errors.New("not an MT-SICS reply")
	// ErrUnit: the line is a weight in a unit that is not g, kg or mg, or finer than a microgram.
	ErrUnit = measure.ErrUnit
)

// shape is what may follow an ID: statuses with a weight, alone, and with text.
type shape struct {
	id                   ID
	weighed, bare, texts string
}

func shapeOf(id []byte) (shape, bool) {
	switch string(id) {
	case "S":
		return shape{id: S, weighed: "SD", bare: "I+-L"}, true
	case "Z":
		return shape{id: Z, bare: "ASDI+-L"}, true
	case "ZI":
		return shape{id: ZI, bare: "SDI+-L"}, true
	case "T":
		return shape{id: T, weighed: "SD", bare: "I+-L"}, true
	case "TI":
		return shape{id: TI, weighed: "SD", bare: "I+-L"}, true
	case "TA":
		return shape{id: TA, weighed: "AS", bare: "IL"}, true
	case "TAC":
		return shape{id: TAC, bare: "AIL"}, true
	case "C3":
		return shape{id: C3, bare: "BAIL"}, true
	case "I0":
		return shape{id: I0, bare: "AIL", texts: "BA"}, true
	case "I1":
		return shape{id: I1, bare: "IL", texts: "A"}, true
	case "I2":
		return shape{id: I2, bare: "IL", texts: "A"}, true
	case "I3":
		return shape{id: I3, bare: "IL", texts: "A"}, true
	case "I4":
		return shape{id: I4, bare: "IL", texts: "A"}, true
	case "I5":
		return shape{id: I5, bare: "IL", texts: "A"}, true
	}
	return shape{}, false
}

// Decode reads one line, without its CR LF. It reports ErrSyntax for a line that is not exactly a reply and ErrUnit
// for a weight that cannot be used; with an error there is no value.
func Decode(line []byte) (Reply, error) {
	switch string(line) {
	case "ES":
		return Reply{ID: ES}, nil
	case "ET":
		return Reply{ID: ET}, nil
	case "EL":
		return Reply{ID: EL}, nil
	}
	id, rest, _ := bytes.Cut(line, []byte{' '})
	sh, known := shapeOf(id)
	if !known || len(rest) == 0 {
		return Reply{}, ErrSyntax
	}
	r := Reply{ID: sh.id, Status: Status(rest[0])}
	if len(rest) == 1 {
		if !has(sh.bare, rest[0]) {
			return Reply{}, ErrSyntax
		}
		return r, nil
	}
	if rest[1] != ' ' {
		return Reply{}, ErrSyntax
	}
	return decodeTail(sh, r, rest[2:])
}

func decodeTail(sh shape, r Reply, tail []byte) (Reply, error) {
	if code, ok := bytes.CutPrefix(tail, []byte("Error ")); ok && sh.id == S && r.Status == Stable {
		return decodeDeviceError(code)
	}
	switch {
	case has(sh.weighed, byte(r.Status)):
		w, err := decodeWeight(tail)
		if err != nil {
			return Reply{}, err
		}
		r.Weight = w
		return r, nil
	case has(sh.texts, byte(r.Status)) && wellQuoted(tail):
		r.Args = string(tail)
		return r, nil
	}
	return Reply{}, ErrSyntax
}

func decodeDeviceError(code []byte) (Reply, error) {
	n := len(code) - 1
	if n < 1 || n > 3 || (code[n] != 'b' && code[n] != 't') {
		return Reply{}, ErrSyntax
	}
	r := Reply{ID: S, Status: DeviceError, Bridge: code[n] == 'b'}
	for _, b := range code[:n] {
		if b < '0' || b > '9' {
			return Reply{}, ErrSyntax
		}
		r.Code = r.Code*10 + int(b-'0')
	}
	return r, nil
}

func has(set string, b byte) bool {
	for i := range len(set) {
		if set[i] == b {
			return true
		}
	}
	return false
}

// wellQuoted reports whether tail is words and "quoted texts" parted by single blanks.
func wellQuoted(tail []byte) bool {
	for len(tail) > 0 {
		n := argLen(tail)
		if n == 0 {
			return false
		}
		if n == len(tail) {
			return true
		}
		if tail[n] != ' ' {
			return false
		}
		tail = tail[n+1:]
	}
	return false
}

// argLen is the length of the first word or quoted text, 0 when there is none.
func argLen[T string | []byte](tail T) int {
	if len(tail) == 0 || tail[0] == ' ' {
		return 0
	}
	if tail[0] != '"' {
		for i := range len(tail) {
			switch tail[i] {
			case ' ':
				return i
			case '"':
				return 0
			}
		}
		return len(tail)
	}
	for i := 1; i < len(tail); i++ {
		if tail[i] == '"' {
			return i + 1
		}
	}
	return 0
}

// Arg returns the n-th word or quoted text, without its quotes, of an I0..I5 reply; "" when there are fewer.
func (r Reply) Arg(n int) string {
	tail := r.Args
	for {
		size := argLen(tail)
		if size == 0 {
			return ""
		}
		if n == 0 {
			return unquote(tail[:size])
		}
		if size == len(tail) {
			return ""
		}
		n, tail = n-1, tail[size+1:]
	}
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
