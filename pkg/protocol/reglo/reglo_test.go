package reglo_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/reglo"
)

// tokens are what a pump said: one character, a line, or an event with its caret.
func tokens(f *reglo.ReplyFramer, chunk []byte) []string {
	var got []string
	for {
		t, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		if t.Kind.Status() {
			got = append(got, string(rune(t.Kind)))
			continue
		}
		got = append(got, string(t.Text))
	}
}

func lines(f *reglo.RequestFramer, chunk []byte) []string {
	var got []string
	for {
		line, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, string(line))
	}
}

// The requests that are written out in what is known of the protocol.
func TestRequests(t *testing.T) {
	for sent, want := range map[string]reglo.Request{
		"0x!\r":         {Command: reglo.Protocol},
		"0(\r":          {Command: reglo.Software},
		"0xE1\r":        {Command: reglo.Events, Data: "1"},
		"1xM\r":         {Address: 1, Command: reglo.ModeSet},
		"1O\r":          {Address: 1, Command: reglo.Command(reglo.VolumeAtRate)},
		"1J\r":          {Address: 1, Command: reglo.Clockwise},
		"4v3000+2\r":    {Address: 4, Command: reglo.Volume, Data: "3000+2"},
		"1f1300-3\r":    {Address: 1, Command: reglo.Flow, Data: "1300-3"},
		"4f\r":          {Address: 4, Command: reglo.Flow},
		"2S012300\r":    {Address: 2, Command: reglo.Speed, Data: "012300"},
		"4S\r":          {Address: 4, Command: reglo.Speed},
		"2+\r":          {Address: 2, Command: reglo.Tube},
		"1xT00001500\r": {Address: 1, Command: reglo.Time, Data: "00001500"},
		"2H\r":          {Address: 2, Command: reglo.Start},
		"3I\r":          {Address: 3, Command: reglo.Stop},
		"3xG\r":         {Address: 3, Command: reglo.TotalML},
		"1~1\r":         {Address: 1, Command: reglo.Channels, Data: "1"},
		"@2\r":          {Command: reglo.SetAddress, Data: "2"},
	} {
		got := lines(new(reglo.RequestFramer), []byte(sent))
		if len(got) != 1 {
			t.Errorf("%q: %q", sent, got)
			continue
		}
		if r, err := reglo.DecodeRequest([]byte(got[0])); err != nil || r != want {
			t.Errorf("%q: %+v, %v", sent, r, err)
		}
		if back := string(want.Append(nil)); back != sent {
			t.Errorf("%+v: %q, want %q", want, back, sent)
		}
	}
	for _, s := range []string{"", "1", "x", "9H", "1x", "H", "0@"} {
		if r, err := reglo.DecodeRequest([]byte(s)); err == nil {
			t.Errorf("%q: %+v", s, r)
		}
	}
}

func TestReplyFraming(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"the protocol's version":           {"2\r\n", []string{"2"}},
		"a bare character":                 {"*", []string{"*"}},
		"each of them":                     {"*#+-", []string{"*", "#", "+", "-"}},
		"they are data inside a line":      {"3000E+2\r\n1300E-3\r\n", []string{"3000E+2", "1300E-3"}},
		"an event":                         {"^X2|A\r\n", []string{"^X2|A"}},
		"an event before the answer":       {"^U1|A|0000000100|0000000500|0000\r\n*", []string{"^U1|A|0000000100|0000000500|0000", "*"}},
		"an event after the answer":        {"3000E+2\r\n^X1|1\r\n", []string{"3000E+2", "^X1|1"}},
		"NUL spoils the line":              {"30\x000E+2\r\n3000E+2\r\n", []string{"3000E+2"}},
		"a high bit spoils the line":       {"3000\xc5+2\r\n*", []string{"*"}},
		"a lost LF spoils the next line":   {"3000E+2\r3000E+2\r\n*", []string{"*"}},
		"a lost CR spoils the next line":   {"3000E+2\n3000E+2\r\n*", []string{"*"}},
		"an LF inside a line":              {"12\n34.5 ml\r\n", nil},
		"a CR inside a line":               {"12\r34.5 ml\r\n", nil},
		"an empty line":                    {"\r\n*", []string{"*"}},
		"too long":                         {strings.Repeat("1", 129) + "\r\n*", []string{"*"}},
		"far too long":                     {strings.Repeat("1", 300) + "\r\n*", []string{"*"}},
		"as long as a line may be":         {strings.Repeat("1", 128) + "\r\n", []string{strings.Repeat("1", 128)}},
		"broken off, then a character":     {"300*", nil},
		"broken off, and never made whole": {"300" + "3000E+2\r\n", []string{"3003000E+2"}}, // which is no number: see below
	} {
		if diff := cmp.Diff(c.want, tokens(new(reglo.ReplyFramer), []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if n, err := reglo.ParseAnswer("3003000E+2"); err == nil {
		t.Errorf("two answers in one: %+v", n)
	}
	var f reglo.ReplyFramer
	f.Lose()
	if got := tokens(&f, []byte("00E+2\r\n3000E+2\r\n")); len(got) != 1 || got[0] != "3000E+2" {
		t.Errorf("after a loss: %q", got)
	}
	tokens(&f, []byte("30"))
	f.Reset()
	if got := tokens(&f, []byte("*")); len(got) != 1 {
		t.Errorf("after silence: %q", got)
	}
}

func TestRequestFraming(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"one after the other": {"1H\r1I\r", []string{"1H", "1I"}},
		"NUL spoils it":       {"1\x00H\r1I\r", []string{"1I"}},
		"LF is not part":      {"1H\r\n1I\r1I\r", []string{"1H", "1I"}},
		"empty":               {"\r\r1H\r", []string{"1H"}},
		"too long":            {strings.Repeat("1", 129) + "\r1H\r", []string{"1H"}},
	} {
		if diff := cmp.Diff(c.want, lines(new(reglo.RequestFramer), []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestVolumesAndFlows(t *testing.T) {
	for text, want := range map[string]int64{ // in µL or µL/min
		"3000E+2": 300_000,
		"3250E+1": 32_500,
		"5000E-1": 500,
		"3000E+1": 30_000,
		"1386E-1": 0, // 138.6 µL: not whole
		"1300E-3": 0, // 1.3 µL/min: not whole
		"0000E+0": -1,
		"1000E-3": 1,
		"9999E+1": 99_990,
	} {
		n, err := reglo.ParseAnswer(text)
		if err != nil || n.Answer() != text {
			t.Errorf("%s: %+v, %v, %s", text, n, err, n.Answer())
		}
		got, err := n.Whole()
		switch want {
		case -1:
			want = 0
		case 0:
			if !errors.Is(err, reglo.ErrNumber) {
				t.Errorf("%s: %d, %v", text, got, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for n, want := range map[int64]string{
		500: "5000-1", 30_000: "3000+1", 300_000: "3000+2", 1: "1000-3", 0: "0000+0", 1234: "1234+0", 12_340: "1234+1", 99_990: "9999+1",
		9_999_000_000_000: "9999+9",
	} {
		if got, err := reglo.MakeNumber(n); err != nil || got.Request() != want {
			t.Errorf("%d: %s, %v; want %s", n, got.Request(), err, want)
		}
	}
	for _, n := range []int64{-1, 12_345, 100_010, 10_000_000_000_000_000} {
		if got, err := reglo.MakeNumber(n); !errors.Is(err, reglo.ErrNumber) {
			t.Errorf("%d: %+v, %v", n, got, err)
		}
	}
	for _, s := range []string{"", "300E+2", "30000E+2", "3000E2", "3000E+", "3000+2", "3000E 2", "3000e+2", "300xE+2", "3000E+x"} {
		if n, err := reglo.ParseAnswer(s); !errors.Is(err, reglo.ErrSyntax) {
			t.Errorf("%q: %+v, %v", s, n, err)
		}
	}
	for _, s := range []string{"", "3000E+2", "3000*2", "300+2", "x000+2"} {
		if n, err := reglo.ParseRequest(s); !errors.Is(err, reglo.ErrSyntax) {
			t.Errorf("%q: %+v, %v", s, n, err)
		}
	}
}

func TestOtherNumbers(t *testing.T) {
	if n, err := reglo.ParseDiscrete("0114", 4); err != nil || n != 114 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := reglo.ParseDiscrete("0000001511", 10); err != nil || n != 1511 {
		t.Errorf("%d, %v", n, err)
	}
	if s, err := reglo.FormatDiscrete(12_300, 6); err != nil || s != "012300" {
		t.Errorf("%s, %v", s, err)
	}
	for _, n := range []int64{-1, 10_000} {
		if s, err := reglo.FormatDiscrete(n, 4); !errors.Is(err, reglo.ErrNumber) {
			t.Errorf("%d: %s, %v", n, s, err)
		}
	}
	if n, err := reglo.ParseSpeed("12.30"); err != nil || n != 1230 || reglo.FormatHundredths(n) != "12.30" {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := reglo.ParseTube("3.17 mm"); err != nil || n != 317 {
		t.Errorf("%d, %v", n, err)
	}
	if d, err := reglo.ParseTime("00001500"); err != nil || d != 150*time.Second {
		t.Errorf("%s, %v", d, err)
	}
	if s, err := reglo.FormatTime(150 * time.Second); err != nil || s != "00001500" {
		t.Errorf("%s, %v", s, err)
	}
	for _, d := range []time.Duration{-time.Second, time.Millisecond, 10_000_000 * time.Second} {
		if s, err := reglo.FormatTime(d); !errors.Is(err, reglo.ErrNumber) {
			t.Errorf("%s: %s, %v", d, s, err)
		}
	}
	if n, err := reglo.ParseCount("7"); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	if m, err := reglo.ParseMode("O"); err != nil || m != reglo.VolumeAtRate {
		t.Errorf("%s, %v", m, err)
	}
	if d, err := reglo.ParseDirection("K"); err != nil || d != reglo.Counter {
		t.Errorf("%s, %v", d, err)
	}
	for name, err := range map[string]error{
		"speed without a point": second(reglo.ParseSpeed("12")),
		"speed, three places":   second(reglo.ParseSpeed("12.300")),
		"speed, letters":        second(reglo.ParseSpeed("1x.30")),
		"tube without a unit":   second(reglo.ParseTube("3.17")),
		"tube in cm":            second(reglo.ParseTube("3.17 cm")),
		"time, seven digits":    second(reglo.ParseTime("0001500")),
		"count, nothing":        second(reglo.ParseCount("")),
		"count, five digits":    second(reglo.ParseCount("10000")),
		"count, a sign":         second(reglo.ParseCount("-1")),
		"mode":                  second(reglo.ParseMode("X")),
		"two modes":             second(reglo.ParseMode("LM")),
		"no mode":               second(reglo.ParseMode("")),
		"direction":             second(reglo.ParseDirection("H")),
	} {
		if !errors.Is(err, reglo.ErrSyntax) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestTotals(t *testing.T) {
	for text, want := range map[string]measure.Volume{
		"4.983 ml": 4983, "0.000 ml": 0, "12.34 ml": 12_340, "123.4 ml": 123_400, "983.4 ul": 983, "98.34 ul": 98, "0.999 ul": 0,
	} {
		if got, err := reglo.ParseTotal(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, s := range []string{
		"", "4.983", "4.983ml", "4.983  ml", "4.983 l", "4.983 m", "4.983 mml", "4.98 ml", "4.9833 ml", "4983 ml", ".4983 ml",
		"4..83 ml", "-.983 ml", "4.983 ml ", "4.983 kg", "49833 ml",
	} {
		if got, err := reglo.ParseTotal(s); !errors.Is(err, reglo.ErrSyntax) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for v, want := range map[measure.Volume]string{
		-5: "0.000 ml", 0: "0.000 ml", 4983: "4.983 ml", 9999: "9.999 ml", 10_009: "10.00 ml", 12_345: "12.34 ml", 123_456: "123.4 ml", 5_000_000: "999.9 ml",
	} {
		if got := reglo.FormatTotal(v); got != want {
			t.Errorf("%d: %q, want %q", v, got, want)
		}
	}
}

func TestIdentityAndObstacles(t *testing.T) {
	if fw, err := reglo.ParseIdentity("REGLO ICC 0208 306"); err != nil || fw != (reglo.Firmware{Model: "REGLO ICC", Version: "0208", Head: "306"}) {
		t.Errorf("%+v, %v", fw, err)
	}
	for _, s := range []string{"", "REGLO", "0208 306", "REGLO ICC 0208", "REGLO ICC 0208 3O6", "2"} {
		if fw, err := reglo.ParseIdentity(s); err == nil {
			t.Errorf("%q: %+v", s, fw)
		}
	}
	for text, want := range map[string]reglo.Obstacle{
		"R 1386E-1": {Cause: reglo.TooFast, Limit: reglo.Number{Mantissa: 1386, Exponent: -1}},
		"V 1386E-1": {Cause: reglo.TooMuch, Limit: reglo.Number{Mantissa: 1386, Exponent: -1}},
		"C":         {Cause: reglo.NoCycles},
		"C 0000E+0": {Cause: reglo.NoCycles},
	} {
		if got, err := reglo.ParseObstacle(text); err != nil || got != want || got.String() == "" {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, s := range []string{"", "R", "R 1386", "X 1386E-1", "R1386E-1", "C " + strings.Repeat("x", 20)} {
		if got, err := reglo.ParseObstacle(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

func TestEvents(t *testing.T) {
	for text, want := range map[string]reglo.Happening{
		"^X2|A": {Kind: reglo.Ended, Channel: 2, Cause: reglo.Complete},
		"^X1|B": {Kind: reglo.Ended, Channel: 1, Cause: reglo.CalibrationPumped},
		"^X1|1": {Kind: reglo.Ended, Channel: 1, Cause: reglo.StopKey},
		"^X4|2": {Kind: reglo.Ended, Channel: 4, Cause: reglo.OverTemperature},
		"^X3|3": {Kind: reglo.Ended, Channel: 3, Cause: reglo.OverCurrent},
		"^U1|A|0000000100|0000000500|0003": {Kind: reglo.Progress, Channel: 1, State: reglo.Pumping,
			TimeLeft: "0000000100", Volume: "0000000500", CyclesLeft: "0003"},
	} {
		if got, err := reglo.DecodeEvent([]byte(text)); err != nil || got != want || got.Text() != text {
			t.Errorf("%q: %+v, %v, %q", text, got, err, got.Text())
		}
	}
	for _, s := range []string{
		"", "^", "^X", "^X2", "^X2|", "^X2|AA", "^X2|Z", "^X2|A|A", "^Y2|A", "^Xx|A", "X2|A", "^X22|A",
		"^U1|A|0000000100|0000000500", "^U1|F|0000000100|0000000500|0003", "^U1|A|000000100|0000000500|0003",
		"^U1|A|0000000100|000000500|0003", "^U1|A|0000000100|0000000500|003", "^U1||0000000100|0000000500|0003",
	} {
		if got, err := reglo.DecodeEvent([]byte(s)); err == nil || got != (reglo.Happening{}) {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
}

// drawToken is one thing that a pump may say.
func drawToken(t *rapid.T) (bytes []byte, token string) {
	if rapid.Bool().Draw(t, "status") {
		k := rapid.SampledFrom([]reglo.Kind{reglo.Done, reglo.Failed, reglo.Yes, reglo.No}).Draw(t, "kind")
		return reglo.AppendStatus(nil, k), string(rune(k))
	}
	text := rapid.StringMatching(`[0-9A-Z^][ -~]{0,127}`).Draw(t, "text")
	return reglo.AppendLine(nil, text), text
}

// What is encoded is what is decoded, however the line cuts it.
func TestRepliesSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var sent, got []string
		for range rapid.IntRange(1, 6).Draw(t, "count") {
			b, token := drawToken(t)
			stream, sent = append(stream, b...), append(sent, token)
		}
		var f reglo.ReplyFramer
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
			got = append(got, tokens(&f, stream[:n])...)
			stream = stream[n:]
		}
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Noise that is not text never makes a line of its own, and no line comes out that does not stand in the stream between
// two ends.
func TestGarbageNeverMakesALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(1, 5).Draw(t, "count") {
			stream = append(stream, rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "noise")...)
			b, _ := drawToken(t)
			stream = append(stream, b...)
		}
		for _, got := range tokens(new(reglo.ReplyFramer), stream) {
			if !strings.Contains(string(stream), got+"\r\n") && len(got) > 1 {
				t.Fatalf("%q was never sent", got)
			}
		}
	})
}

// What lines do to one byte is noticed in every number that a dose depends on: the byte lost, made NUL, its high bit set,
// or another byte added. (A digit that turns into another digit cannot be seen; nothing on this wire has a check.)
func TestOneDamagedByteIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := measure.Volume(rapid.Int64Range(0, 99_999).Draw(t, "volume"))
		n, err := reglo.MakeNumber(int64(v) / 100 * 100)
		if err != nil {
			t.Fatal(err)
		}
		total, number := reglo.FormatTotal(v), n.Answer()
		for _, text := range []string{total, number} {
			hurt := reglo.AppendLine(nil, text)
			i := rapid.IntRange(0, len(hurt)-1).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "damage") {
			case 0:
				hurt[i] = 0
			case 1:
				hurt[i] |= 0x80
			case 2:
				hurt = append(hurt[:i:i], hurt[i+1:]...)
			case 3:
				b := rapid.Byte().Draw(t, "added")
				hurt = append(append(hurt[:i:i], b), reglo.AppendLine(nil, text)[i:]...)
			}
			for _, got := range tokens(new(reglo.ReplyFramer), hurt) {
				if _, err := reglo.ParseTotal(got); err == nil && got != total {
					t.Fatalf("%q reads as %q", hurt, got)
				}
				if _, err := reglo.ParseAnswer(got); err == nil && got != number {
					t.Fatalf("%q reads as %q", hurt, got)
				}
			}
		}
	})
}

// Every number that can be told is read back as the same; every other is refused.
func TestNumbersAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-10, 1_000_000).Draw(t, "v")
		n, err := reglo.MakeNumber(v)
		if err != nil {
			return
		}
		back, err := reglo.ParseRequest(n.Request())
		if err != nil || back != n {
			t.Fatalf("%d was written as %s and reads as %+v, %v", v, n.Request(), back, err)
		}
		if answer, err := reglo.ParseAnswer(n.Answer()); err != nil || answer != n {
			t.Fatalf("%s reads as %+v, %v", n.Answer(), answer, err)
		}
		if got, err := n.Whole(); err != nil || got != v {
			t.Fatalf("%d reads as %d, %v", v, got, err)
		}
	})
}

// A total says what was pumped, to its last digit, and never more.
func TestTotalsAreLowerBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := measure.Volume(rapid.Int64Range(0, 999_999).Draw(t, "volume"))
		got, err := reglo.ParseTotal(reglo.FormatTotal(v))
		if err != nil || got > v || v-got >= reglo.Unit(v) {
			t.Fatalf("%d is shown as %q and reads as %d, %v", v, reglo.FormatTotal(v), got, err)
		}
	})
}

func TestFramingDoesNotAllocate(t *testing.T) {
	stream := []byte("^U1|A|0000000100|0000000500|0003\r\n4.983 ml\r\n*")
	var f reglo.ReplyFramer
	allocs := testing.AllocsPerRun(100, func() {
		n := 0
		for b, ok := stream, true; ok; n++ {
			_, b, ok = f.Next(b)
		}
		if n != 4 {
			t.Fatal(n)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzReplyFramer(f *testing.F) {
	for _, s := range []string{"*", "#+-", "3000E+2\r\n", "^X2|A\r\n*", "4.983 ml\r\n", "REGLO ICC 0208 306\r\n", "12\n34\r\n", "1\r\r\n"} {
		f.Add([]byte(s), 1)
		f.Add([]byte("30"+s), 7)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		want := tokens(new(reglo.ReplyFramer), in)
		var pieces reglo.ReplyFramer
		var got []string
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, tokens(&pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, w := range want {
			if len(w) > 1 && !strings.Contains(string(in), w+"\r\n") {
				t.Fatalf("%q was not in the stream", w)
			}
		}
	})
}

func FuzzTexts(f *testing.F) {
	for _, s := range []string{"3000E+2", "4.983 ml", "12.30", "3.17 mm", "00001500", "R 1386E-1", "REGLO ICC 0208 306", "^X2|A",
		"^U1|A|0000000100|0000000500|0003", "4v3000+2", "@1", "0@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := reglo.ParseAnswer(s); err == nil && n.Answer() != s && s[5:] != "-0" {
			t.Fatalf("%q: %+v", s, n)
		} else if v, err := n.Whole(); err == nil && v < 0 {
			t.Fatalf("%q: %d", s, v)
		}
		if v, err := reglo.ParseTotal(s); err == nil && (v < 0 || v > 9_999_000) || err != nil && v != 0 {
			t.Fatalf("%q: %d, %v", s, v, err)
		}
		if d, err := reglo.ParseTime(s); err == nil {
			if back, err := reglo.FormatTime(d); err != nil || back != s {
				t.Fatalf("%q: %s, %q", s, d, back)
			}
		}
		if h, err := reglo.DecodeEvent([]byte(s)); err == nil && h.Text() != s {
			t.Fatalf("%q: %+v", s, h)
		}
		if r, err := reglo.DecodeRequest([]byte(s)); err == nil && string(r.Append(nil)) != s+"\r" {
			t.Fatalf("%q: %+v", s, r)
		}
		if o, err := reglo.ParseObstacle(s); err != nil && o != (reglo.Obstacle{}) {
			t.Fatalf("%q: %+v beside %v", s, o, err)
		}
	})
}
