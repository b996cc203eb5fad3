package decode

import (
	"strconv"

	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
	"github.com/lieu-clinic/lieu/pkg/protocol/sbi"
)

func sbiLine(b []byte, a About) (Frame, int) {
	var f sbi.Framer
	f.Sync()
	return line(b, lines.Max, &f, func(text []byte) (Frame, bool) {
		m, err := sbi.Decode(text)
		if err != nil {
			return unusable(text, err, sbi.ErrUnit)
		}
		return tellSBI(m, a.Sent)
	})
}

func tellSBI(m sbi.Message, sent string) (f Frame, ok bool) {
	if f, ok = sbiBody(m, sent); !ok {
		return f, false
	}
	f.ID = string(m.ID)
	switch m.ID {
	case sbi.Net:
		f.Basis = "net"
	case sbi.Gross:
		f.Basis = "gross"
	}
	return f, true
}

func sbiBody(m sbi.Message, sent string) (Frame, bool) {
	switch m.Kind {
	case sbi.Weight, sbi.Tare:
		text, err := m.Weight.Number()
		if err != nil {
			return Frame{}, false
		}
		if m.Kind == sbi.Tare {
			return weighed(Tare, text, m.Weight.Unit), true
		}
		return weighed(Weight, text, m.Weight.Unit).stable(true), true
	case sbi.Moving:
		return weighed(Weight, decimal(m.Digits, m.Decimals), "").stable(false), true
	case sbi.Count:
		return Frame{Kind: Count}, true
	case sbi.Overload:
		return Frame{Kind: Status, Status: "overload"}, true
	case sbi.Underload:
		return Frame{Kind: Status, Status: "underload"}, true
	case sbi.Standby:
		return Frame{Kind: Status, Status: "off"}, true
	case sbi.Adjusting:
		return Frame{Kind: Status, Status: "adjusting"}, true
	case sbi.Failure:
		return sbiFailure(m), true
	}
	return sbiText(m, sent), true
}

func sbiFailure(m sbi.Message) Frame {
	if m.Text != "" {
		return Frame{Kind: Error, Error: m.Text}
	}
	return Frame{Kind: Error, Error: sbiFault(m.Code), Code: some(m.Code)}
}

func sbiFault(code int) string {
	switch code {
	case 2:
		return "zero_point"
	case 10:
		return "tare_blocked"
	case 11:
		return "tare_negative"
	case 54:
		return "underload"
	case 55:
		return "overload"
	}
	return "device"
}

// sbiText is an answer about the balance: which one depends on what was asked.
func sbiText(m sbi.Message, sent string) Frame {
	switch {
	case m.ID == sbi.SerialNumber || sent == string(sbi.Serial) || sent == "x2_":
		return Frame{Kind: Identity, Serial: m.Text}
	case sent == string(sbi.Software) || sent == "x3_":
		return Frame{Kind: Identity, Firmware: m.Text}
	case sent == string(sbi.Model) || sent == "x1_":
		return Frame{Kind: Identity, Model: m.Text}
	}
	return Frame{Kind: Identity, Text: m.Text}
}

// decimal prints n with that many of its digits behind the point.
func decimal(n int64, decimals int) string {
	sign, text := "", strconv.FormatInt(n, 10)
	if n < 0 {
		sign, text = "-", text[1:]
	}
	return sign + shift(text, decimals)
}
