package newera_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
)

func TestSafePackets(t *testing.T) {
	for payload, want := range map[string]string{
		"SAF0": "02085341463055 4303",
		"0DIS": "0208304449533046 03",
		"0RUN": "020830 52554E4407 03",
		"0STP": "020830535450 B3F903",
		"0":    "020530 3653 03",
		"00S":  "0207303053AAA603",

		"00SI2.500W0.000ML": "0215" + hex.EncodeToString([]byte("00SI2.500W0.000ML")) + "6CD203",
		"00SI0.485W0.000ML": "0215" + hex.EncodeToString([]byte("00SI0.485W0.000ML")) + "03DA03",
		"00A?R": "0209303041 3F52" +
			"658603",
	} {
		want, err := hex.DecodeString(strings.ReplaceAll(want, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := newera.AppendSafe(nil, payload); string(got) != string(want) {
			t.Errorf("%s: % X, want % X", payload, got, want)
		}
	}
	if got := newera.Checksum([]byte("123456789")); got != 0x31c3 {
		t.Errorf("check value %04X", got)
	}
}

// The CRC of this reply holds ETX: only the length tells where the packet ends.
func TestChecksumMayLookLikeETX(t *testing.T) {
	const payload = "00SI0.485W0.000ML"
	packet := newera.AppendSafe(nil, payload)
	if packet[len(packet)-3] != 0x03 {
		t.Fatalf("% X: the example no longer shows the case", packet)
	}
	var f newera.SafeFramer
	if got := safePayloads(&f, packet); len(got) != 1 || got[0] != payload {
		t.Errorf("%q", got)
	}
}

func safePayloads(f *newera.SafeFramer, chunk []byte) []string {
	var got []string
	for {
		p, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, string(p))
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[measure.Volume]string{
		1: "VOL0.001", 485: "VOL0.485", 5000: "VOL5.000", 9999: "VOL9.999", 12340: "VOL12.34", 30000: "VOL30.00",
		99990: "VOL99.99", 100_000: "VOL100.0", 123_400: "VOL123.4", 9_999_000: "VOL9999",
	} {
		if got, err := newera.SetVolume(v); err != nil || string(got) != want {
			t.Errorf("%d µL: %q, %v; want %q", v, got, err, want)
		}
	}
	for _, v := range []measure.Volume{0, -1, 10_001, 12_345, 100_010, 9_999_001, 10_000_000} {
		if got, err := newera.SetVolume(v); !errors.Is(err, newera.ErrNumber) {
			t.Errorf("%d µL was written as %q", v, got)
		}
	}
	if got, err := newera.SetDiameter(29_200); err != nil || got != "DIA29.20" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := newera.SetRate(10_000); err != nil || got != "RAT10.00MM" {
		t.Errorf("%q, %v", got, err)
	}
	for name, err := range map[string]error{
		"diameter below": second(newera.SetDiameter(99)),
		"diameter above": second(newera.SetDiameter(80_001)),
		"rate zero":      second(newera.SetRate(0)),
		"rate too fine":  second(newera.SetRate(10_001)),
		"dead-man":       second(newera.SetSafe(256)),
		"phase zero":     second(newera.SetPhase(0)),
	} {
		if !errors.Is(err, newera.ErrNumber) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestDecode(t *testing.T) {
	for payload, want := range map[string]newera.Reply{
		"00S":                   {State: newera.Stopped},
		"0S":                    {State: newera.Stopped},
		"07I":                   {Address: 7, State: newera.Infusing},
		"99P":                   {Address: 99, State: newera.Paused},
		"00A?R":                 {State: newera.Alarmed, Alarm: newera.WasReset},
		"00A?T":                 {State: newera.Alarmed, Alarm: newera.HostSilent},
		"00I?NA":                {State: newera.Infusing, Err: newera.NotApplicable},
		"00S?":                  {State: newera.Stopped, Err: newera.Unrecognised},
		"00S?OOR":               {State: newera.Stopped, Err: newera.OutOfRange},
		"00S?COM":               {State: newera.Stopped, Err: newera.BadPacket},
		"00S?IGN":               {State: newera.Stopped, Err: newera.Ignored},
		"00SNE1000V3.928":       {State: newera.Stopped, Data: "NE1000V3.928"},
		"00II2.413W0.000ML":     {State: newera.Infusing, Data: "I2.413W0.000ML"},
		"00X":                   {State: newera.Purging},
		"00U":                   {State: newera.Waiting},
		"00T":                   {State: newera.TimedPause},
		"00S5.000ML":            {State: newera.Stopped, Data: "5.000ML"},
		"12SI1.000W0.000UL":     {Address: 12, State: newera.Stopped, Data: "I1.000W0.000UL"},
		"00W" + "I0.00W0.100ML": {State: newera.Withdrawing, Data: "I0.00W0.100ML"},
	} {
		if got, err := newera.Decode([]byte(payload)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", payload, got, err)
		}
	}
	for _, payload := range []string{"", "S", "00", "000S", "00Q", "00A", "00A?", "00A?Q", "00A?RR", "00S?X", "00S?NAA", "00S\x80", "x0S"} {
		if got, err := newera.Decode([]byte(payload)); err == nil || got != (newera.Reply{}) {
			t.Errorf("%q: %+v, %v; want no value", payload, got, err)
		}
	}
}

func TestData(t *testing.T) {
	if got, err := newera.ParseTotals("I2.413W0.100ML"); err != nil || got != (newera.Totals{Infused: 2413, Withdrawn: 100}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := newera.ParseTotals("I250.0W0.000UL"); err != nil || got.Infused != 250 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, s := range []string{"", "ML", "I1.0ML", "I1.0W1.0", "I1.0W1.0GL", "W1.0I1.0ML", "I1.0W1.0W1.0ML", "I-1.0W0ML",
		"I1.00000W0ML", "I12345W0ML", "I.5W0ML", "I1e3W0ML", "I1.5W0.5UL", "I W ML", "I1..0W0ML"} {
		if got, err := newera.ParseTotals(s); err == nil || got != (newera.Totals{}) {
			t.Errorf("%q: %+v", s, got)
		}
	}
	if got, err := newera.ParseVersion("NE1000X2V3.92"); err != nil || got != (newera.Firmware{Model: "NE1000X2", Version: "3.92"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, s := range []string{"", "V3.9", "NE1000V", "NE1000", "NE1000VX"} {
		if got, err := newera.ParseVersion(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
	for s, want := range map[string]newera.Flow{"10.00MM": 10_000, "600.0MH": 10_000, "500.0UM": 500, "0.600MH": 10} {
		if got, err := newera.ParseRate(s); err != nil || got != want {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "MM", "10.00", "10.00XX", "0.001MH"} {
		if got, err := newera.ParseRate(s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestBasicFraming(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"noise around":           {"xx\x0200S\x03yy\x0200I\x03", []string{"00S", "00I"}},
		"the newest STX wins":    {"\x0200SI2.4\x0200S\x03", []string{"00S"}},
		"NUL breaks the reply":   {"\x0200S\x00I\x03\x0200S\x03", []string{"00S"}},
		"half a reply stays":     {"\x0200S", nil},
		"an end without a start": {"00S\x03", nil},
	} {
		var f newera.BasicFramer
		var got []string
		for b := []byte(c.in); ; {
			p, rest, ok := f.Next(b)
			if !ok {
				break
			}
			b = rest
			got = append(got, string(p))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := string(newera.AppendBasicCommand(nil, 0, newera.Version)); got != "0VER\r" {
		t.Errorf("%q", got)
	}
}

func commands(f *newera.CommandFramer, chunk []byte) []string {
	var got []string
	for {
		p, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, string(p))
	}
}

func TestCommandFraming(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"one after the other":    {"0VER\r0 dis\r", []string{"0VER", "0 dis"}},
		"nothing asks for state": {"\r", []string{""}},
		"NUL breaks the command": {"0V\x00ER\r0DIS\r", []string{"0DIS"}},
		"too long":               {strings.Repeat("0", newera.MaxPayload+1) + "\r0DIS\r", []string{"0DIS"}},
		"half a command stays":   {"0DIS", nil},
	} {
		if diff := cmp.Diff(c.want, commands(new(newera.CommandFramer), []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for payload, want := range map[string]newera.Command{"7VER": "VER", "07 dia 29.20": "DIA29.20", "7": newera.Status, " 7 S A F 5": "SAF5"} {
		if address, c, err := newera.DecodeCommand([]byte(payload)); err != nil || address != 7 || c != want {
			t.Errorf("%q: %d, %q, %v", payload, address, c, err)
		}
	}
	if address, c, err := newera.DecodeCommand([]byte("STP")); err != nil || address != 0 || c != newera.Stop {
		t.Errorf("%d, %q, %v", address, c, err)
	}
	if _, c, err := newera.DecodeCommand([]byte("123VER")); !errors.Is(err, newera.ErrSyntax) || c != "" {
		t.Errorf("%q, %v", c, err)
	}
}

// A command that is encoded is the one that a pump reads, in either mode and however the line cuts it.
func TestCommandsDecodeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.IntRange(0, newera.MaxAddress).Draw(t, "address")
		c := newera.Command(rapid.StringMatching(`[A-Z]{3}[0-9.A-Z]{0,8}`).Draw(t, "command"))
		basic := newera.AppendBasicCommand(nil, address, c)
		cut := rapid.IntRange(0, len(basic)).Draw(t, "cut")
		var f newera.CommandFramer
		payloads := append(commands(&f, basic[:cut]), commands(&f, basic[cut:])...)
		payloads = append(payloads, safePayloads(new(newera.SafeFramer), newera.AppendSafeCommand(nil, address, c))...)
		if len(payloads) != 2 {
			t.Fatalf("%q", payloads)
		}
		for _, p := range payloads {
			if a, got, err := newera.DecodeCommand([]byte(p)); err != nil || a != address || got != c {
				t.Fatalf("%q: %d, %q, %v", p, a, got, err)
			}
		}
	})
}

func drawPayload(t *rapid.T) string {
	return rapid.StringMatching(`[ -~]{1,60}`).Draw(t, "payload")
}

// What is encoded is what is decoded, however the line cuts it.
func TestPacketsSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Custom(drawPayload), 1, 6).Draw(t, "payloads")
		var stream []byte
		for _, p := range sent {
			stream = newera.AppendSafe(stream, p)
		}
		var f newera.SafeFramer
		var got []string
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
			got = append(got, safePayloads(&f, stream[:n])...)
			stream = stream[n:]
		}
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Garbage and damaged packets never make a payload that was not sent: the CRC finds every single damaged byte. (Noise
// that happens to end in STX can restore a packet that lost its first byte; then it stands in the stream whole.)
func TestGarbageNeverMakesAPacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		sent := map[string]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "count") {
			stream = append(stream, rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "noise")...)
			hurt := newera.AppendSafe(nil, drawPayload(t))
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
			p := drawPayload(t)
			sent[p] = true
			stream = newera.AppendSafe(stream, p)
		}
		var f newera.SafeFramer
		for _, p := range safePayloads(&f, stream) {
			if !sent[p] && !strings.Contains(string(stream), string(newera.AppendSafe(nil, p))) {
				t.Fatalf("%q was never sent", p)
			}
		}
	})
}

// A good packet is found right behind noise, without waiting for more bytes.
func TestPacketBehindNoiseIsNotHeldBack(t *testing.T) {
	for _, noise := range []string{"", "\x02", "\x02\xff", "\x02\x3000S", "\x02\x0800S", "\x03\x03", "\x02\x02\x02"} {
		var f newera.SafeFramer
		got := safePayloads(&f, newera.AppendSafe([]byte(noise), "00S"))
		if len(got) != 1 || got[0] != "00S" {
			t.Errorf("after % X: %q", noise, got)
		}
	}
}

func TestReplyPayloadsDecodeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newera.Reply{Address: rapid.IntRange(0, 99).Draw(t, "address"), State: newera.Stopped}
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			r.State = newera.Alarmed
			r.Alarm = rapid.SampledFrom([]newera.Alarm{'R', 'S', 'T', 'E', 'O'}).Draw(t, "alarm")
		case 1:
			r.Err = rapid.SampledFrom([]newera.DataError{"?", "?NA", "?OOR", "?COM", "?IGN"}).Draw(t, "error")
		case 2:
			r.Data = newera.Totals{
				Infused:   measure.Volume(rapid.Int64Range(0, 9_999).Draw(t, "infused")),
				Withdrawn: measure.Volume(rapid.Int64Range(0, 9_999).Draw(t, "withdrawn")),
			}.String()
		}
		if got, err := newera.Decode([]byte(r.Payload())); err != nil || got != r {
			t.Fatalf("%q: %+v, %v", r.Payload(), got, err)
		}
	})
}

// Every volume that can be set is read back as the same volume; every other is refused.
func TestVolumesAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := measure.Volume(rapid.Int64Range(-10, 10_000_000).Draw(t, "volume"))
		c, err := newera.SetVolume(v)
		if err != nil {
			return
		}
		got, err := newera.ParseVolume(strings.TrimPrefix(string(c), "VOL") + "ML")
		if err != nil || got != v {
			t.Fatalf("%d µL was written as %q and reads as %d, %v", v, c, got, err)
		}
		if shown, err := newera.ParseVolume(newera.FormatVolume(v) + "ML"); err != nil || shown != v {
			t.Fatalf("%d µL is shown as %d, %v", v, shown, err)
		}
	})
}

func TestFramingDoesNotAllocate(t *testing.T) {
	packet := newera.AppendSafe(nil, "00SI0.485W0.000ML")
	var f newera.SafeFramer
	allocs := testing.AllocsPerRun(100, func() {
		if _, _, ok := f.Next(packet); !ok {
			t.Fatal("no packet")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzSafeFramer(f *testing.F) {
	for _, p := range []string{"00S", "00A?R", "00SI0.485W0.000ML", "00SNE1000V3.928"} {
		f.Add(newera.AppendSafe(nil, p), 1)
		f.Add(newera.AppendSafe([]byte("\x02\x08garbage\x03"), p), 7)
	}
	f.Add([]byte{0x02, 0xff, 0x02, 0x05, 0x30, 0x36, 0x53, 0x03}, 2)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		var whole, pieces newera.SafeFramer
		want := safePayloads(&whole, in)
		var got []string
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, safePayloads(&pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, p := range want {
			if !strings.Contains(string(in), string(newera.AppendSafe(nil, p))) {
				t.Fatalf("%q was not in the stream", p)
			}
			if r, err := newera.Decode([]byte(p)); err != nil && r != (newera.Reply{}) {
				t.Fatalf("%q: a value beside the error", p)
			}
		}
	})
}

func FuzzReplyData(f *testing.F) {
	for _, s := range []string{"I2.413W0.000ML", "5.000ML", "10.00MM", "NE1000V3.928", "I9999W.1UL", "29.20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := newera.ParseTotals(s); err != nil && v != (newera.Totals{}) {
			t.Fatalf("%q: %+v beside %v", s, v, err)
		} else if v.Infused < 0 || v.Withdrawn < 0 {
			t.Fatalf("%q: negative", s)
		}
		if v, err := newera.ParseVolume(s); err == nil && (v < 0 || v > 9_999_000) {
			t.Fatalf("%q: %d", s, v)
		}
		if v, err := newera.ParseRate(s); err == nil && v < 0 {
			t.Fatalf("%q: %d", s, v)
		}
		if v, err := newera.ParseVersion(s); err == nil && v.Model+"V"+v.Version != s {
			t.Fatalf("%q: %+v", s, v)
		}
	})
}

func FuzzCommandFramer(f *testing.F) {
	f.Add([]byte("0VER\r0DIS\r"), 1)
	f.Add([]byte("0V\x00\r\r"), 2)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		want := commands(new(newera.CommandFramer), in)
		var pieces newera.CommandFramer
		var got []string
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, commands(&pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, p := range want {
			if !strings.Contains(string(in), p+"\r") {
				t.Fatalf("%q was not in the stream", p)
			}
			if a, _, err := newera.DecodeCommand([]byte(p)); err == nil && (a < 0 || a > newera.MaxAddress) {
				t.Fatalf("%q: address %d", p, a)
			}
		}
	})
}
