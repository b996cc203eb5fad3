package knf_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/knf"
)

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func command(t *testing.T, c knf.Command, err error) knf.Command {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The frames that are written out in what is known of the protocol.
func TestRequests(t *testing.T) {
	volume, err := knf.SetVolume(10 * measure.Millilitre)
	for c, want := range map[knf.Command]string{
		knf.OwnAddress:          "02 30 30 3F 53 49 03 24",
		command(t, volume, err): "02 30 30 44 56 30 30 30 31 30 30 30 30 03 12",
		knf.Start:               "02 30 30 4B 59 31 03 22",
		knf.Dispensed:           "02 30 30 3F 54 56 03 3C",
		knf.Stop:                "02 30 30 4B 59 30 03 23",
		knf.FaultState:          "02 30 30 3F 53 53 36 03 08",
	} {
		want := unhex(t, want)
		if got := string(knf.AppendRequest(nil, 0, c)); got != want {
			t.Errorf("%s: % X, want % X", c, got, want)
		}
		if diff := cmp.Diff([]knf.Request{{Command: c}}, requests(new(knf.RequestFramer), []byte(want))); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
	}
	if got := string(knf.AppendRequest(nil, 42, knf.Version)); got[:6] != "\x0242?SV" {
		t.Errorf("address 42: %q", got)
	}
}

func TestReplies(t *testing.T) {
	for text, want := range map[string]string{
		"00":        "06 02 30 30 03 01",
		"000004980": "06 02 30 30 30 30 30 34 39 38 30 03 34",
		"000":       "06 02 30 30 30 03 31",
		"000010000": "06 02 30 30 30 30 31 30 30 30 30 03 30",
		"00020000":  "06 02 30 30 30 32 30 30 30 30 03 03", // the check byte looks like ETX
	} {
		want := unhex(t, want)
		if got := string(knf.AppendReply(nil, text)); got != want {
			t.Errorf("%s: % X, want % X", text, got, want)
		}
		if diff := cmp.Diff([]string{"ACK", text}, words(new(knf.ReplyFramer), []byte(want))); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// words are what a pump said: ACK, NAK, or the text of data.
func words(f *knf.ReplyFramer, chunk []byte) []string {
	var got []string
	for {
		t, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		if t.Kind == knf.Data {
			got = append(got, string(t.Text))
			continue
		}
		got = append(got, t.Kind.String())
	}
}

func requests(f *knf.RequestFramer, chunk []byte) []knf.Request {
	var got []knf.Request
	for {
		r, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, r)
	}
}

func TestReplyFraming(t *testing.T) {
	good := string(knf.AppendReply(nil, "000004980"))
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"ACK alone":                      {"\x06", []string{"ACK"}},
		"NAK":                            {"\x15", []string{"NAK"}},
		"ACK, then another":              {"\x06\x06", []string{"ACK", "ACK"}},
		"noise around":                   {"xx" + good + "yy" + good, []string{"ACK", "000004980", "ACK", "000004980"}},
		"data without their ACK":         {good[1:], nil},
		"a wrong check byte":             {good[:len(good)-1] + "5", []string{"ACK"}},
		"the letter U is no check":       {good[:len(good)-1] + "U", []string{"ACK"}},
		"NUL breaks the data":            {"\x06\x020000\x0004980\x034", []string{"ACK"}},
		"a lost digit":                   {"\x06\x0200000498\x03\x34", []string{"ACK"}},
		"broken off, then a whole one":   {good[:6] + good, []string{"ACK", "ACK", "000004980"}},
		"without ETX, then a whole one":  {good[:11] + good, []string{"ACK", "ACK", "000004980"}},
		"without check, then NAK":        {good[:12] + "\x15", []string{"ACK", "NAK"}},
		"a second STX breaks it off":     {"\x06\x02000\x02" + good[2:], []string{"ACK"}},
		"an end without a start":         {"\x030", nil},
		"empty data":                     {"\x06\x02\x03\x01", []string{"ACK", ""}},
		"longer than any answer":         {"\x06\x02" + strings.Repeat("0", 65) + "\x03\x31", []string{"ACK"}},
		"as long as an answer may be":    {string(knf.AppendReply(nil, strings.Repeat("0", 64))), []string{"ACK", strings.Repeat("0", 64)}},
		"the check byte looks like ACK":  {string(knf.AppendReply(nil, "07")), []string{"ACK", "07"}},
		"the check byte looks like STX":  {string(knf.AppendReply(nil, "03")), []string{"ACK", "03"}},
		"half an answer is none":         {good[:9], []string{"ACK"}},
		"high bits are not printable":    {"\x06\x020000\xb04980\x034", []string{"ACK"}},
		"an ACK between two of the data": {good + "\x06" + good, []string{"ACK", "000004980", "ACK", "ACK", "000004980"}},
	} {
		if diff := cmp.Diff(c.want, words(new(knf.ReplyFramer), []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRequestFraming(t *testing.T) {
	start := string(knf.AppendRequest(nil, 0, knf.Start))
	blind := start[:len(start)-1] + "U"
	for name, c := range map[string]struct {
		in   string
		want []knf.Request
	}{
		"U stands for any check byte": {blind, []knf.Request{{Command: knf.Start, Unchecked: true}}},
		"a wrong check byte":          {start[:len(start)-1] + "!", nil},
		"the newest STX wins":         {start[:5] + start, []knf.Request{{Command: knf.Start}}},
		"STX where the check was due": {start[:len(start)-1] + start, []knf.Request{{Command: knf.Start}}},
		"no digits for an address":    {"\x02xxKY1\x03U", nil},
		"no command":                  {"\x0200\x03U", nil},
		"to all":                      {"\x0299KY0\x03U", []knf.Request{{Address: knf.Broadcast, Command: knf.Stop, Unchecked: true}}},
		"a control character":         {"\x0200K\x06Y1\x03U", nil},
		"too long":                    {"\x02" + strings.Repeat("0", 65) + "\x03U", nil},
	} {
		if diff := cmp.Diff(c.want, requests(new(knf.RequestFramer), []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]func() (knf.Command, error){
		"DV00000030": func() (knf.Command, error) { return knf.SetVolume(30) },
		"DV00999999": func() (knf.Command, error) { return knf.SetVolume(999_999) },
		"RV00100000": func() (knf.Command, error) { return knf.SetRate(100 * measure.MillilitrePerMinute) },
		"CF00004950": func() (knf.Command, error) { return knf.SetMeasured(4950) },
		"MS1":        func() (knf.Command, error) { return knf.SetMode(knf.DoseInTime) },
		"DT00000100": func() (knf.Command, error) { return knf.SetTime(time.Second) },
		"DT01020304": func() (knf.Command, error) {
			return knf.SetTime(time.Hour + 2*time.Minute + 3*time.Second + 40*time.Millisecond)
		},
		"DT99595999": func() (knf.Command, error) { return knf.SetTime(100*time.Hour - 10*time.Millisecond) },
	} {
		if c, err := got(); err != nil || string(c) != want {
			t.Errorf("%q, %v; want %q", c, err, want)
		}
	}
	for name, got := range map[string]func() (knf.Command, error){
		"volume 0":         func() (knf.Command, error) { return knf.SetVolume(0) },
		"volume below 0":   func() (knf.Command, error) { return knf.SetVolume(-1) },
		"nine digits":      func() (knf.Command, error) { return knf.SetVolume(100_000_000) },
		"rate 0":           func() (knf.Command, error) { return knf.SetRate(0) },
		"measured 0":       func() (knf.Command, error) { return knf.SetMeasured(0) },
		"no such mode":     func() (knf.Command, error) { return knf.SetMode(3) },
		"mode below 0":     func() (knf.Command, error) { return knf.SetMode(-1) },
		"time 0":           func() (knf.Command, error) { return knf.SetTime(0) },
		"a millisecond":    func() (knf.Command, error) { return knf.SetTime(time.Millisecond) },
		"a hundred hours":  func() (knf.Command, error) { return knf.SetTime(100 * time.Hour) },
		"before the start": func() (knf.Command, error) { return knf.SetTime(-time.Second) },
	} {
		if c, err := got(); !errors.Is(err, knf.ErrNumber) || c != "" {
			t.Errorf("%s: %q, %v", name, c, err)
		}
	}
	for want, got := range map[knf.Command]knf.Command{
		"SA0": knf.SetAutoStart(false), "SA1": knf.SetAutoStart(true), "SP0": knf.SetAnswers(false), "SP1": knf.SetAnswers(true),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	if v, err := knf.ParseDispensed("000004980"); err != nil || v != 4980 {
		t.Errorf("%d, %v", v, err)
	}
	if v, err := knf.ParseVolume("00020000"); err != nil || v != 20_000 {
		t.Errorf("%d, %v", v, err)
	}
	if f, err := knf.ParseRate("00020000"); err != nil || f != 20_000 {
		t.Errorf("%d, %v", f, err)
	}
	if d, err := knf.ParseTime("01020304"); err != nil || d != time.Hour+2*time.Minute+3*time.Second+40*time.Millisecond {
		t.Errorf("%s, %v", d, err)
	}
	if m, err := knf.ParseMode("2"); err != nil || m != knf.DoseAtRate {
		t.Errorf("%d, %v", m, err)
	}
	if on, err := knf.ParseSwitch("1"); err != nil || !on {
		t.Errorf("%t, %v", on, err)
	}
	if n, err := knf.ParseAddress("07"); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	if fw, err := knf.ParseVersion("FEM10v1.07"); err != nil || fw != (knf.Firmware{Model: "FEM10", Version: "v1.07"}) {
		t.Errorf("%+v, %v", fw, err)
	}
	bad := map[string]func(string) error{
		"dispensed": func(s string) error { _, err := knf.ParseDispensed(s); return err },
		"volume":    func(s string) error { _, err := knf.ParseVolume(s); return err },
		"rate":      func(s string) error { _, err := knf.ParseRate(s); return err },
		"time":      func(s string) error { _, err := knf.ParseTime(s); return err },
		"mode":      func(s string) error { _, err := knf.ParseMode(s); return err },
		"switch":    func(s string) error { _, err := knf.ParseSwitch(s); return err },
		"address":   func(s string) error { _, err := knf.ParseAddress(s); return err },
		"status":    func(s string) error { _, err := knf.ParseStatus(s); return err },
		"version":   func(s string) error { _, err := knf.ParseVersion(s); return err },
	}
	for _, s := range []string{"", "x", "-1", "+00004980", "00000498000", "12345x78", "00006000", "00600000", "256", "1e3", "9", "FEM10", "FEM10vX", "FEM10v1.0\x7f", "\x0012345"} {
		for name, parse := range bad {
			if (name == "volume" || name == "rate") && len(s) == 8 && s[5] != 'x' {
				continue // these are
			}
			if err := parse(s); !errors.Is(err, knf.ErrSyntax) {
				t.Errorf("%s of %q: %v", name, s, err)
			}
		}
	}
}

func TestStatus(t *testing.T) {
	for text, want := range map[string]knf.Status{
		"000": 0,
		"001": knf.MotorTurns,
		"003": knf.MotorTurns | knf.PumpFault,
		"009": knf.DoseStarted | knf.NoUserStop,
		"255": 255,
	} {
		if got, err := knf.ParseStatus(text); err != nil || got != want || got.Text() != text {
			t.Errorf("%s: %d, %v, %s", text, got, err, got.Text())
		}
	}
	for s, want := range map[knf.Status]string{
		0:                                "",
		knf.Overpressure:                 "overpressure",
		knf.Overpressure | knf.Encoder:   "overpressure, no signal from the encoder",
		knf.SignalLost | knf.Supply | 32: "analogue signal below 4 mA, power supply, motor",
		knf.Temperature | 2:              "temperature, unknown fault 2",
	} {
		if got := s.Faults(); got != want {
			t.Errorf("%d: %q, want %q", s, got, want)
		}
	}
}

func drawText(t *rapid.T) string { return rapid.StringMatching(`[ -~]{0,64}`).Draw(t, "text") }

func chunks(t *rapid.T, stream []byte, f func([]byte)) {
	for len(stream) > 0 {
		n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
		f(stream[:n])
		stream = stream[n:]
	}
}

// What is encoded is what is decoded, however the line cuts it.
func TestRepliesSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var sent, got []string
		for range rapid.IntRange(1, 6).Draw(t, "count") {
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				stream, sent = knf.AppendAck(stream), append(sent, "ACK")
			case 1:
				stream, sent = knf.AppendNak(stream), append(sent, "NAK")
			case 2:
				text := drawText(t)
				stream, sent = knf.AppendReply(stream, text), append(sent, "ACK", text)
			}
		}
		var f knf.ReplyFramer
		chunks(t, stream, func(b []byte) { got = append(got, words(&f, b)...) })
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestRequestsSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var sent, got []knf.Request
		for range rapid.IntRange(1, 6).Draw(t, "count") {
			r := knf.Request{
				Address: rapid.IntRange(0, 99).Draw(t, "address"),
				Command: knf.Command(rapid.StringMatching(`[ -~]{1,62}`).Draw(t, "command")),
			}
			stream, sent = knf.AppendRequest(stream, r.Address, r.Command), append(sent, r)
		}
		var f knf.RequestFramer
		chunks(t, stream, func(b []byte) { got = append(got, requests(&f, b)...) })
		for i := range got {
			got[i].Unchecked = false // a right check byte may be the letter U
		}
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Noise and damaged answers never make data that do not stand in the stream whole, with their check byte.
func TestGarbageNeverMakesData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(1, 5).Draw(t, "count") {
			stream = append(stream, rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "noise")...)
			hurt := knf.AppendReply(nil, drawText(t))
			i := rapid.IntRange(0, len(hurt)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "damage") {
			case 0:
				hurt[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			case 1:
				hurt = hurt[:i]
			case 2:
				hurt = append(hurt[:i:i], hurt[min(i+1, len(hurt)):]...)
			}
			stream = append(stream, hurt...)
			stream = knf.AppendReply(stream, drawText(t))
		}
		for _, w := range words(new(knf.ReplyFramer), stream) {
			if w != "ACK" && w != "NAK" && !strings.Contains(string(stream), string(knf.AppendReply(nil, w))) {
				t.Fatalf("%q was never sent", w)
			}
		}
	})
}

// One damaged byte in data is always noticed: the data are not taken, or they are what was sent.
func TestOneDamagedByteIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{9}`).Draw(t, "text")
		hurt := knf.AppendReply(nil, text)
		i := rapid.IntRange(0, len(hurt)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "damage") {
		case 0:
			hurt[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		case 1:
			hurt = append(hurt[:i:i], hurt[i+1:]...)
		case 2:
			b := rapid.Byte().Draw(t, "added")
			hurt = append(append(hurt[:i:i], b), knf.AppendReply(nil, text)[i:]...)
		}
		for _, w := range words(new(knf.ReplyFramer), hurt) {
			if w != "ACK" && w != "NAK" && w != text {
				t.Fatalf("% X gave %q for %q", hurt, w, text)
			}
		}
	})
}

// Every volume, rate and time that can be set reads back as the same; every other is refused.
func TestSettingsAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-10, 200_000_000).Draw(t, "n")
		if c, err := knf.SetVolume(measure.Volume(n)); err == nil {
			if v, err := knf.ParseVolume(string(c[2:])); err != nil || int64(v) != n {
				t.Fatalf("%d was written as %q and reads as %d, %v", n, c, v, err)
			}
		}
		if c, err := knf.SetRate(measure.Flow(n)); err == nil {
			if f, err := knf.ParseRate(string(c[2:])); err != nil || int64(f) != n {
				t.Fatalf("%d was written as %q and reads as %d, %v", n, c, f, err)
			}
		}
		d := time.Duration(n) * time.Millisecond
		if c, err := knf.SetTime(d); err == nil {
			if got, err := knf.ParseTime(string(c[2:])); err != nil || got != d {
				t.Fatalf("%s was written as %q and reads as %s, %v", d, c, got, err)
			}
		}
	})
}

func TestFramingDoesNotAllocate(t *testing.T) {
	reply := knf.AppendReply(nil, "000004980")
	var f knf.ReplyFramer
	allocs := testing.AllocsPerRun(100, func() {
		_, rest, ok := f.Next(reply)
		if t2, _, ok2 := f.Next(rest); !ok || !ok2 || len(t2.Text) != 9 {
			t.Fatal("no data")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzReplyFramer(f *testing.F) {
	for _, s := range []string{"00", "000004980", "00020000", "000", "FEM10v1.07"} {
		f.Add(knf.AppendReply(nil, s), 1)
		f.Add(knf.AppendReply([]byte("\x06\x15\x06\x0200\x03"), s), 7)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		want := words(new(knf.ReplyFramer), in)
		var pieces knf.ReplyFramer
		var got []string
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, words(&pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, w := range want {
			if w != "ACK" && w != "NAK" && !strings.Contains(string(in), string(knf.AppendReply(nil, w))) {
				t.Fatalf("%q was not in the stream", w)
			}
		}
	})
}

func FuzzRequestFramer(f *testing.F) {
	for _, c := range []knf.Command{knf.Start, knf.Dispensed, "DV00010000"} {
		f.Add(knf.AppendRequest(nil, 0, c), 1)
	}
	f.Add([]byte("\x0200KY1\x03U\x0299KY0\x03U"), 3)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		want := requests(new(knf.RequestFramer), in)
		var pieces knf.RequestFramer
		var got []knf.Request
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, requests(&pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, r := range want {
			sent := knf.AppendRequest(nil, r.Address, r.Command)
			if r.Unchecked {
				sent[len(sent)-1] = 'U'
			}
			if !strings.Contains(string(in), string(sent)) {
				t.Fatalf("%+v was not in the stream", r)
			}
		}
	})
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"000004980", "00010000", "01020304", "009", "1", "07", "FEM10v1.07"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := knf.ParseDispensed(s); err == nil && (v < 0 || v > 999_999_999) || err != nil && v != 0 {
			t.Fatalf("%q: %d, %v", s, v, err)
		}
		if d, err := knf.ParseTime(s); err == nil && d > 0 {
			if c, err := knf.SetTime(d); err != nil || string(c) != "DT"+s {
				t.Fatalf("%q: %s, %q, %v", s, d, c, err)
			}
		}
		if st, err := knf.ParseStatus(s); err == nil && st.Text() != s {
			t.Fatalf("%q: %d", s, st)
		}
		if fw, err := knf.ParseVersion(s); err != nil && fw != (knf.Firmware{}) {
			t.Fatalf("%q: %+v beside %v", s, fw, err)
		}
	})
}
