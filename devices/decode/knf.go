package decode

import (
	"strconv"

	"github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

func knfEither(b []byte, a About) (Frame, int) {
	switch b[0] {
	case ack:
		return knfReply(b, a)
	case nak:
		return Frame{Kind: Error, Error: "refused"}, 1
	case stx:
		return knfRequest(b)
	}
	return Frame{}, -before(b, ack, nak, stx)
}

// knfReply recognises an ACK alone, or with the data that were asked for.
func knfReply(b []byte, a About) (Frame, int) {
	switch {
	case len(b) == 1 && len(a.Sent) > 0 && a.Sent[0] == '?':
		return Frame{}, 0
	case len(b) == 1 || b[1] != stx:
		return Frame{Kind: Ack}, 1
	}
	end, n := knfEnd(b, 2)
	if n <= 0 {
		return Frame{}, n
	}
	var f knf.ReplyFramer
	_, rest, _ := f.Next(b[:n]) // the ACK
	t, rest, ok := f.Next(rest)
	if !ok || t.Kind != knf.Data || len(rest) > 0 {
		return badBlock(b[end+1], end)
	}
	frame := tellKNF(string(t.Text), knf.Command(a.Sent))
	frame.Checksum = Good
	return frame, n
}

// knfEnd finds the ETX behind from and the size of the frame with its check byte: 0 while they have not come, negative
// when they never will.
func knfEnd(b []byte, from int) (etxAt, n int) {
	end := from + skipTo(b[from:], func(c byte) bool { return !isPrintable(c) })
	switch {
	case end-from > knf.MaxText:
		return 0, -end
	case end == len(b):
		return 0, 0
	case b[end] != etx:
		return 0, -end
	case end+1 == len(b):
		return 0, 0
	}
	return end, end + 2
}

func knfRequest(b []byte) (Frame, int) {
	end, n := knfEnd(b, 1)
	if n <= 0 {
		return Frame{}, n
	}
	var f knf.RequestFramer
	r, rest, ok := f.Next(b[:n])
	switch {
	case !ok || len(rest) > 0:
		return badBlock(b[end+1], end)
	case len(r.Command) == 0 || isDigit(r.Command[0]):
		return Frame{}, -n // an answer that lost its ACK
	}
	frame := Frame{Kind: Command, Command: string(r.Command), Address: &r.Address, Checksum: Good}
	if r.Unchecked {
		frame.Checksum = ""
	}
	return frame, n
}

func tellKNF(text string, sent knf.Command) Frame {
	if f, ok := knfAnswer(text, sent); ok {
		return f
	}
	return Frame{Kind: Answer, Data: text}
}

func knfAnswer(text string, sent knf.Command) (f Frame, ok bool) {
	switch sent {
	case knf.Dispensed:
		_, err := knf.ParseDispensed(text)
		return Frame{Kind: Volume, Volume: millilitres(text)}, err == nil
	case knf.VolumeSet:
		_, err := knf.ParseVolume(text)
		return Frame{Kind: Setting, Setting: "DV", Volume: millilitres(text), Data: text}, err == nil
	case knf.RateSet:
		_, err := knf.ParseRate(text)
		return Frame{Kind: Setting, Setting: "RV", Rate: millilitres(text), Data: text}, err == nil
	case knf.TimeSet:
		d, err := knf.ParseTime(text)
		return Frame{Kind: Setting, Setting: "DT", Seconds: strconv.FormatFloat(d.Seconds(), 'f', 2, 64), Data: text}, err == nil
	case knf.OwnAddress:
		n, err := knf.ParseAddress(text)
		return Frame{Kind: Setting, Setting: "SI", Address: &n, Data: text}, err == nil
	case knf.Version:
		v, err := knf.ParseVersion(text)
		return Frame{Kind: Identity, Model: v.Model, Firmware: v.Version, Text: text}, err == nil
	case knf.ModeSet, knf.AutoStart:
		return Frame{Kind: Setting, Setting: string(sent[1:]), Data: text}, true
	}
	s, err := knf.ParseStatus(text)
	return knfStatus(s, sent), err == nil && len(sent) > 3 && sent[:3] == "?SS"
}

func knfStatus(s knf.Status, sent knf.Command) Frame {
	f := Frame{Kind: Status, Setting: string(sent[min(1, len(sent)):]), Code: some(int(s))}
	switch sent {
	case knf.Motor:
		f.Busy = some(s&knf.MotorTurns != 0)
		if s&knf.PumpFault != 0 {
			f.Error = "fault"
		}
	case knf.DoseState:
		f.Busy = some(s&knf.DoseStarted != 0)
		if s&knf.NoUserStop == 0 {
			f.State = "stopped_by_user"
		}
	case knf.RunState:
		f.Busy = some(s&knf.RunStarted != 0)
	case knf.FaultState:
		f.Alarm = s.Faults()
		f.Code = some(int(s))
	}
	return f
}
