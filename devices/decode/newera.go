package decode

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

const (
	stx = 0x02
	etx = 0x03
	ack = 0x06
	nak = 0x15
)

// newEra recognises both modes. A packet of the safe mode with the length of a digit has the form of a basic reply
// too; its checksum decides.
func newEra(b []byte, a About) (Frame, int) {
	if b[0] != stx {
		return newEraBasic(b, a)
	}
	safe, n := newEraSafe(b, a)
	if n > 0 && safe.CRC == Good {
		return safe, n
	}
	basic, m := newEraBasic(b, a)
	switch {
	case m > 0:
		return basic, m
	case n > 0:
		return safe, n
	case n == 0 || m == 0:
		return Frame{}, 0
	}
	return Frame{}, max(n, m) // the shorter skip
}

// beforeSTX is how many bytes stand before the next STX, negative, or 0 when b begins with one. It looks only so far:
// whoever looks again and again would otherwise read everything each time.
func beforeSTX(b []byte) int { return -before(b, stx) }

// before is how many bytes stand before the next of those, at most.
func before(b []byte, those ...byte) int {
	const far = 1024
	b = b[:min(len(b), far)]
	return skipTo(b, func(c byte) bool { return bytes.IndexByte(those, c) >= 0 })
}

func newEraSafe(b []byte, a About) (Frame, int) {
	if n := beforeSTX(b); n < 0 {
		return Frame{}, n
	}
	const overhead, shortest = 4, 5
	if len(b) == 1 {
		return Frame{}, 0
	}
	size := 1 + int(b[1])
	if b[1] < shortest || !printable(b[2:min(len(b), size+1-overhead)]) {
		return Frame{}, -1
	}
	if len(b) < size {
		return Frame{}, 0
	}
	if b[size-1] != etx {
		return Frame{}, -1
	}
	payload, ok := cut(new(newera.SafeFramer), b[:size])
	if !ok {
		return Frame{Kind: Error, Error: "checksum", CRC: Bad}, size
	}
	f, ok := tellNewEra(payload, a.Sent)
	if !ok {
		return Frame{}, -size
	}
	f.CRC = Good
	return f, size
}

func newEraBasic(b []byte, a About) (Frame, int) {
	if isDigit(b[0]) {
		return newEraLine(b)
	}
	if b[0] != stx {
		return Frame{}, -skipTo(b, func(c byte) bool { return c == stx || isDigit(c) })
	}
	end := 1
	for end < len(b) && isPrintable(b[end]) && end <= newera.MaxPayload {
		end++
	}
	switch {
	case end == len(b):
		return Frame{}, 0
	case b[end] != etx:
		return Frame{}, -end
	}
	payload, ok := cut(new(newera.BasicFramer), b[:end+1])
	if !ok {
		return Frame{}, -(end + 1)
	}
	f, ok := tellNewEra(payload, a.Sent)
	if !ok {
		return Frame{}, -(end + 1)
	}
	return f, end + 1
}

// newEraLine recognises a command of the basic mode, text that ends with CR.
func newEraLine(b []byte) (Frame, int) {
	end := skipTo(b, func(c byte) bool { return !isPrintable(c) })
	switch {
	case end > newera.MaxPayload:
		return Frame{}, -end
	case end == len(b):
		return Frame{}, 0
	case b[end] != '\r':
		return Frame{}, -end
	}
	f, ok := newEraCommand(b[:end])
	if !ok {
		return Frame{}, -(end + 1)
	}
	return f, end + 1
}

// newEraWords are what a pump can be told. A reply of one digit and a state reads like the beginning of a command
// ("0S", "0STP"), so a command is one of these as a whole.
var newEraWords = regexp.MustCompile(`^(?:VER|DIA|RAT|VOL|DIR|RUN|STP|DIS|CLD|PUR|SAF|ADR|AL|BUZ|PF|TRG|LN|PHN)[A-Z0-9.]*$`)

func newEraCommand(payload []byte) (Frame, bool) {
	address, c, err := newera.DecodeCommand(payload)
	if err != nil || c != newera.Status && !newEraWords.MatchString(string(c)) {
		return Frame{}, false
	}
	return Frame{Kind: Command, Command: string(c), Address: &address}, true
}

func tellNewEra(payload []byte, sent string) (Frame, bool) {
	if f, ok := newEraCommand(payload); ok {
		return f, true
	}
	r, err := newera.Decode(payload)
	if err != nil {
		return Frame{}, false
	}
	f := newEraReply(r, newEraName(sent))
	f.Address = some(r.Address)
	if r.State != newera.Alarmed {
		f.State = newEraState(r.State)
	}
	return f, true
}

// newEraName is a command without its address: "0VOL" is VOL.
func newEraName(sent string) string {
	return strings.TrimLeft(strings.ToUpper(strings.ReplaceAll(sent, " ", "")), "0123456789")
}

func newEraReply(r newera.Reply, sent string) Frame {
	switch {
	case r.State == newera.Alarmed:
		return Frame{Kind: Status, Alarm: newEraAlarm(r.Alarm)}
	case r.Err != newera.NoError:
		return Frame{Kind: Error, Error: newEraError(r.Err), Data: string(r.Err)}
	case r.Data == "" && sent == "":
		return Frame{Kind: Status}
	case r.Data == "":
		return Frame{Kind: Ack}
	}
	return newEraData(r.Data, sent)
}

var newEraTotals = regexp.MustCompile(`^I([0-9.]+)W([0-9.]+)(ML|UL)$`)

// newEraData tells what was asked for. Totals and versions are known by their form, settings by what was asked.
func newEraData(data, sent string) Frame {
	if _, err := newera.ParseTotals(data); err == nil {
		t := newEraTotals.FindStringSubmatch(data)
		return Frame{Kind: Volume, Infused: newEraML(t[1], t[3]), Withdrawn: newEraML(t[2], t[3])}
	}
	if v, err := newera.ParseVersion(data); err == nil && (sent == "" || sent == "VER") {
		return Frame{Kind: Identity, Model: v.Model, Firmware: v.Version, Text: data}
	}
	if sent == "VOL" {
		if _, err := newera.ParseVolume(data); err == nil {
			return Frame{Kind: Volume, Volume: newEraML(data[:len(data)-2], data[len(data)-2:]), Setting: sent, Data: data}
		}
	}
	if sent == "" {
		return Frame{Kind: Answer, Data: data}
	}
	f := Frame{Kind: Setting, Setting: sent, Data: data}
	if _, err := newera.ParseRate(data); err == nil && sent == "RAT" && strings.HasSuffix(data, "MM") {
		f.Rate = strings.TrimSuffix(data, "MM")
	}
	return f
}

func newEraML(number, unit string) string {
	if unit == "UL" {
		return millilitres(number)
	}
	return number
}

func newEraState(s newera.State) string {
	switch s {
	case newera.Infusing:
		return "infusing"
	case newera.Withdrawing:
		return "withdrawing"
	case newera.Stopped:
		return "stopped"
	case newera.Paused:
		return "paused"
	case newera.TimedPause:
		return "timed_pause"
	case newera.Waiting:
		return "waiting_for_trigger"
	}
	return "purging"
}

func newEraAlarm(a newera.Alarm) string {
	switch a {
	case newera.WasReset:
		return "reset"
	case newera.Stalled:
		return "stalled"
	case newera.HostSilent:
		return "timeout"
	case newera.ProgramError:
		return "program_error"
	}
	return "phase_out_of_range"
}

func newEraError(e newera.DataError) string {
	switch e {
	case newera.NotApplicable:
		return "not_applicable"
	case newera.OutOfRange:
		return "out_of_range"
	case newera.BadPacket:
		return "bad_packet"
	case newera.Ignored:
		return "ignored"
	}
	return "not_recognised"
}

func printable(b []byte) bool {
	return skipTo(b, func(c byte) bool { return !isPrintable(c) }) == len(b)
}

func isPrintable(c byte) bool { return c >= ' ' && c <= '~' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// skipTo is the index of the first byte that is wanted, or the length of b.
func skipTo(b []byte, wanted func(byte) bool) int {
	for i, c := range b {
		if wanted(c) {
			return i
		}
	}
	return len(b)
}
