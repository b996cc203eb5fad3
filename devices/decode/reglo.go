package decode

import (
	"strconv"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

const regloLongest = 255

func regloEither(b []byte, a About) (Frame, int) {
	request, err := reglo.DecodeRequest([]byte(a.Sent))
	if err != nil {
		request = reglo.Request{Command: reglo.Command(a.Sent)}
	}
	if reglo.Kind(b[0]).Status() {
		return regloStatus(reglo.Kind(b[0]), request.Command), 1
	}
	end := skipTo(b, func(c byte) bool { return !isPrintable(c) })
	switch {
	case end > regloLongest:
		return Frame{}, -end
	case end == len(b):
		return Frame{}, 0
	case end == 0 || b[end] != '\r':
		return Frame{}, -(end + 1)
	case end+1 < len(b) && b[end+1] == '\n':
		return regloLine(b[:end+2], request.Command)
	}
	f, ok := regloRequest(b[:end])
	switch {
	case ok:
		return f, end + 1
	case end+1 == len(b):
		return Frame{}, 0
	}
	return Frame{}, -(end + 1)
}

func regloRequest(line []byte) (Frame, bool) {
	r, err := reglo.DecodeRequest(line)
	if err != nil {
		return Frame{}, false
	}
	return Frame{Kind: Command, Command: string(r.Command), Address: &r.Address, Data: r.Data}, true
}

func regloStatus(k reglo.Kind, sent reglo.Command) Frame {
	switch k {
	case reglo.Done:
		return Frame{Kind: Ack}
	case reglo.Failed:
		return Frame{Kind: Error, Error: "failed"}
	}
	yes := k == reglo.Yes
	switch {
	case sent == reglo.Running:
		return Frame{Kind: Status, Busy: &yes}
	case sent == reglo.Start && !yes:
		return Frame{Kind: Error, Error: "impossible"}
	case yes:
		return Frame{Kind: Status, Status: "yes"}
	}
	return Frame{Kind: Status, Status: "no"}
}

func regloLine(b []byte, sent reglo.Command) (Frame, int) {
	var f reglo.ReplyFramer
	t, rest, ok := f.Next(b)
	switch {
	case !ok || len(rest) > 0:
		return Frame{}, -len(b)
	case t.Kind != reglo.Event:
		return tellReglo(string(t.Text), sent), len(b)
	}
	h, err := reglo.DecodeEvent(t.Text)
	if err != nil {
		return Frame{}, -len(b)
	}
	return tellRegloEvent(h), len(b)
}

func tellRegloEvent(h reglo.Happening) Frame {
	f := Frame{Kind: Event, Channel: &h.Channel}
	if h.Kind == reglo.Ended {
		f.State = regloCause(h.Cause)
		return f
	}
	f.State = regloState(h.State)
	// Whether that volume was pumped or is left to pump is disputed, so it stays as it came.
	f.Fields = map[string]string{"time_left": h.TimeLeft, "volume": h.Volume, "cycles_left": h.CyclesLeft}
	return f
}

func regloCause(cause byte) string {
	switch cause {
	case reglo.Complete:
		return "complete"
	case reglo.CalibrationPumped:
		return "calibration_complete"
	case reglo.StopKey:
		return "stop_key"
	case reglo.OverTemperature:
		return "over_temperature"
	}
	return "over_current"
}

func regloState(state byte) string {
	switch state {
	case reglo.Pumping:
		return "pumping"
	case reglo.Paused:
		return "paused"
	case reglo.Stopped:
		return "stopped"
	case reglo.Calibrating:
		return "calibrating"
	}
	return "waiting_for_measured_volume"
}

func tellReglo(text string, sent reglo.Command) Frame {
	if f, ok := regloAnswer(text, sent); ok {
		return f
	}
	if sent == "" {
		return Frame{Kind: Answer, Data: text}
	}
	return Frame{Kind: Setting, Setting: string(sent), Data: text}
}

func regloAnswer(text string, sent reglo.Command) (Frame, bool) {
	switch sent {
	case reglo.Volume, reglo.CalTarget, reglo.CalMeasured:
		n, err := reglo.ParseAnswer(text)
		return Frame{Kind: Setting, Setting: string(sent), Volume: regloML(n), Data: text}, err == nil
	case reglo.Flow:
		n, err := reglo.ParseAnswer(text)
		return Frame{Kind: Setting, Setting: string(sent), Rate: regloML(n), Data: text}, err == nil
	case reglo.Total:
		_, err := reglo.ParseTotal(text)
		number, _, _ := strings.Cut(text, " ")
		return Frame{Kind: Volume, Volume: number, Data: text}, err == nil
	case reglo.TotalML:
		n, err := reglo.ParseDiscrete(text, 10)
		return Frame{Kind: Volume, Volume: strconv.FormatInt(n, 10), Data: text}, err == nil
	case reglo.Identity:
		v, err := reglo.ParseIdentity(text)
		return Frame{Kind: Identity, Model: v.Model, Firmware: v.Version, Text: text}, err == nil
	case reglo.Software:
		_, err := reglo.ParseDiscrete(text, 4)
		return Frame{Kind: Identity, Firmware: shift(text, 2)}, err == nil
	case reglo.CannotRun:
		o, err := reglo.ParseObstacle(text)
		return Frame{Kind: Error, Error: "cannot_start", Text: o.String(), Data: text}, err == nil
	}
	return Frame{}, false
}

// regloML is a number in millilitres, with the digits that were said.
func regloML(n reglo.Number) string {
	digits := strconv.Itoa(n.Mantissa)
	if places := 3 - n.Exponent; places > 0 {
		return shift(digits, places)
	}
	if n.Mantissa == 0 {
		return "0"
	}
	return digits + strings.Repeat("0", n.Exponent-3)
}
