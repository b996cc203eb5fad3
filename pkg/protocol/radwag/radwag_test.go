package radwag_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/protocoltest"
	"github.com/lieu-clinic/lieu/pkg/protocol/radwag"
)

func weight(c radwag.Command, value measure.Weight, decimals int, stable bool) radwag.Message {
	return radwag.Message{Kind: radwag.Weight, Command: c, Stable: stable, Width: radwag.MassWidth,
		Weight: measure.Printed{Value: value, Decimals: decimals, Unit: "g"}}
}

func narrow(m radwag.Message) radwag.Message {
	m.Width--
	return m
}

func TestDecode(t *testing.T) {
	kilo := weight(radwag.NowBasic, 1_234_000_000, 3, true)
	kilo.Weight.Unit = "kg"
	for line, want := range map[string]radwag.Message{
		"SI  ? -  0.00020 g  ": weight(radwag.NowBasic, -200, 5, false),
		"S          5.012 g  ": weight(radwag.StableBasic, 5_012_000, 3, true),
		"SI  ?      4.871 g  ": weight(radwag.NowBasic, 4_871_000, 3, false),
		"SUI        4.871 g  ": weight(radwag.NowCurrent, 4_871_000, 3, true),
		"SU    -    4.871 g  ": weight(radwag.StableCurrent, -4_871_000, 3, true),
		"SI         1.234 kg ": kilo,
		"SI ? -  0.00020 g  ":  narrow(weight(radwag.NowBasic, -200, 5, false)), // one blank is missing
		"SI  ?-  0.00020 g  ":  narrow(weight(radwag.NowBasic, -200, 5, false)),
		"SI  ^             ":   {}, // too short for a mass
		"SI  ^               ": {Kind: radwag.Overload, Command: radwag.NowBasic},
		"SI  v      0.000 g  ": {Kind: radwag.Underload, Command: radwag.NowBasic},
		"S A":                  {Kind: radwag.Accepted, Command: radwag.StableBasic},
		"S E":                  {Kind: radwag.TimeOut, Command: radwag.StableBasic},
		"S I":                  {Kind: radwag.Busy, Command: radwag.StableBasic},
		"T A":                  {Kind: radwag.Accepted, Command: radwag.SetTare},
		"T D":                  {Kind: radwag.Done, Command: radwag.SetTare},
		"T v":                  {Kind: radwag.BelowRange, Command: radwag.SetTare},
		"Z ^":                  {Kind: radwag.AboveRange, Command: radwag.Zero},
		"Z E":                  {Kind: radwag.TimeOut, Command: radwag.Zero},
		"UT OK":                {Kind: radwag.OK, Command: radwag.PresetTare},
		"C1 A":                 {Kind: radwag.Accepted, Command: radwag.StreamOn},
		"ES":                   {Kind: radwag.Unknown},
		`NB A "123456"`:        {Kind: radwag.Info, Command: radwag.SerialNumber, Text: "123456"},
		`BN A "AS"`:            {Kind: radwag.Info, Command: radwag.Type, Text: "AS"},
		`PC A "Z,T,S,SI"`:      {Kind: radwag.Info, Command: radwag.ListCommands, Text: "Z,T,S,SI"},
		"NB I":                 {Kind: radwag.Busy, Command: radwag.SerialNumber},
		"OT    25.130 g  ": {Kind: radwag.Tare, Command: radwag.ReadTare, Stable: true, Width: 16,
			Weight: measure.Printed{Value: 25_130_000, Decimals: 3, Unit: "g"}},
	} {
		got, err := radwag.Decode([]byte(line))
		if want == (radwag.Message{}) {
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
		"":                      radwag.ErrSyntax,
		"SI":                    radwag.ErrSyntax,
		"SI -  0.00020 g":       radwag.ErrSyntax,
		"SI? -  0.00020 g  ":    radwag.ErrSyntax, // two blanks are missing
		"SI   ? -  0.00020 g  ": radwag.ErrSyntax, // one too many
		"SI ?  -  0.00020 g  ":  radwag.ErrSyntax, // the mark has left its place
		"SI  ??-  0.00020 g  ":  radwag.ErrSyntax,
		"SI  ! -  0.00020 g  ":  radwag.ErrSyntax,
		"SI  ? + 10.00020 g  ":  radwag.ErrSyntax,
		"SI  ?   -0.00020 g  ":  radwag.ErrSyntax, // the sign stands apart
		"SI  ? -  0.00020  g ":  radwag.ErrSyntax,
		"SI  ? - 0.00020  g  ":  radwag.ErrSyntax,
		"SI  ? -  0 00020 g  ":  radwag.ErrSyntax,
		"SI  ? -  00.0020 g  ":  radwag.ErrSyntax,
		"SI  ? -          g  ":  radwag.ErrSyntax,
		"SI  ? -  0.00020    ":  radwag.ErrSyntax,
		"XX  ? -  0.00020 g  ":  radwag.ErrSyntax,
		"T   ? -  0.00020 g  ":  radwag.ErrSyntax,
		"OT   25.130 g  ":       radwag.ErrSyntax,
		"OT  -25.130 g  ":       radwag.ErrSyntax,
		"ES ":                   radwag.ErrSyntax,
		"S  A":                  radwag.ErrSyntax,
		"S B":                   radwag.ErrSyntax,
		`NB A "123456`:          radwag.ErrSyntax,
		`NB A ""`:               radwag.ErrSyntax,
		`NB A "12"56"`:          radwag.ErrSyntax,
		`NB A 123456`:           radwag.ErrSyntax,
		"SI         4.871 lb ":  radwag.ErrUnit,
		"SI         4.871 pcs":  radwag.ErrUnit,
		"SI     0.0000001 g  ":  radwag.ErrUnit,
	} {
		got, err := radwag.Decode([]byte(line))
		if !errors.Is(err, want) || got != (radwag.Message{}) {
			t.Errorf("%q: %+v, %v; want no value and %v", line, got, err, want)
		}
	}
}

func drawPrinted(t *rapid.T, from int64) measure.Printed {
	places := map[string]int{"g": 6, "kg": 9, "mg": 3}
	unit := rapid.SampledFrom([]string{"g", "kg", "mg"}).Draw(t, "unit")
	decimals := rapid.IntRange(0, min(places[unit], 5)).Draw(t, "decimals")
	n := rapid.Int64Range(from, 9_999_999).Draw(t, "digits")
	for range places[unit] - decimals {
		n *= 10
	}
	return measure.Printed{Value: measure.Weight(n), Decimals: decimals, Unit: unit}
}

func draw(t *rapid.T) radwag.Message {
	commands := []radwag.Command{radwag.StableBasic, radwag.NowBasic, radwag.StableCurrent, radwag.NowCurrent}
	c := rapid.SampledFrom(commands).Draw(t, "command")
	switch rapid.IntRange(0, 7).Draw(t, "form") {
	case 0:
		kinds := []radwag.Kind{radwag.Accepted, radwag.Done, radwag.OK, radwag.TimeOut, radwag.Busy, radwag.AboveRange, radwag.BelowRange}
		return radwag.Message{Kind: rapid.SampledFrom(kinds).Draw(t, "outcome"), Command: c}
	case 1:
		return radwag.Message{Kind: radwag.Unknown}
	case 2:
		return radwag.Message{Kind: radwag.Info, Command: radwag.SerialNumber, Text: rapid.StringMatching(`[ !#-~]{1,20}`).Draw(t, "text")}
	case 3:
		return radwag.Message{Kind: rapid.SampledFrom([]radwag.Kind{radwag.Overload, radwag.Underload}).Draw(t, "side"), Command: c}
	case 4:
		return radwag.Message{Kind: radwag.Tare, Command: radwag.ReadTare, Stable: true, Width: 16, Weight: drawPrinted(t, 0)}
	}
	m := radwag.Message{Kind: radwag.Weight, Command: c, Stable: rapid.Bool().Draw(t, "stable"), Width: radwag.MassWidth,
		Weight: drawPrinted(t, -9_999_999)}
	if len(c) < 3 && rapid.Bool().Draw(t, "narrow") {
		m.Width--
	}
	return m
}

type value struct {
	measure.Printed
	width  int
	stable bool
}

func codec() protocoltest.Codec[radwag.Message] {
	return protocoltest.Codec[radwag.Message]{
		Framer: func() protocoltest.Framer { return new(radwag.Framer) },
		Decode: radwag.Decode, Append: radwag.AppendMessage, Draw: draw,
		Reading: "SI  ? -  0.00020 g  \r\nS          5.012 g  \r\nS A\r\nSI  ^               \r\nES\r\n",
		Value: func(m radwag.Message) any {
			if m.Kind != radwag.Weight && m.Kind != radwag.Tare {
				return nil
			}
			return value{m.Weight, m.Width, m.Stable}
		},
	}
}

func TestCodec(t *testing.T) { codec().Test(t) }

// A byte lost from a mass, or put into it, never makes another mass of the same width.
func TestLostAndAddedBytesShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t)
		b, err := radwag.AppendMessage(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		line := string(b[:len(b)-2])
		i := rapid.IntRange(0, len(line)-1).Draw(t, "at")
		hurt := line[:i] + line[i+1:]
		if rapid.Bool().Draw(t, "added") {
			hurt = line[:i] + string([]byte{rapid.Byte().Draw(t, "byte")}) + line[i:]
		}
		got, err := radwag.Decode([]byte(hurt))
		if err == nil && got.Kind == radwag.Weight && got.Width == m.Width && got.Weight != m.Weight {
			t.Fatalf("%q became %q: %+v", line, hurt, got)
		}
	})
}

func TestAppendCommand(t *testing.T) {
	if got := radwag.AppendCommand(nil, radwag.SerialNumber); string(got) != "NB\r\n" {
		t.Errorf("%q", got)
	}
}

func FuzzFramer(f *testing.F) {
	codec().Fuzz(f,
		"T A\r\nT D\r\nS A\r\nS          5.012 g  \r\nS E\r\nSI  ?      4.871 g  \r\n", "SI  ? -  0.00020 g  \r\n", "SI ? -  0.00020 g  \r\n",
		"NB A \"123456\"\r\n", "OT    25.130 g  \r\nUT OK\r\n", "20 g  \r\nSI  ^               \r\n", "ES\r\nZ v\r\n",
	)
}
