package decode

import (
	"strconv"

	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
	"github.com/lieu-clinic/lieu/pkg/protocol/ohaus"
)

func ohausLine(b []byte, a About) (Frame, int) {
	var f ohaus.Framer
	f.Sync()
	return line(b, lines.Max, &f, func(text []byte) (Frame, bool) {
		m, err := ohaus.Decode(text)
		if err != nil {
			return unusable(text, err, ohaus.ErrUnit)
		}
		return tellOHAUS(m, ohaus.Command(a.Sent))
	})
}

func tellOHAUS(m ohaus.Message, sent ohaus.Command) (Frame, bool) {
	switch m.Kind {
	case ohaus.Weight, ohaus.Tare:
		return ohausWeight(m)
	case ohaus.Total:
		return Frame{Kind: Total, ID: string(m.Legend)}, true
	case ohaus.Done:
		return Frame{Kind: Ack}, true
	case ohaus.Refused:
		return Frame{Kind: Error, Error: "invalid_or_unstable", ID: "ES"}, true
	case ohaus.Overload:
		return Frame{Kind: Status, Status: "overload", Code: some(m.Code)}, true
	case ohaus.Underload:
		return Frame{Kind: Status, Status: "underload", Code: some(m.Code)}, true
	case ohaus.Failure:
		return Frame{Kind: Error, Error: "device", Code: some(m.Code)}, true
	case ohaus.Old:
		return Frame{Kind: Status, Status: "old_protocol", Text: m.Text}, true
	}
	switch sent {
	case ohaus.SerialNumber:
		return Frame{Kind: Identity, Serial: m.Text}, true
	case ohaus.Version:
		return Frame{Kind: Identity, Firmware: m.Text}, true
	}
	return Frame{Kind: Identity, Text: m.Text}, true
}

func ohausWeight(m ohaus.Message) (Frame, bool) {
	text, err := m.Weight.Number()
	if err != nil {
		return Frame{}, false
	}
	if m.Kind == ohaus.Tare {
		f := weighed(Tare, text, m.Weight.Unit)
		f.ID = string(m.Legend)
		return f, true
	}
	f := weighed(Weight, text, m.Weight.Unit).stable(m.Stable)
	switch m.Legend {
	case ohaus.N, ohaus.Net:
		f.Basis = "net"
	case ohaus.G, ohaus.Gross:
		f.Basis = "gross"
	case ohaus.Clock:
		f.Seconds = strconv.Itoa(m.Seconds)
	}
	return f, true
}
