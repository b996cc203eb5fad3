package decode

import (
	"bytes"

	"github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

func cavroEither(b []byte, a About) (Frame, int) {
	switch b[0] {
	case stx:
		return cavroOEM(b, a)
	case '/':
		return cavroDT(b, a)
	}
	return Frame{}, -before(b, stx, '/')
}

func cavroOEM(b []byte, a About) (Frame, int) {
	if b[0] != stx {
		return Frame{}, beforeSTX(b)
	}
	end := 1 + skipTo(b[1:], func(c byte) bool { return !isPrintable(c) })
	switch {
	case end > 3+cavro.MaxText:
		return Frame{}, -end
	case end == len(b):
		return Frame{}, 0
	case b[end] != etx || end < 3:
		return Frame{}, -end
	case end+1 == len(b):
		return Frame{}, 0
	}
	body, ok := cut(new(cavro.BlockFramer), b[:end+2])
	if !ok {
		return badBlock(b[end+1], end)
	}
	f, ok := tellCavro(body, a.Sent, true)
	if !ok {
		return Frame{}, -(end + 2)
	}
	f.Checksum = Good
	return f, end + 2
}

// badBlock tells of a block whose checksum is wrong. An STX there is no checksum but the beginning of the next block.
func badBlock(check byte, end int) (Frame, int) {
	f := Frame{Kind: Error, Error: "checksum", Checksum: Bad}
	if check == stx {
		return f, end + 1
	}
	return f, end + 2
}

func cavroDT(b []byte, a About) (Frame, int) {
	if b[0] != '/' {
		return Frame{}, -before(b, '/')
	}
	end := skipTo(b, func(c byte) bool { return !isPrintable(c) })
	switch {
	case end > 3+cavro.MaxText:
		return Frame{}, -end
	case end == len(b):
		return Frame{}, 0
	case b[end] == '\r':
		return cavroRequest(b[:end+1])
	case b[end] != etx:
		return Frame{}, -end
	}
	const tail = "\x03\r\n"
	rest := b[end:min(len(b), end+len(tail))]
	if !bytes.HasPrefix([]byte(tail), rest) {
		return Frame{}, -(end + 1)
	}
	if len(rest) < len(tail) {
		return Frame{}, 0
	}
	// What runs into a second answer belongs to neither of them, so all of it is passed over.
	body, ok := cut(new(cavro.ReplyFramer), b[:end+len(tail)])
	if !ok {
		return Frame{}, -(end + len(tail))
	}
	f, ok := tellCavro(body, a.Sent, false)
	if !ok {
		return Frame{}, -(end + len(tail))
	}
	return f, end + len(tail)
}

func cavroRequest(b []byte) (Frame, int) {
	if start := bytes.LastIndexByte(b, '/'); start > 0 {
		return Frame{}, -start
	}
	body, ok := cut(new(cavro.LineFramer), b)
	if !ok {
		return Frame{}, -len(b)
	}
	l, err := cavro.DecodeLine(body)
	if err != nil {
		return Frame{}, -len(b)
	}
	return Frame{Kind: Command, Command: string(l.Text), Address: cavroAddress(l.Address)}, len(b)
}

func tellCavro(body []byte, sent string, oem bool) (Frame, bool) {
	if answer, err := cavro.DecodeAnswer(body); err == nil {
		return tellCavroAnswer(answer, sent), true
	}
	if !oem {
		return Frame{}, false
	}
	block, err := cavro.DecodeBlock(body)
	if err != nil {
		return Frame{}, false
	}
	return Frame{
		Kind: Command, Command: string(block.Text), Address: cavroAddress(block.Address),
		Sequence: some(int(block.Sequence)), Repeat: some(block.Repeat),
	}, true
}

// cavroAddress is the number of the pump: its switch's position plus one. Groups have higher numbers.
func cavroAddress(a cavro.Address) *int { return some(int(a) - '0') }

func tellCavroAnswer(answer cavro.Answer, sent string) Frame {
	f := cavroData(answer, cavro.Command(sent))
	if e := answer.Status.Err(); e != cavro.NoError {
		f.Error, f.Code = cavroError(e), some(int(e))
		if len(answer.Data) == 0 {
			f.Kind = Error
		}
	}
	// Only the answer to Q says whether the pump is ready; the bit of other answers means nothing.
	if c := cavro.Command(sent); c == "" || c == cavro.Query || c == "?29" {
		f.Ready, f.Busy = some(answer.Status.Ready()), some(!answer.Status.Ready())
	}
	return f
}

func cavroData(answer cavro.Answer, sent cavro.Command) Frame {
	data := string(answer.Data)
	if data == "" {
		if sent == "" || sent == cavro.Query || sent == "?29" {
			return Frame{Kind: Status}
		}
		return Frame{Kind: Ack}
	}
	n, err := answer.Number()
	switch {
	case sent == cavro.Position && err == nil:
		return Frame{Kind: Position, Position: &n, Basis: "commanded"}
	case sent == cavro.Encoder && err == nil:
		return Frame{Kind: Position, Position: &n, Basis: "encoder"}
	case sent == cavro.Firmware || sent == "&":
		return Frame{Kind: Identity, Firmware: data}
	case sent == "":
		return Frame{Kind: Answer, Data: data}
	}
	return Frame{Kind: Setting, Setting: string(sent), Data: data}
}

func cavroError(e cavro.ErrorCode) string {
	switch e {
	case cavro.Initialisation:
		return "initialisation"
	case cavro.InvalidCommand:
		return "invalid_command"
	case cavro.InvalidOperand:
		return "invalid_operand"
	case cavro.InvalidSequence:
		return "invalid_sequence"
	case cavro.EEPROM:
		return "eeprom"
	case cavro.NotInitialised:
		return "not_initialised"
	case cavro.PlungerOverload:
		return "plunger_overload"
	case cavro.ValveOverload:
		return "valve_overload"
	case cavro.MoveNotAllowed:
		return "move_not_allowed"
	case cavro.Overflow:
		return "command_overflow"
	}
	return "unknown"
}
