package andstd_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/andstd"
	"github.com/lieu-clinic/lieu/pkg/protocol/protocoltest"
)

func weight(h andstd.Header, value measure.Weight, decimals int, unit string) andstd.Message {
	return andstd.Message{Kind: andstd.Weight, Header: h, Width: andstd.StandardWidth,
		Weight: measure.Printed{Value: value, Decimals: decimals, Unit: unit}}
}

func TestDecode(t *testing.T) {
	wide := weight(andstd.Stable, 5_010_000, 2, "g")
	wide.Width = 13
	judged := weight(andstd.Stable, 1_234_000_000, 3, "kg")
	judged.Verdict = andstd.OK
	idle := weight(andstd.Unstable, 1_234_000_000, 3, "kg")
	idle.Verdict = andstd.Idle
	addressed := weight(andstd.Stable, 12_345_000_000, 3, "kg")
	addressed.Addressed, addressed.Address = true, 23
	tare := weight(andstd.TareValue, 25_130_000, 2, "g")
	tare.Kind = andstd.Tare
	for line, want := range map[string]andstd.Message{
		"ST,+00005.01  g":      weight(andstd.Stable, 5_010_000, 2, "g"),
		"US,+00004.87  g":      weight(andstd.Unstable, 4_870_000, 2, "g"),
		"ST,-00000.05  g":      weight(andstd.Stable, -50_000, 2, "g"),
		"ST,+00000.00  g":      weight(andstd.Stable, 0, 2, "g"),
		"ST,+01234567 mg":      weight(andstd.Stable, 1_234_567_000, 0, "mg"),
		"ST,+000005.01  g":     wide,
		"ST,OK,+0001.234 kg":   judged,
		"US,--,+0001.234 kg":   idle,
		"@23ST,+0012.345 kg":   addressed,
		"PT,+00025.13  g":      tare,
		"QT,+00000012 PC":      {Kind: andstd.Count, Header: andstd.Counted},
		"ST,+00000012 PC":      {Kind: andstd.Count, Header: andstd.Stable},
		"OL,+9999999E+19":      {Kind: andstd.Overload, Header: andstd.Outside},
		"OL,-9999999E+19":      {Kind: andstd.Underload, Header: andstd.Outside},
		"OL,HI,+9999999E+19":   {Kind: andstd.Overload, Header: andstd.Outside, Verdict: andstd.High},
		"@05OL,+9999999E+19":   {Kind: andstd.Overload, Header: andstd.Outside, Addressed: true, Address: 5},
		"OL,+00005.01   ":      {Kind: andstd.Overload, Header: andstd.Outside}, // whatever number stands there
		"\x06":                 {Kind: andstd.Ack},
		"@23\x06":              {Kind: andstd.Ack, Addressed: true, Address: 23},
		"EC,E01":               {Kind: andstd.Refusal, Header: andstd.ErrorCode, Code: 1, Digits: 2},
		"EC,E11":               {Kind: andstd.Refusal, Header: andstd.ErrorCode, Code: 11, Digits: 2},
		"EC,E7":                {Kind: andstd.Refusal, Header: andstd.ErrorCode, Code: 7, Digits: 1},
		"SN,T1234567":          {Kind: andstd.Identity, Header: andstd.SerialNumber, Text: "T1234567"},
		"TN,FX-2000i  ":        {Kind: andstd.Identity, Header: andstd.Model, Text: "FX-2000i"},
		"ID,LAB-0123":          {Kind: andstd.Identity, Header: andstd.Identifier, Text: "LAB-0123"},
		"ST,LO,+00005.01    g": {}, // a unit of 5: nobody prints that
	} {
		got, err := andstd.Decode([]byte(line))
		if want == (andstd.Message{}) {
			if err == nil {
				t.Errorf("%q: %+v", line, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", line, err)
		} else if got != want {
			t.Errorf("%q: %s", line, cmp.Diff(want, got))
		}
	}
}

func TestWhatIsNoMessageHasNoValue(t *testing.T) {
	for line, want := range map[string]error{
		"":                    andstd.ErrSyntax,
		"ST":                  andstd.ErrSyntax,
		"ST,":                 andstd.ErrSyntax,
		"ST,+0005.01  g":      andstd.ErrSyntax, // 7 characters: one was lost
		"ST,+00000005.01  g":  andstd.ErrSyntax, // 11
		"ST,+00005.01 g":      andstd.ErrSyntax, // the unit has lost a blank
		"ST,00005.01  g":      andstd.ErrSyntax,
		"ST,+00005.01":        andstd.ErrSyntax,
		"ST,+00005.01   ":     andstd.ErrSyntax,
		"ST,+00005.0.  g":     andstd.ErrSyntax,
		"ST,+000+5.01  g":     andstd.ErrSyntax,
		"ST,+0000501.  g":     andstd.ErrSyntax,
		"ST,+.0005.01  g":     andstd.ErrSyntax,
		"ST,+9999999E+19":     andstd.ErrSyntax, // the number of an OL line, under another header
		"US,-9999999E+19":     andstd.ErrSyntax,
		"OL,9999999E+19":      andstd.ErrSyntax,
		"OL,+":                andstd.ErrSyntax,
		"OL,+99999g9E+19":     andstd.ErrSyntax,
		"T,+00005.01  g":      andstd.ErrSyntax,
		"ST,XX,+00005.01  g":  andstd.ErrSyntax,
		"@2ST,+00005.01  g":   andstd.ErrSyntax,
		"@ST,+00005.01  g":    andstd.ErrSyntax,
		"EC,E":                andstd.ErrSyntax,
		"EC,E011":             andstd.ErrSyntax,
		"EC,01":               andstd.ErrSyntax,
		"\x06\x06":            andstd.ErrSyntax,
		"SN,":                 andstd.ErrSyntax,
		"SN,T12\x0634":        andstd.ErrSyntax,
		"ST,+00005.01 lb":     andstd.ErrUnit,
		"ST,+00005.01 oz":     andstd.ErrUnit,
		"ST,+0.123456 mg":     andstd.ErrUnit,
		"ST,+00005.01  \x06":  andstd.ErrUnit,
		"MSE1203S-100-DR":     andstd.ErrSyntax,
		"S S     100.00 g":    andstd.ErrSyntax,
		"ST,+00005.01  g    ": andstd.ErrSyntax,
	} {
		got, err := andstd.Decode([]byte(line))
		if !errors.Is(err, want) || got != (andstd.Message{}) {
			t.Errorf("%q: %+v, %v; want no value and %v", line, got, err, want)
		}
	}
}

func TestStable(t *testing.T) {
	for _, h := range []andstd.Header{andstd.Stable, andstd.Unstable} {
		if m := weight(h, 0, 2, "g"); m.Stable() != (h == andstd.Stable) {
			t.Errorf("%s: %v", h, m.Stable())
		}
	}
	if (andstd.Message{Kind: andstd.Count, Header: andstd.Stable}).Stable() {
		t.Error("a count is a stable weight")
	}
}

func TestAppendCommand(t *testing.T) {
	if got := andstd.AppendCommand(nil, andstd.Station{}, andstd.Now); string(got) != "Q\r\n" {
		t.Errorf("%q", got)
	}
	if got := andstd.AppendCommand(nil, andstd.Station{Addressed: true, Address: 7}, andstd.AskSerial); string(got) != "@07?SN\r\n" {
		t.Errorf("%q", got)
	}
}

func draw(t *rapid.T) andstd.Message {
	m := andstd.Message{Addressed: rapid.Bool().Draw(t, "addressed")}
	if m.Addressed {
		m.Address = rapid.IntRange(0, 99).Draw(t, "address")
	}
	verdicts := []andstd.Verdict{andstd.NoVerdict, andstd.Low, andstd.OK, andstd.High, andstd.Idle}
	switch rapid.IntRange(0, 7).Draw(t, "form") {
	case 0:
		m.Kind = andstd.Ack
	case 1:
		m.Kind, m.Header, m.Digits = andstd.Refusal, andstd.ErrorCode, 2
		m.Code = rapid.IntRange(0, 99).Draw(t, "code")
	case 2:
		m.Kind = rapid.SampledFrom([]andstd.Kind{andstd.Overload, andstd.Underload}).Draw(t, "side")
		m.Header, m.Verdict = andstd.Outside, rapid.SampledFrom(verdicts).Draw(t, "verdict")
	case 3:
		m.Kind = andstd.Identity
		m.Header = rapid.SampledFrom([]andstd.Header{andstd.SerialNumber, andstd.Model, andstd.Identifier}).Draw(t, "what")
		m.Text = rapid.StringMatching(`[A-Z0-9][A-Za-z0-9-]{0,9}`).Draw(t, "text")
	case 4:
		m.Kind, m.Header = andstd.Tare, andstd.TareValue
		m.Weight, m.Width = drawPrinted(t), andstd.StandardWidth+rapid.IntRange(0, 2).Draw(t, "wider")
	default:
		m.Kind = andstd.Weight
		m.Header = rapid.SampledFrom([]andstd.Header{andstd.Stable, andstd.Unstable}).Draw(t, "stability")
		m.Verdict = rapid.SampledFrom(verdicts).Draw(t, "verdict")
		m.Weight, m.Width = drawPrinted(t), andstd.StandardWidth+rapid.IntRange(0, 2).Draw(t, "wider")
	}
	return m
}

func drawPrinted(t *rapid.T) measure.Printed {
	places := map[string]int{"g": 6, "kg": 9, "mg": 3}
	unit := rapid.SampledFrom([]string{"g", "kg", "mg"}).Draw(t, "unit")
	decimals := rapid.IntRange(0, min(places[unit], 4)).Draw(t, "decimals")
	n := rapid.Int64Range(-9_999_999, 9_999_999).Draw(t, "digits")
	for range places[unit] - decimals {
		n *= 10
	}
	return measure.Printed{Value: measure.Weight(n), Decimals: decimals, Unit: unit}
}

type value struct {
	measure.Printed
	width  int
	stable bool
}

func codec() protocoltest.Codec[andstd.Message] {
	return protocoltest.Codec[andstd.Message]{
		Framer: func() protocoltest.Framer { return andstd.NewFramer() },
		Decode: andstd.Decode, Append: andstd.AppendMessage, Draw: draw,
		Reading: "ST,+00005.01  g\r\nUS,OK,+0001.234 kg\r\n@23OL,+9999999E+19\r\n\x06\r\nEC,E01\r\n",
		Value: func(m andstd.Message) any {
			if m.Kind != andstd.Weight && m.Kind != andstd.Tare {
				return nil
			}
			return value{m.Weight, m.Width, m.Stable()}
		},
	}
}

func TestCodec(t *testing.T) { codec().Test(t) }

// A byte lost from a weight, or put into it, never makes another weight of the same width.
func TestLostAndAddedBytesShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t)
		b, err := andstd.AppendMessage(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		line := string(b[:len(b)-2])
		i := rapid.IntRange(0, len(line)-1).Draw(t, "at")
		hurt := line[:i] + line[i+1:]
		if rapid.Bool().Draw(t, "added") {
			hurt = line[:i] + string([]byte{rapid.Byte().Draw(t, "byte")}) + line[i:]
		}
		got, err := andstd.Decode([]byte(hurt))
		if err == nil && got.Kind == andstd.Weight && got.Width == m.Width && got.Weight != m.Weight {
			t.Fatalf("%q became %q: %+v", line, hurt, got)
		}
	})
}

func FuzzFramer(f *testing.F) {
	codec().Fuzz(f,
		"\x06\r\n\x06\r\nUS,+00004.87  g\r\nST,+00005.01  g\r\nEC,E01\r\nOL,+9999999E+19\r\n",
		"ST,OK,+0001.234 kg\r\n", "@23ST,+0012.345 kg\r\n", "OL,-9999999E+19\r\n", "SN,T1234567\r\nTN,FX-2000i\r\n",
		"0005.01  g\r\nQT,+00000012 PC\r\n", "\x00\xff\r\nEC,E7\r\n", "PT,+00025.13  g\r\n",
	)
}
