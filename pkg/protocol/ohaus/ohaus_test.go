package ohaus_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/ohaus"
	"github.com/lieu-clinic/lieu/pkg/protocol/protocoltest"
)

func weight(value measure.Weight, width int, stable bool, legend ohaus.Legend) ohaus.Message {
	m := ohaus.Message{Kind: ohaus.Weight, Stable: stable, Width: width, Legend: legend,
		Weight: measure.Printed{Value: value, Decimals: 2, Unit: "g"}}
	if legend == ohaus.T || legend == ohaus.PresetTare {
		m.Kind = ohaus.Tare
	}
	return m
}

func TestDecode(t *testing.T) {
	timed := func(value measure.Weight, stable bool, seconds int) ohaus.Message {
		m := weight(value, 11, stable, ohaus.Clock)
		m.Seconds = seconds
		return m
	}
	for line, want := range map[string]ohaus.Message{
		"     192.21 g":            weight(192_210_000, 11, true, ohaus.NoLegend),
		"       0.01 g ?":          weight(10_000, 11, false, ohaus.NoLegend),
		"      -3.91 g":            weight(-3_910_000, 11, true, ohaus.NoLegend),
		"    192.21 g":             weight(192_210_000, 10, true, ohaus.NoLegend),
		"      192.21 g":           weight(192_210_000, 12, true, ohaus.NoLegend),
		"       0.01 g   00:00:00": timed(10_000, true, 0),
		"     176.30 g ? 00:00:15": timed(176_300_000, false, 15),
		"     192.08 g   01:00:30": timed(192_080_000, true, 3630),
		"     207.80 g TOTAL":      {Kind: ohaus.Total, Legend: ohaus.Sum},
		"     192.21 g N":          weight(192_210_000, 11, true, ohaus.N),
		"     192.21 g ? N":        weight(192_210_000, 11, false, ohaus.N),
		"     192.21 g   NET":      weight(192_210_000, 11, true, ohaus.Net),
		"     192.21 g G":          weight(192_210_000, 11, true, ohaus.G),
		"     192.21 g GROSS":      weight(192_210_000, 11, true, ohaus.Gross),
		"      25.13 g T":          weight(25_130_000, 11, true, ohaus.T),
		"      25.13 g PT":         weight(25_130_000, 11, true, ohaus.PresetTare),
		"OK!":                      {Kind: ohaus.Done},
		"ES":                       {Kind: ohaus.Refused},
		"Err 8.3":                  {Kind: ohaus.Overload, Code: 83},
		"Err 8.4":                  {Kind: ohaus.Underload, Code: 84},
		"Err 53.0":                 {Kind: ohaus.Failure, Code: 530},
		"?":                        {Kind: ohaus.Old, Text: "?"},
		"0A":                       {Kind: ohaus.Old, Text: "0A"},
		"SA":                       {Kind: ohaus.Old, Text: "SA"},
		"CA":                       {Kind: ohaus.Old, Text: "CA"},
		"0M":                       {Kind: ohaus.Old, Text: "0M"},
		"B123456789":               {Kind: ohaus.Text, Text: "B123456789"},
		"8032123456":               {Kind: ohaus.Text, Text: "8032123456"},
		"Sr 1.10":                  {Kind: ohaus.Text, Text: "Sr 1.10"},
	} {
		got, err := ohaus.Decode([]byte(line))
		if err != nil {
			t.Errorf("%q: %v", line, err)
		} else if got != want {
			t.Errorf("%q: %s", line, cmp.Diff(want, got))
		}
	}
}

func TestWhatIsNoMessageHasNoValue(t *testing.T) {
	for line, want := range map[string]error{
		"":                         ohaus.ErrSyntax,
		"        ":                 ohaus.ErrSyntax,
		"   192.21 g":              ohaus.ErrSyntax, // 9 wide
		"       192.21 g":          ohaus.ErrSyntax, // 13 wide
		"192.21 g":                 ohaus.ErrSyntax, // the end of a line
		"       0.01 g ":           ohaus.ErrSyntax, // the question mark was lost
		"       0.01 g?":           ohaus.ErrUnit,
		"       0.01 g  N":         ohaus.ErrSyntax, // and here
		"       0.01 g ?N":         ohaus.ErrSyntax,
		"       0.01 g  00:00:15":  ohaus.ErrSyntax,
		"       0.01 g ? 00:61:15": ohaus.ErrSyntax,
		"       0.01 g ? SUM":      ohaus.ErrSyntax,
		"       0.01  g":           ohaus.ErrSyntax,
		"       0.01 ":             ohaus.ErrSyntax,
		"     -  3.91 g":           ohaus.ErrSyntax,
		"       003.91 g":          ohaus.ErrSyntax,
		"        00391 g":          ohaus.ErrSyntax,
		"     19.2.1 g":            ohaus.ErrSyntax,
		"     +92.21 g":            ohaus.ErrSyntax,
		"     192.21 grams!":       ohaus.ErrSyntax,
		"     192.21":              ohaus.ErrNumericOnly,
		"        192":              ohaus.ErrNumericOnly,
		"     192.21 oz":           ohaus.ErrUnit,
		"     192.21 lb ?":         ohaus.ErrUnit,
		"         12 PCS":          ohaus.ErrUnit,
		"  0.1234567 g":            ohaus.ErrUnit,
		"OK":                       nil, // a text, not the acknowledgement
		"Err 8.x":                  nil, // a text
		"-1.25 g":                  ohaus.ErrSyntax,
		"B123 ":                    ohaus.ErrSyntax,
		"B1\x0623":                 ohaus.ErrSyntax,
	} {
		got, err := ohaus.Decode([]byte(line))
		if !errors.Is(err, want) || (want != nil && got != (ohaus.Message{})) {
			t.Errorf("%q: %+v, %v; want no value and %v", line, got, err, want)
		}
		if want == nil && got.Kind != ohaus.Text {
			t.Errorf("%q: %+v, want a text", line, got)
		}
	}
	if !errors.Is(ohaus.ErrNumericOnly, ohaus.ErrUnit) {
		t.Error("a number without a unit is a wrong unit")
	}
}

// draw makes what a balance sends that prints weights in a field of that width.
func draw(t *rapid.T, width int) ohaus.Message {
	switch rapid.IntRange(0, 6).Draw(t, "form") {
	case 0:
		return ohaus.Message{Kind: rapid.SampledFrom([]ohaus.Kind{ohaus.Done, ohaus.Refused}).Draw(t, "answer")}
	case 1:
		code := rapid.IntRange(0, 999).Draw(t, "code")
		kind := map[int]ohaus.Kind{83: ohaus.Overload, 84: ohaus.Underload}[code]
		if kind == 0 {
			kind = ohaus.Failure
		}
		return ohaus.Message{Kind: kind, Code: code}
	case 2:
		return ohaus.Message{Kind: ohaus.Text, Text: rapid.StringMatching(`B[0-9]{4,10}`).Draw(t, "text")}
	case 3:
		return ohaus.Message{Kind: ohaus.Total, Legend: ohaus.Sum}
	}
	m := ohaus.Message{Kind: ohaus.Weight, Stable: rapid.Bool().Draw(t, "stable"), Width: width,
		Weight: drawPrinted(t)}
	m.Legend = rapid.SampledFrom([]ohaus.Legend{ohaus.NoLegend, ohaus.N, ohaus.G, ohaus.T, ohaus.Net, ohaus.Gross,
		ohaus.PresetTare, ohaus.Clock}).Draw(t, "legend")
	switch m.Legend {
	case ohaus.Clock:
		m.Seconds = rapid.IntRange(0, 359_999).Draw(t, "seconds")
	case ohaus.T, ohaus.PresetTare:
		m.Kind = ohaus.Tare
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

// codec is that of one balance, which keeps to its width: a driver refuses a weight of another one.
func codec(width int) protocoltest.Codec[ohaus.Message] {
	return protocoltest.Codec[ohaus.Message]{
		Framer: func() protocoltest.Framer { return new(ohaus.Framer) },
		Decode: ohaus.Decode, Append: ohaus.AppendMessage, Draw: func(t *rapid.T) ohaus.Message { return draw(t, width) },
		Reading: "     192.21 g\r\n       0.01 g ?\r\n     176.30 g ? 00:00:15\r\nOK!\r\nES\r\n",
		Value: func(m ohaus.Message) any {
			if m.Kind != ohaus.Weight && m.Kind != ohaus.Tare || m.Width != width {
				return nil
			}
			return value{m.Weight, m.Width, m.Stable}
		},
	}
}

func TestCodec(t *testing.T) {
	for width := 10; width <= 12; width++ {
		t.Run(fmt.Sprintf("%d wide", width), codec(width).Test)
	}
}

// A byte lost from a weight, or put into it, never makes another weight of the same width, nor a stable one of one that
// moves.
func TestLostAndAddedBytesShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t, rapid.IntRange(10, 12).Draw(t, "width"))
		b, err := ohaus.AppendMessage(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		line := string(b[:len(b)-2])
		i := rapid.IntRange(0, len(line)-1).Draw(t, "at")
		hurt := line[:i] + line[i+1:]
		if rapid.Bool().Draw(t, "added") {
			hurt = line[:i] + string([]byte{rapid.Byte().Draw(t, "byte")}) + line[i:]
		}
		got, err := ohaus.Decode([]byte(hurt))
		if err != nil || got.Kind != ohaus.Weight || got.Width != m.Width || m.Kind == ohaus.Total {
			return
		}
		// The unit can change ("kg" without its "k" is "g"); the driver keeps to one form.
		if got.Weight.Unit == m.Weight.Unit && got.Weight != m.Weight || got.Stable && !m.Stable {
			t.Fatalf("%q became %q: %+v", line, hurt, got)
		}
	})
}

func TestAppendCommand(t *testing.T) {
	if got := ohaus.AppendCommand(nil, ohaus.SerialNumber); string(got) != "PSN\r\n" {
		t.Errorf("%q", got)
	}
}

func FuzzFramer(f *testing.F) {
	codec(11).Fuzz(f,
		"OK!\r\n       4.87 g ?\r\n       5.01 g\r\nES\r\n", "     192.21 g\r\n", "     176.30 g ? 00:00:15\r\n",
		"     207.80 g TOTAL\r\n", "     192.21\r\n", ".21 g\r\n      25.13 g PT\r\n", "Err 8.3\r\n0A\r\n?\r\n", "B123456789\r\n",
	)
}
