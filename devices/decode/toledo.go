package decode

import (
	"errors"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/protocol/toledo"
)

const toledoSize = 17

func toledoFrame(b []byte, _ About) (Frame, int) {
	if n := beforeSTX(b); n < 0 {
		return Frame{}, n
	}
	head := b[:min(len(b), toledoSize)]
	if broken := 1 + skipTo(head[1:], func(c byte) bool { return c < ' ' || c > 0x7f }); broken < min(len(head), toledoSize-1) {
		return Frame{}, -broken
	}
	if len(head) < toledoSize {
		return Frame{}, 0
	}
	m, err := toledo.Decode(head)
	if err != nil && !errors.Is(err, toledo.ErrUnit) {
		return Frame{}, -1
	}
	check, n := toledoCheck(b)
	switch {
	case check == Bad:
		return Frame{Kind: Error, Error: "checksum", Checksum: Bad}, n
	case err != nil:
		return Frame{Kind: Error, Error: "unit", Checksum: check}, n
	}
	f, ok := tellToledo(m)
	if !ok {
		return Frame{}, -n
	}
	f.Checksum = check
	return f, n
}

// toledoCheck says whether a checksum follows the frame, and how long both are. What follows is a checksum, unless the
// next frame begins there or nothing has come.
func toledoCheck(b []byte) (Check, int) {
	rest := b[toledoSize:]
	switch {
	case len(rest) == 0:
		return "", toledoSize
	case rest[0] == stx && len(rest) > 1 && rest[1] != stx:
		return "", toledoSize
	case rest[0] == toledo.Checksum(b[:toledoSize]):
		return Good, toledoSize + 1
	case rest[0] == stx:
		return "", toledoSize
	}
	return Bad, toledoSize + 1
}

func tellToledo(m toledo.Message) (Frame, bool) {
	if m.OutOfRange {
		if m.Below {
			return Frame{Kind: Status, Status: "underload"}, true
		}
		return Frame{Kind: Status, Status: "overload"}, true
	}
	text, err := m.Weight.Number()
	if err != nil {
		return Frame{}, false
	}
	tare, err := m.Tare.Number()
	if err != nil {
		return Frame{}, false
	}
	f := weighed(Weight, text, m.Weight.Unit).stable(m.Stable())
	f.Basis = "gross"
	if m.Net {
		f.Basis = "net"
	}
	if m.NotZeroed {
		f.Status = "not_zeroed"
	}
	f.Fields = map[string]string{"tare": tare}
	return f, true
}

const checkoutLongest = 12

func toledoCheckout(b []byte, _ About) (Frame, int) {
	if b[0] != stx {
		return checkoutCommand(b)
	}
	end := 1 + skipTo(b[1:], func(c byte) bool { return c < ' ' })
	switch {
	case end > checkoutLongest:
		return Frame{}, -end
	case end == len(b):
		return Frame{}, 0
	case b[end] != '\r':
		return Frame{}, -end
	}
	c, err := toledo.DecodeCheckout(b[1:end])
	if err != nil {
		return Frame{}, -(end + 1)
	}
	return tellCheckout(c), end + 1
}

// checkoutCommand recognises a letter of the host and its CR.
func checkoutCommand(b []byte) (Frame, int) {
	if strings.IndexByte("WZTCABEF", b[0]) < 0 {
		return Frame{}, -1
	}
	switch {
	case len(b) == 1:
		return Frame{}, 0
	case b[1] != '\r':
		return Frame{}, -1
	}
	return Frame{Kind: Command, Command: string(b[:1])}, 2
}

func tellCheckout(c toledo.Checkout) Frame {
	if c.Weighed {
		f := weighed(Weight, decimal(c.Thousandths, 3), "").stable(true)
		if c.Net {
			f.Basis = "net"
		}
		return f
	}
	var words []string
	for _, w := range []struct {
		there bool
		word  string
	}{
		{c.Motion, "motion"}, {c.OverCapacity, "overload"}, {c.UnderZero, "underload"},
		{c.OutsideZero, "outside_zero_capture"}, {c.CentreOfZero, "centre_of_zero"}, {c.Net, "net"},
	} {
		if w.there {
			words = append(words, w.word)
		}
	}
	f := Frame{Kind: Status, Status: strings.Join(words, ",")}
	if c.Motion {
		f = f.stable(false)
	}
	return f
}
