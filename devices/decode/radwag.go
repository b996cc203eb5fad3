package decode

import (
	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
	"github.com/lieu-clinic/lieu/pkg/protocol/radwag"
)

func radwagLine(b []byte, _ About) (Frame, int) {
	var f radwag.Framer
	f.Sync()
	return line(b, lines.Max, &f, func(text []byte) (Frame, bool) {
		m, err := radwag.Decode(text)
		if err != nil {
			return unusable(text, err, radwag.ErrUnit)
		}
		frame, ok := tellRadwag(m)
		frame.ID = string(m.Command)
		return frame, ok
	})
}

func tellRadwag(m radwag.Message) (Frame, bool) {
	switch m.Kind {
	case radwag.Weight, radwag.Tare:
		text, err := m.Weight.Number()
		if err != nil {
			return Frame{}, false
		}
		if m.Kind == radwag.Tare {
			return weighed(Tare, text, m.Weight.Unit), true
		}
		return weighed(Weight, text, m.Weight.Unit).stable(m.Stable), true
	case radwag.Overload:
		return Frame{Kind: Status, Status: "overload"}, true
	case radwag.Underload:
		return Frame{Kind: Status, Status: "underload"}, true
	case radwag.Accepted:
		return Frame{Kind: Ack, Status: "accepted"}, true
	case radwag.Done, radwag.OK:
		return Frame{Kind: Ack, Status: "done"}, true
	case radwag.TimeOut:
		return Frame{Kind: Error, Error: "stability_timeout"}, true
	case radwag.Busy:
		return Frame{Kind: Status, Status: "not_executable"}, true
	case radwag.AboveRange:
		return Frame{Kind: Status, Status: "above_range"}, true
	case radwag.BelowRange:
		return Frame{Kind: Status, Status: "below_range"}, true
	case radwag.Unknown:
		return Frame{Kind: Error, Error: "syntax"}, true
	}
	return radwagInfo(m), true
}

func radwagInfo(m radwag.Message) Frame {
	switch m.Command {
	case radwag.SerialNumber:
		return Frame{Kind: Identity, Serial: m.Text}
	case radwag.Type:
		return Frame{Kind: Identity, Model: m.Text}
	case radwag.Version:
		return Frame{Kind: Identity, Firmware: m.Text}
	}
	return Frame{Kind: Identity, Text: m.Text}
}
