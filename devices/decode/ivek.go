package decode

import (
	"strconv"

	"github.com/lieu-clinic/lieu/pkg/protocol/ivek"
)

const ivekLongest = 127

func ivekLine(b []byte, _ About) (Frame, int) {
	end := skipTo(b, func(c byte) bool { return !isPrintable(c) })
	switch {
	case end > ivekLongest:
		return Frame{}, -end
	case end == len(b):
		return Frame{}, 0
	case end == 0 || b[end] != '\r':
		return Frame{}, -(end + 1)
	}
	if a, err := ivek.DecodeAnswer(b[:end]); err == nil {
		return tellIVEK(a), end + 1
	}
	c, err := ivek.DecodeCommand(b[:end])
	if err != nil {
		return Frame{}, -(end + 1)
	}
	f := Frame{Kind: Command, Command: c.Item.String(), Address: ivekAddress(c.Address)}
	if c.Set {
		f.Data = strconv.Itoa(c.Value)
	}
	return f, end + 1
}

func ivekAddress(a ivek.Address) *int {
	if a == ivek.None {
		return nil
	}
	return some(int(a))
}

func tellIVEK(a ivek.Answer) Frame {
	f := ivekValue(a)
	f.ID, f.Address = a.Item.String(), ivekAddress(a.Address)
	if a.Warning != ivek.NoWarning {
		f.Error, f.Code = ivekWarning(a.Warning), some(int(a.Warning))
	}
	return f
}

func ivekValue(a ivek.Answer) Frame {
	text := string(a.Value)
	n, err := strconv.Atoi(text)
	switch {
	case a.Item == ivek.Serial:
		return Frame{Kind: Identity, Serial: text}
	case a.Item == ivek.Firmware:
		return Frame{Kind: Identity, Firmware: text}
	case a.Item == ivek.Type:
		return Frame{Kind: Identity, Model: text}
	case err != nil || n < 0:
	case a.Item == ivek.Status:
		return Frame{
			Kind: Status, State: ivek.State(n).String(), Ready: some(ivek.State(n) == ivek.Idle),
			Data: text,
		}
	case a.Item == ivek.Remaining:
		return Frame{Kind: Volume, Remaining: millilitres(text), Data: text}
	case a.Item == ivek.Piston:
		return Frame{Kind: Position, Position: &n, Data: text}
	}
	return Frame{Kind: Setting, Setting: a.Item.String(), Data: text}
}

func ivekWarning(w ivek.Warning) string {
	switch w {
	case ivek.UnknownCommand:
		return "unknown_command"
	case ivek.BadValue:
		return "value"
	case ivek.LoadRequired:
		return "load_required"
	case ivek.ReferenceRequired:
		return "reference_required"
	case ivek.ProductionDisabled:
		return "production_disabled"
	case ivek.MotionNotEnabled:
		return "serial_motion_not_enabled"
	case ivek.TwoLetters:
		return "two_command_letters"
	}
	return "fault"
}
