package cavro_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/protocol/cavro"
)

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		command  cavro.Command
		sequence byte
		repeat   bool
		want     string
	}{
		{cavro.Query, 1, false, "02 31 31 51 03 50"},
		{cavro.Encoder, 2, false, "02 31 32 3F 34 03 09"},
		{"ZR", 1, false, "02 31 31 5A 52 03 09"},
		{"ZR", 1, true, "02 31 39 5A 52 03 01"},
		{"IA1500OA0R", 2, false, "02 31 32 49 41 31 35 30 30 4F 41 30 52 03 62"},
		{cavro.Terminate, 3, false, "02 31 33 54 03 57"},
		{"OA0R", 2, false, "02 31 32 4F 41 30 52 03 6E"},
		{"OA0R", 2, true, "02 31 3A 4F 41 30 52 03 66"},
	} {
		want := unhex(t, c.want)
		if got := cavro.AppendBlock(nil, '1', c.sequence, c.repeat, c.command); string(got) != want {
			t.Errorf("%s: % X, want % X", c.command, got, want)
		}
		got := bodies(new(cavro.BlockFramer), []byte(want))
		if len(got) != 1 {
			t.Errorf("%s: cut into %q", c.command, got)
			continue
		}
		b, err := cavro.DecodeBlock([]byte(got[0]))
		if err != nil || b.Address != '1' || b.Sequence != c.sequence || b.Repeat != c.repeat || string(b.Text) != string(c.command) {
			t.Errorf("%s: %+v, %v", c.command, b, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		ready      bool
		code       cavro.ErrorCode
		data       string
		block, row string // row is the DT line, where the manual's rules give one
	}{
		{true, cavro.NoError, "", "02 30 60 03 51", "/0`\x03\r\n"},
		{false, cavro.NoError, "", "02 30 40 03 71", "/0@\x03\r\n"},
		{true, cavro.NoError, "3000", "02 30 60 33 30 30 30 03 52", "/0`3000\x03\r\n"},
		{true, cavro.PlungerOverload, "", "02 30 69 03 58", "/0i\x03\r\n"},
		{true, cavro.NotInitialised, "", "02 30 67 03 56", "/0g\x03\r\n"},
		{true, cavro.PlungerOverload, "842", "02 30 69 38 34 32 03 66", "/0i842\x03\r\n"},
		{false, cavro.NoError, "870", "02 30 40 38 37 30 03 4E", "/0@870\x03\r\n"},
		{true, cavro.Initialisation, "", "02 30 61 03 50", "/0a\x03\r\n"},
		{false, cavro.Initialisation, "", "02 30 41 03 70", "/0A\x03\r\n"},
		{false, cavro.Overflow, "", "02 30 4F 03 7E", "/0O\x03\r\n"},
	} {
		a := cavro.Answer{Status: cavro.StatusOf(c.ready, c.code), Data: []byte(c.data)}
		block := unhex(t, c.block)
		if got := a.AppendBlock(nil); string(got) != block {
			t.Errorf("%v %q: % X, want % X", c.code, c.data, got, block)
		}
		if got := a.AppendLine(nil); string(got) != c.row {
			t.Errorf("%v %q: %q, want %q", c.code, c.data, got, c.row)
		}
		for _, cut := range [][]string{
			bodies(new(cavro.BlockFramer), []byte(block)), bodies(new(cavro.ReplyFramer), []byte(c.row)),
		} {
			if len(cut) != 1 {
				t.Errorf("%v %q: cut into %q", c.code, c.data, cut)
				continue
			}
			got, err := cavro.DecodeAnswer([]byte(cut[0]))
			if err != nil || got.Status.Ready() != c.ready || got.Status.Err() != c.code || string(got.Data) != c.data {
				t.Errorf("%q: %+v, %v", cut[0], got, err)
			}
		}
	}
}

// A conversation in the DT protocol, from a pump that was switched on to an overload.
func TestConversationInDT(t *testing.T) {
	for _, c := range []struct {
		command cavro.Command
		line    string
		answer  string
		ready   bool
		code    cavro.ErrorCode
		data    string
	}{
		{cavro.Query, "/1Q\r", "/0g\x03\r\n", true, cavro.NotInitialised, ""},
		{"ZR", "/1ZR\r", "/0@\x03\r\n", false, cavro.NoError, ""},
		{cavro.Query, "/1Q\r", "/0`\x03\r\n", true, cavro.NoError, ""},
		{"IA1500R", "/1IA1500R\r", "/0@\x03\r\n", false, cavro.NoError, ""},
		{cavro.Encoder, "/1?4\r", "/0`1500\x03\r\n", true, cavro.NoError, "1500"},
		{"OA0R", "/1OA0R\r", "/0@\x03\r\n", false, cavro.NoError, ""},
		{cavro.Position, "/1?\r", "/0@870\x03\r\n", false, cavro.NoError, "870"},
		{cavro.Query, "/1Q\r", "/0i\x03\r\n", true, cavro.PlungerOverload, ""},
		{cavro.Encoder, "/1?4\r", "/0i842\x03\r\n", true, cavro.PlungerOverload, "842"},
	} {
		if got := cavro.AppendLine(nil, '1', c.command); string(got) != c.line {
			t.Errorf("%s: %q, want %q", c.command, got, c.line)
		}
		cut := bodies(new(cavro.LineFramer), []byte(c.line))
		if l, err := cavro.DecodeLine([]byte(cut[0])); err != nil || l.Address != '1' || string(l.Text) != string(c.command) {
			t.Errorf("%q: %+v, %v", c.line, l, err)
		}
		cut = bodies(new(cavro.ReplyFramer), []byte(c.answer))
		a, err := cavro.DecodeAnswer([]byte(cut[0]))
		if err != nil || a.Status != cavro.StatusOf(c.ready, c.code) || string(a.Data) != c.data {
			t.Errorf("%q: %+v, %v", c.answer, a, err)
		}
	}
}

type framer interface {
	Next(chunk []byte) (body, rest []byte, ok bool)
}

func bodies(f framer, chunk []byte) []string {
	var got []string
	for {
		b, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, string(b))
	}
}

func TestStatus(t *testing.T) {
	for code, want := range map[cavro.ErrorCode][2]byte{
		cavro.NoError: {'`', '@'}, cavro.Initialisation: {'a', 'A'}, cavro.InvalidCommand: {'b', 'B'},
		cavro.InvalidOperand: {'c', 'C'}, cavro.InvalidSequence: {'d', 'D'}, cavro.EEPROM: {'f', 'F'},
		cavro.NotInitialised: {'g', 'G'}, cavro.PlungerOverload: {'i', 'I'}, cavro.ValveOverload: {'j', 'J'},
		cavro.MoveNotAllowed: {'k', 'K'}, cavro.Overflow: {'o', 'O'},
	} {
		if got := [2]byte{byte(cavro.StatusOf(true, code)), byte(cavro.StatusOf(false, code))}; got != want {
			t.Errorf("%d: %q, want %q", code, got, want)
		}
		if (code == cavro.NoError) != (code.String() == "") {
			t.Errorf("%d is called %q", code, code)
		}
	}
	for _, body := range []string{"", "0", "1`", "0\x20", "0P", "0\xe0", "0p", "0`\x80", "0`\n", "/`"} {
		if a, err := cavro.DecodeAnswer([]byte(body)); !errors.Is(err, cavro.ErrSyntax) || a.Status != 0 {
			t.Errorf("%q: %+v, %v", body, a, err)
		}
	}
	for _, body := range []string{"", "1", "01Q", "1 Q", "1@Q", "1/Q", "@1Q", "P1Q", "^1Q", "`1Q", "11\x80"} {
		if b, err := cavro.DecodeBlock([]byte(body)); !errors.Is(err, cavro.ErrSyntax) || b.Address != 0 {
			t.Errorf("%q: %+v, %v", body, b, err)
		}
	}
	for _, body := range []string{"", "0Q", "@Q", "1\x7f"} {
		if l, err := cavro.DecodeLine([]byte(body)); !errors.Is(err, cavro.ErrSyntax) || l.Address != 0 {
			t.Errorf("%q: %+v, %v", body, l, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for position, want := range map[int]cavro.Address{0: '1', 8: '9', 9: ':', 14: '?'} {
		if got, err := cavro.AddressOf(position); err != nil || got != want || !got.Single() || !got.Valid() {
			t.Errorf("%d: %c, %v", position, got, err)
		}
	}
	for _, position := range []int{-1, cavro.SelfTestSwitch, 16} {
		if got, err := cavro.AddressOf(position); !errors.Is(err, cavro.ErrAddress) {
			t.Errorf("%d: %c", position, got)
		}
	}
	for a := range 256 {
		group := a >= 0x41 && a <= 0x4f || a >= 0x51 && a <= 0x5d || a == 0x5f
		single := a >= 0x31 && a <= 0x3f
		if got := cavro.Address(a); got.Valid() != (group || single) || got.Single() != single {
			t.Errorf("%#x: valid %t, single %t", a, got.Valid(), got.Single())
		}
	}
}

func TestNumbers(t *testing.T) {
	for data, want := range map[string]int{"0": 0, "3000": 3000, "00842": 842, "999999999": 999_999_999} {
		if got, err := (cavro.Answer{Data: []byte(data)}).Number(); err != nil || got != want {
			t.Errorf("%q: %d, %v", data, got, err)
		}
	}
	for _, data := range []string{"", "-1", "1.5", "30 0", "1000000000", "i"} {
		if got, err := (cavro.Answer{Data: []byte(data)}).Number(); !errors.Is(err, cavro.ErrSyntax) || got != 0 {
			t.Errorf("%q: %d, %v", data, got, err)
		}
	}
}

func TestPrograms(t *testing.T) {
	for want, p := range map[string]*cavro.Program{
		"IA1500OA0R":                new(cavro.Program).Turn(cavro.Input, 0).MoveTo(1500).Turn(cavro.Output, 0).MoveTo(0),
		"Z0R":                       new(cavro.Program).Home(cavro.Clockwise, 0, 0, 0),
		"Y2R":                       new(cavro.Program).Home(cavro.CounterClockwise, 2, 0, 0),
		"Z14,1,3R":                  new(cavro.Program).Home(cavro.Clockwise, 14, 1, 3),
		"N0L14v900V1400c900R":       new(cavro.Program).FineMode(false).Speeds(14, 900, 1400, 900),
		"N1R":                       new(cavro.Program).FineMode(true),
		"O2A0M500R":                 new(cavro.Program).Turn(cavro.Output, 2).MoveTo(0).Delay(500),
		"BR":                        new(cavro.Program).Turn(cavro.Bypass, 0),
		"ER":                        new(cavro.Program).Turn(cavro.Extra, 0),
		"L1v50V5c50R":               new(cavro.Program).Speeds(1, 50, 5, 50),
		"L20v1000V6000c2700A48000R": new(cavro.Program).Speeds(20, 1000, 6000, 2700).MoveTo(48_000),
	} {
		if got, err := p.Run(); err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		if again, err := p.Run(); err != nil || string(again) != want {
			t.Errorf("asked again: %q, %v; want %q", again, err, want)
		}
	}
	for name, p := range map[string]*cavro.Program{
		"nothing":            new(cavro.Program),
		"position below":     new(cavro.Program).MoveTo(-1),
		"position above":     new(cavro.Program).MoveTo(48_001),
		"slope":              new(cavro.Program).Speeds(0, 900, 1400, 900),
		"start":              new(cavro.Program).Speeds(14, 49, 1400, 900),
		"top below":          new(cavro.Program).Speeds(14, 900, 4, 900),
		"top above":          new(cavro.Program).Speeds(14, 900, 6001, 900),
		"cutoff":             new(cavro.Program).Speeds(14, 900, 1400, 2701),
		"delay":              new(cavro.Program).Delay(30_001),
		"port":               new(cavro.Program).Turn(cavro.Input, 13),
		"port of the bypass": new(cavro.Program).Turn(cavro.Bypass, 1),
		"valve":              new(cavro.Program).Turn('X', 0),
		"sense":              new(cavro.Program).Home('W', 0, 0, 0),
		"force":              new(cavro.Program).Home(cavro.Clockwise, 3, 0, 0),
		"one port":           new(cavro.Program).Home(cavro.Clockwise, 0, 1, 0),
		"too long":           long(256),
	} {
		if got, err := p.Run(); !errors.Is(err, cavro.ErrOperand) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := long(254).Run(); err != nil || len(got) != cavro.MaxText {
		t.Errorf("%d characters, %v", len(got), err)
	}
}

func long(n int) *cavro.Program {
	p := new(cavro.Program)
	for range n / 2 {
		p.MoveTo(0)
	}
	return p
}

func TestOperations(t *testing.T) {
	type ops = []cavro.Operation
	for text, want := range map[string]struct {
		ops  ops
		code cavro.ErrorCode
	}{
		"IA1500OA0R": {ops: ops{{Name: 'I'}, {Name: 'A', N: [3]int{1500}, Args: 1}, {Name: 'O'}, {Name: 'A', Args: 1}, {Name: 'R'}}},
		"Z1,2,3R":    {ops: ops{{Name: 'Z', N: [3]int{1, 2, 3}, Args: 3}, {Name: 'R'}}},
		"ZR":         {ops: ops{{Name: 'Z'}, {Name: 'R'}}},
		"?4":         {ops: ops{{Name: '?', N: [3]int{4}, Args: 1}}},
		"?":          {ops: ops{{Name: '?'}}},
		"w1,2z":      {ops: ops{{Name: 'w', N: [3]int{1, 2}, Args: 2}, {Name: 'z'}}},
		"gA0A10G3":   {ops: ops{{Name: 'g'}, {Name: 'A', Args: 1}, {Name: 'A', N: [3]int{10}, Args: 1}, {Name: 'G', N: [3]int{3}, Args: 1}}},
		"A10y":       {ops: ops{{Name: 'A', N: [3]int{10}, Args: 1}}, code: cavro.InvalidCommand},
		"A":          {code: cavro.InvalidOperand},
		"AR":         {code: cavro.InvalidOperand},
		"A123456":    {code: cavro.InvalidOperand},
		"w1":         {code: cavro.InvalidOperand},
		"Z1,2,3,4":   {code: cavro.InvalidOperand},
		"Z1,":        {code: cavro.InvalidOperand},
		"A1,2":       {code: cavro.InvalidOperand},
		"R5":         {code: cavro.InvalidOperand},
		" ":          {code: cavro.InvalidCommand},
	} {
		var got ops
		var code cavro.ErrorCode
		for rest := []byte(text); len(rest) > 0 && code == cavro.NoError; {
			var op cavro.Operation
			if op, rest, code = cavro.NextOperation(rest); code == cavro.NoError {
				got = append(got, op)
			}
		}
		if diff := cmp.Diff(want.ops, got); diff != "" || code != want.code {
			t.Errorf("%q: code %d, want %d; %s", text, code, want.code, diff)
		}
	}
}

func TestSpeeds(t *testing.T) {
	for code, want := range map[int]int{0: 6000, 11: 1400, 17: 200, 27: 100, 40: 10} {
		if got, ok := cavro.SpeedOfCode(code); !ok || got != want {
			t.Errorf("S%d: %d, %t", code, got, ok)
		}
	}
	for _, code := range []int{-1, 41} {
		if _, ok := cavro.SpeedOfCode(code); ok {
			t.Errorf("S%d has a speed", code)
		}
	}
	// Speed code 11 is the one at power-up: 4.3 s for a stroke.
	for _, s := range []cavro.Stroke{cavro.XCalibur, cavro.XCaliburFine, cavro.XLP, cavro.XLPFine} {
		if got := s.Time(int(s), 1400).Round(100 * time.Millisecond); got != 4300*time.Millisecond || !s.Valid() {
			t.Errorf("%d increments: %s", s, got)
		}
	}
	if cavro.Stroke(0).Valid() || cavro.XCalibur.Fine() || !cavro.XLPFine.Fine() {
		t.Error("strokes")
	}
}

func TestBlockFraming(t *testing.T) {
	q := string(cavro.AppendBlock(nil, '1', 1, false, cavro.Query))
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"noise around":                        {"xx" + q + "yy" + q, []string{"11Q", "11Q"}},
		"the newest STX wins":                 {"\x0211" + q, []string{"11Q"}},
		"the checksum missing":                {q[:len(q)-1] + q, []string{"11Q"}},
		"the checksum wrong":                  {q[:len(q)-1] + "\x51" + q, []string{"11Q"}},
		"a byte above ASCII":                  {"\x0211\xd1\x03\xd0", nil},
		"NUL":                                 {"\x0211Q\x00\x03\x50", nil},
		"nothing inside":                      {"\x02\x03\x01", nil},
		"an end without a start":              {"11Q\x03\x50", nil},
		"half a block stays":                  {q[:5], nil},
		"longer than any":                     {"\x02" + strings.Repeat("1", 258) + "\x03\x01", nil},
		"a DT line beside it":                 {"/1Q\r" + q, []string{"11Q"}},
		"a lost STX takes only its own block": {q[1:] + q, []string{"11Q"}},
	} {
		if diff := cmp.Diff(c.want, bodies(new(cavro.BlockFramer), []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The exclusive or of a block may be any byte, also STX, ETX and CR.
func TestChecksumMayLookLikeAnything(t *testing.T) {
	for _, sum := range []byte{0x02, 0x03, 0x0d, 0x00} {
		found := false
		for a := byte('1'); a <= '?' && !found; a++ {
			for x := byte(' '); x <= '~' && !found; x++ {
				b := cavro.AppendBlock(nil, cavro.Address(a), 1, false, cavro.Command([]byte{'A', x}))
				if found = b[len(b)-1] == sum; !found {
					continue
				}
				next := cavro.AppendBlock(nil, '1', 2, false, cavro.Query)
				got := bodies(new(cavro.BlockFramer), append(bytes.Clone(b), next...))
				if len(got) != 2 || got[0] != string(b[1:len(b)-2]) || got[1] != "12Q" {
					t.Errorf("checksum %02X: %q", sum, got)
				}
			}
		}
		if !found {
			t.Errorf("no block with the checksum %02X", sum)
		}
	}
}

func TestReplyFraming(t *testing.T) {
	const idle = "/0`\x03\r\n"
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"noise around":                 {"xx" + idle + "yy" + idle, []string{"0`", "0`"}},
		"an echo in front":             {"/1Q\r" + idle, []string{"0`"}},
		"slashes in front":             {"//0/" + idle, []string{"0`"}},
		"a slash in the data":          {"/0`P/N 1\x03\r\n", []string{"0`P/N 1"}},
		"two that run into each other": {"/0`15/0`3000\x03\r\n" + idle, []string{"0`"}},
		"no LF":                        {"/0`15\x03\r" + idle, []string{"0`"}},
		"no CR":                        {"/0`15\x03\n" + idle, []string{"0`"}},
		"no ETX":                       {"/0`15\r\n" + idle, []string{"0`"}},
		"no status":                    {"/0\x03\r\n" + idle, []string{"0`"}},
		"for somebody else":            {"/2`15\x03\r\n" + idle, []string{"0`"}},
		"a status that is none":        {"/0P15\x03\r\n" + idle, []string{"0`"}},
		"a byte above ASCII":           {"/0`1\xb5\x03\r\n" + idle, []string{"0`"}},
		"half an answer stays":         {"/0`15", nil},
		"longer than any":              {"/0`" + strings.Repeat("1", 256) + "\x03\r\n" + idle, []string{"0`"}},
	} {
		if diff := cmp.Diff(c.want, bodies(new(cavro.ReplyFramer), []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for in, want := range map[string][]string{
		"/1Q\r/1?4\r": {"1Q", "1?4"}, "xx/1Z/1Q\r": {"1Q"}, "/1Q\n/1T\r": {"1T"}, "/1Q\x80\r": nil, "1Q\r": nil,
		"/1" + strings.Repeat("1", 256) + "\r": nil,
	} {
		if diff := cmp.Diff(want, bodies(new(cavro.LineFramer), []byte(in))); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

// protocol is one direction of one protocol: how a frame is drawn, and how it is cut.
type protocol struct {
	framer func() framer
	draw   func(t *rapid.T) (frame []byte, body string)
	wrap   func(body string) string
}

func protocols() map[string]protocol {
	return map[string]protocol{
		"OEM commands": {func() framer { return new(cavro.BlockFramer) }, drawBlock, wrapBlock},
		"OEM answers":  {func() framer { return new(cavro.BlockFramer) }, drawAnswerBlock, wrapBlock},
		"DT commands":  {func() framer { return new(cavro.LineFramer) }, drawLine, func(b string) string { return "/" + b + "\r" }},
		"DT answers":   {func() framer { return new(cavro.ReplyFramer) }, drawAnswerLine, func(b string) string { return "/" + b + "\x03\r\n" }},
	}
}

func wrapBlock(body string) string {
	sum := byte(0x01)
	for i := range len(body) {
		sum ^= body[i]
	}
	return "\x02" + body + "\x03" + string([]byte{sum})
}

func drawBlock(t *rapid.T) ([]byte, string) {
	text := rapid.StringMatching(`[A-Za-z0-9?&,]{0,40}`).Draw(t, "text")
	seq := rapid.ByteRange(0, 7).Draw(t, "sequence")
	b := cavro.AppendBlock(nil, cavro.Address(rapid.ByteRange('1', '?').Draw(t, "address")), seq, rapid.Bool().Draw(t, "repeat"), cavro.Command(text))
	return b, string(b[1 : len(b)-2])
}

func drawLine(t *rapid.T) ([]byte, string) {
	text := rapid.StringMatching(`[A-Za-z0-9?&,]{0,40}`).Draw(t, "text")
	b := cavro.AppendLine(nil, cavro.Address(rapid.ByteRange('1', '?').Draw(t, "address")), cavro.Command(text))
	return b, string(b[1 : len(b)-1])
}

func drawAnswer(t *rapid.T) cavro.Answer {
	code := cavro.ErrorCode(rapid.ByteRange(0, 15).Draw(t, "code"))
	return cavro.Answer{
		Status: cavro.StatusOf(rapid.Bool().Draw(t, "ready"), code),
		Data:   []byte(rapid.StringMatching(`[A-Za-z0-9 .,-]{0,20}`).Draw(t, "data")),
	}
}

func drawAnswerBlock(t *rapid.T) ([]byte, string) {
	b := drawAnswer(t).AppendBlock(nil)
	return b, string(b[1 : len(b)-2])
}

func drawAnswerLine(t *rapid.T) ([]byte, string) {
	b := drawAnswer(t).AppendLine(nil)
	return b, string(b[1 : len(b)-3])
}

func chunked(t *rapid.T, f framer, stream []byte) []string {
	var got []string
	for len(stream) > 0 {
		n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
		got = append(got, bodies(f, stream[:n])...)
		stream = stream[n:]
	}
	return got
}

// What is encoded is what is cut, however the line cuts it, with noise before, between and after that begins no frame.
func TestFramesSurviveAnyChunking(t *testing.T) {
	for name, p := range protocols() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				noise := rapid.SliceOfN(rapid.ByteRange(0x04, 0x2e), 0, 8)
				var stream []byte
				var want []string
				for range rapid.IntRange(1, 6).Draw(t, "count") {
					frame, body := p.draw(t)
					stream = append(append(stream, noise.Draw(t, "noise")...), frame...)
					want = append(want, body)
				}
				stream = append(stream, noise.Draw(t, "noise")...)
				if diff := cmp.Diff(want, chunked(t, p.framer(), stream)); diff != "" {
					t.Fatal(diff)
				}
			})
		})
	}
}

// Garbage and damage never make a frame that does not stand in the stream whole, and the checksum of a block finds
// every single byte that changed, got lost or came in.
func TestGarbageNeverMakesAFrame(t *testing.T) {
	for name, p := range protocols() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				var stream []byte
				for range rapid.IntRange(1, 5).Draw(t, "count") {
					stream = append(stream, rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "noise")...)
					hurt, _ := p.draw(t)
					stream = append(stream, damage(t, hurt)...)
					whole, _ := p.draw(t)
					stream = append(stream, whole...)
				}
				for _, body := range chunked(t, p.framer(), stream) {
					if !strings.Contains(string(stream), p.wrap(body)) {
						t.Fatalf("%q was never sent", body)
					}
				}
			})
		})
	}
}

func damage(t *rapid.T, frame []byte) []byte {
	i := rapid.IntRange(0, len(frame)-1).Draw(t, "at")
	switch rapid.IntRange(0, 3).Draw(t, "damage") {
	case 0:
		frame[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	case 1:
		frame = frame[:i]
	case 2:
		frame = append(frame[:i:i], frame[i+1:]...)
	case 3:
		frame = append(append(frame[:i:i], rapid.Byte().Draw(t, "extra")), frame[i:]...)
	}
	return frame
}

// One damaged byte makes no block at all, unless a number in it is cut off just where the rest happens to be its
// checksum: that needs three bytes of data, and with digits it cannot happen.
func TestOneDamagedByteIsFound(t *testing.T) {
	for _, data := range []string{"", "0", "870", "1500", "24000", "48000"} {
		whole := cavro.Answer{Status: cavro.StatusOf(true, cavro.NoError), Data: []byte(data)}.AppendBlock(nil)
		for i := range whole {
			for b := range 256 {
				changed, grown := bytes.Clone(whole), append(append(bytes.Clone(whole[:i]), byte(b)), whole[i:]...)
				changed[i] = byte(b)
				for _, stream := range [][]byte{changed, grown, append(bytes.Clone(whole[:i]), whole[i+1:]...)} {
					for _, body := range bodies(new(cavro.BlockFramer), stream) {
						if body != "0`"+data {
							t.Fatalf("% X was cut from % X", body, stream)
						}
					}
				}
			}
		}
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	block := cavro.Answer{Status: cavro.StatusOf(true, cavro.NoError), Data: []byte("24000")}.AppendBlock(nil)
	line := cavro.Answer{Status: cavro.StatusOf(true, cavro.NoError), Data: []byte("24000")}.AppendLine(nil)
	blocks, lines := new(cavro.BlockFramer), new(cavro.ReplyFramer)
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		for _, body := range [][]byte{first(blocks.Next(block)), first(lines.Next(line))} {
			a, err := cavro.DecodeAnswer(body)
			if err != nil {
				t.Fatal(err)
			}
			number, err := a.Number()
			if err != nil {
				t.Fatal(err)
			}
			sum += number
		}
	}); n != 0 || sum == 0 {
		t.Errorf("%g allocations", n)
	}
}

func first(body, _ []byte, _ bool) []byte { return body }

func FuzzBlockFramer(f *testing.F) {
	f.Add([]byte("\x0211Q\x03\x50"), uint8(1))
	f.Add([]byte("x\x0211ZR\x03\x09\x0230`3000\x03\x52"), uint8(3))
	f.Add([]byte("\x02\x02\x03\x03\x02"), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		sameInPieces(t, new(cavro.BlockFramer), new(cavro.BlockFramer), stream, n, wrapBlock)
	})
}

func FuzzReplyFramer(f *testing.F) {
	f.Add([]byte("/0`\x03\r\n/0@870\x03\r\n"), uint8(1))
	f.Add([]byte("/0`15/0`3000\x03\r\n"), uint8(4))
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		sameInPieces(t, new(cavro.ReplyFramer), new(cavro.ReplyFramer), stream, n, func(b string) string { return "/" + b + "\x03\r\n" })
	})
}

func FuzzLineFramer(f *testing.F) {
	f.Add([]byte("/1IA1500OA0R\r/1Q\r"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		sameInPieces(t, new(cavro.LineFramer), new(cavro.LineFramer), stream, n, func(b string) string { return "/" + b + "\r" })
	})
}

// sameInPieces: the pieces in which a stream comes make no difference, and every frame stands in it whole.
func sameInPieces(t *testing.T, whole, cut framer, stream []byte, n uint8, wrap func(string) string) {
	want := bodies(whole, stream)
	var got []string
	for rest := stream; len(rest) > 0; {
		k := min(max(int(n), 1), len(rest))
		got = append(got, bodies(cut, rest[:k])...)
		rest = rest[k:]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for _, b := range got {
		if !strings.Contains(string(stream), wrap(b)) {
			t.Fatalf("%q does not stand in %q", b, stream)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("0`3000"))
	f.Add([]byte("19ZR"))
	f.Add([]byte("1IA1500OA0R"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := cavro.DecodeAnswer(body); err == nil {
			if got := bodies(new(cavro.BlockFramer), a.AppendBlock(nil)); len(body) <= 257 && (len(got) != 1 || got[0] != string(body)) {
				t.Fatalf("%q, written and cut: %q", body, got)
			}
		}
		if b, err := cavro.DecodeBlock(body); err == nil {
			again := cavro.AppendBlock(nil, b.Address, b.Sequence, b.Repeat, cavro.Command(b.Text))
			if string(again[1:len(again)-2]) != string(body) {
				t.Fatalf("%q, written: %q", body, again)
			}
		}
		for rest := body; len(rest) > 0; {
			var code cavro.ErrorCode
			before := len(rest)
			if _, rest, code = cavro.NextOperation(rest); code != cavro.NoError {
				return
			}
			if len(rest) >= before {
				t.Fatalf("no progress in %q", body)
			}
		}
	})
}
