package decode

import (
	"fmt"

	"github.com/lieu-clinic/lieu/pkg/protocol/andstd"
	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
)

func andLine(b []byte, _ About) (Frame, int) {
	f := andstd.NewFramer()
	f.Sync()
	return line(b, lines.Max, f, func(text []byte) (Frame, bool) {
		m, err := andstd.Decode(text)
		if err != nil {
			return unusable(text, err, andstd.ErrUnit)
		}
		return tellAND(m)
	})
}

func tellAND(m andstd.Message) (f Frame, ok bool) {
	if f, ok = andBody(m); !ok {
		return f, false
	}
	f.ID = string(m.Header)
	if m.Addressed {
		f.Address = some(m.Address)
	}
	if m.Verdict != andstd.NoVerdict {
		f.State = string(m.Verdict)
	}
	return f, true
}

func andBody(m andstd.Message) (Frame, bool) {
	switch m.Kind {
	case andstd.Weight, andstd.Tare:
		text, err := m.Weight.Number()
		if err != nil {
			return Frame{}, false
		}
		if m.Kind == andstd.Tare {
			return weighed(Tare, text, m.Weight.Unit), true
		}
		return weighed(Weight, text, m.Weight.Unit).stable(m.Stable()), true
	case andstd.Count:
		return Frame{Kind: Count}, true
	case andstd.Overload:
		return Frame{Kind: Status, Status: "overload"}, true
	case andstd.Underload:
		return Frame{Kind: Status, Status: "underload"}, true
	case andstd.Ack:
		return Frame{Kind: Ack}, true
	case andstd.Refusal:
		return Frame{
			Kind: Error, Error: andFault(m.Code), Code: some(m.Code), Text: fmt.Sprintf("E%0*d", m.Digits, m.Code),
		}, true
	}
	return andIdentity(m), true
}

func andIdentity(m andstd.Message) Frame {
	switch m.Header {
	case andstd.SerialNumber:
		return Frame{Kind: Identity, Serial: m.Text}
	case andstd.Model:
		return Frame{Kind: Identity, Model: m.Text}
	}
	return Frame{Kind: Identity, Text: m.Text}
}

func andFault(code int) string {
	switch code {
	case andstd.CommunicationError:
		return "communication"
	case andstd.UndefinedCommand:
		return "undefined_command"
	case andstd.NotReady:
		return "not_ready"
	case andstd.TimeOut:
		return "timeout"
	case andstd.TooLong:
		return "too_many_characters"
	case andstd.FormatError:
		return "format"
	case andstd.OutOfRange:
		return "out_of_range"
	case andstd.NotStable:
		return "unstable"
	}
	return "device"
}
