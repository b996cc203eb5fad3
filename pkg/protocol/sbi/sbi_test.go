package sbi_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/protocoltest"
	"github.com/lieu-clinic/lieu/pkg/protocol/sbi"
)

func grams(value measure.Weight, decimals int) measure.Printed {
	return measure.Printed{Value: value, Decimals: decimals, Unit: "g"}
}

func TestDecode(t *testing.T) {
	for line, want := range map[string]sbi.Message{
		"+   123.56 g  ":       {Kind: sbi.Weight, Weight: grams(123_560_000, 2)},
		"-     0.05 g  ":       {Kind: sbi.Weight, Weight: grams(-50_000, 2)},
		"      0.00 g  ":       {Kind: sbi.Weight, Weight: grams(0, 2)},
		"+  1.23456 kg ":       {Kind: sbi.Weight, Weight: measure.Printed{Value: 1_234_560_000, Decimals: 5, Unit: "kg"}},
		"+  12345.6 mg ":       {Kind: sbi.Weight, Weight: measure.Printed{Value: 12_345_600, Decimals: 1, Unit: "mg"}},
		"+   123.56    ":       {Kind: sbi.Moving, Digits: 12_356, Decimals: 2},
		"-     0.05    ":       {Kind: sbi.Moving, Digits: -5, Decimals: 2},
		"+ 123.5[6] g  ":       {Kind: sbi.Weight, Weight: grams(123_560_000, 2), Unverified: true},
		"+ 123.5[6]    ":       {Kind: sbi.Moving, Digits: 12_356, Decimals: 2, Unverified: true},
		"N     +   123.56 g  ": {Kind: sbi.Weight, ID: sbi.Net, Weight: grams(123_560_000, 2)},
		"N     +    0.000 g  ": {Kind: sbi.Weight, ID: sbi.Net, Weight: grams(0, 3)},
		"N     +    0.031    ": {Kind: sbi.Moving, ID: sbi.Net, Digits: 31, Decimals: 3},
		"G     +   123.56 g  ": {Kind: sbi.Weight, ID: sbi.Gross, Weight: grams(123_560_000, 2)},
		"T1    +    25.13 g  ": {Kind: sbi.Tare, ID: sbi.Tare1, Weight: grams(25_130_000, 2)},
		"Qnt   +      253 pcs": {Kind: sbi.Count, ID: sbi.Quantity},
		"Stat      High      ": {Kind: sbi.Overload, ID: sbi.Status},
		"Stat High":            {Kind: sbi.Overload, ID: sbi.Status},
		"Stat      H         ": {Kind: sbi.Overload, ID: sbi.Status},
		"    High      ":       {Kind: sbi.Overload},
		"H":                    {Kind: sbi.Overload},
		"Stat      Low       ": {Kind: sbi.Underload, ID: sbi.Status},
		"L":                    {Kind: sbi.Underload},
		"Stat       OFF":       {Kind: sbi.Standby, ID: sbi.Status},
		"Stat     Cal.Int.":    {Kind: sbi.Adjusting, ID: sbi.Status},
		"Stat   Cal. Ext.    ": {Kind: sbi.Adjusting, ID: sbi.Status},
		"Stat  ERR 054":        {Kind: sbi.Failure, ID: sbi.Status, Code: 54},
		"Err 101":              {Kind: sbi.Failure, Code: 101},
		"APP. ERR":             {Kind: sbi.Failure, Text: "APP.ERR"},
		"PRT.ERR":              {Kind: sbi.Failure, Text: "PRT.ERR"},
		"COMM.ERR":             {Kind: sbi.Failure, Text: "COMM.ERR"},
		"DIS.ERR":              {Kind: sbi.Failure, Text: "DIS.ERR"},
		"SYS.ERR":              {Kind: sbi.Failure, Text: "SYS.ERR"},
		// Recorded answers about the balance itself: digits and a minus, and never a weight.
		"MSE1203S-100-DR     ": {Kind: sbi.Text, Text: "MSE1203S-100-DR"},
		"BCE3202-1S":           {Kind: sbi.Text, Text: "BCE3202-1S"},
		"WZA8202-N     ":       {Kind: sbi.Text, Text: "WZA8202-N"},
		"SerNo.    0031801165": {Kind: sbi.Text, ID: sbi.SerialNumber, Text: "0031801165"},
		"BAC:        00-39-21": {Kind: sbi.Text, Text: "BAC:        00-39-21"},
		"31801165":             {Kind: sbi.Text, Text: "31801165"},
	} {
		got, err := sbi.Decode([]byte(line))
		if err != nil {
			t.Errorf("%q: %v", line, err)
		} else if got != want {
			t.Errorf("%q: %s", line, cmp.Diff(want, got))
		}
	}
}

func TestWhatIsNoMessageHasNoValue(t *testing.T) {
	for line, want := range map[string]error{
		"":                        sbi.ErrSyntax,
		"              ":          sbi.ErrSyntax,
		"0.090":                   sbi.ErrSyntax, // the end of a line that began before we listened
		"   079":                  sbi.ErrSyntax,
		"+  123.56 g  ":           sbi.ErrSyntax, // 13: a byte was lost
		"+    123.56 g  ":         sbi.ErrSyntax, // 15: a byte was added
		"+  123.56  g  ":          sbi.ErrSyntax, // the value has left its columns
		"+   123.56  g ":          sbi.ErrSyntax, // the unit has
		"N    +   123.56 g  ":     sbi.ErrSyntax,
		"N     +    5.01 g  ":     sbi.ErrSyntax,
		"N      123.45 g":         sbi.ErrSyntax,
		"X     +   123.56 g  ":    sbi.ErrSyntax,
		"+   1-3.56 g  ":          sbi.ErrSyntax,
		"+   1 3.56 g  ":          sbi.ErrSyntax,
		"+    -3.56 g  ":          sbi.ErrSyntax,
		"+   003.56 g  ":          sbi.ErrSyntax,
		"+   123.5. g  ":          sbi.ErrSyntax,
		"+   123.5? g  ":          sbi.ErrSyntax,
		"+ 123.[56] g  ":          sbi.ErrSyntax,
		"+ 123.5[6  g  ":          sbi.ErrSyntax,
		"*   123.56 g  ":          sbi.ErrSyntax,
		"+   123.56 lb ":          sbi.ErrUnit,
		"+      253 pcs":          sbi.ErrUnit,
		"+  9999999 kg ":          nil,           // heavy, but a weight
		"+  0.00001 mg ":          sbi.ErrUnit,   // finer than a microgram
		"Stat  Maybe":             sbi.ErrSyntax, // a status nobody knows
		"Stat  ERR 0541":          sbi.ErrSyntax,
		"SerNo.":                  nil, // the name alone is a text
		"-BCE3202":                sbi.ErrSyntax,
		"N     +   123.56 \x00  ": sbi.ErrUnit,
	} {
		got, err := sbi.Decode([]byte(line))
		if !errors.Is(err, want) || (want != nil && got != (sbi.Message{})) {
			t.Errorf("%q: %+v, %v; want no value and %v", line, got, err, want)
		}
	}
}

func drawPrinted(t *rapid.T) measure.Printed {
	places := map[string]int{"g": 6, "kg": 9, "mg": 3}
	unit := rapid.SampledFrom([]string{"g", "kg", "mg"}).Draw(t, "unit")
	decimals := rapid.IntRange(0, min(places[unit], 4)).Draw(t, "decimals")
	n := rapid.Int64Range(-99_999, 99_999).Draw(t, "digits")
	for range places[unit] - decimals {
		n *= 10
	}
	return measure.Printed{Value: measure.Weight(n), Decimals: decimals, Unit: unit}
}

func draw(coded bool) func(t *rapid.T) sbi.Message {
	id := func(t *rapid.T, ids ...sbi.ID) sbi.ID {
		if !coded {
			return sbi.NoID
		}
		return rapid.SampledFrom(ids).Draw(t, "id")
	}
	return func(t *rapid.T) sbi.Message {
		switch rapid.IntRange(0, 7).Draw(t, "form") {
		case 0:
			kinds := []sbi.Kind{sbi.Overload, sbi.Underload, sbi.Standby, sbi.Adjusting}
			return sbi.Message{Kind: rapid.SampledFrom(kinds).Draw(t, "status"), ID: id(t, sbi.Status)}
		case 1:
			return sbi.Message{Kind: sbi.Failure, ID: id(t, sbi.Status), Code: rapid.IntRange(0, 999).Draw(t, "code")}
		case 2:
			return sbi.Message{Kind: sbi.Text, Text: rapid.StringMatching(`[A-Z]{3}[0-9]{4}(-[0-9A-Z]{1,5})?`).Draw(t, "text")}
		case 3:
			return sbi.Message{Kind: sbi.Moving, ID: id(t, sbi.Net, sbi.Gross), Digits: rapid.Int64Range(-99_999, 99_999).Draw(t, "digits"),
				Decimals: rapid.IntRange(0, 3).Draw(t, "decimals"), Unverified: rapid.Bool().Draw(t, "unverified")}
		case 4:
			if coded {
				return sbi.Message{Kind: sbi.Tare, ID: id(t, sbi.Tare1, sbi.Tare2), Weight: drawPrinted(t)}
			}
		}
		return sbi.Message{Kind: sbi.Weight, ID: id(t, sbi.Net, sbi.Gross), Weight: drawPrinted(t), Unverified: rapid.Bool().Draw(t, "unverified")}
	}
}

type shown struct {
	digits   int64
	decimals int
}

func codec(coded bool) protocoltest.Codec[sbi.Message] {
	reading := "+   123.56 g  \r\n+     0.05    \r\n    High      \r\n"
	if coded {
		reading = "N     +   123.56 g  \r\nN     +    0.031    \r\nStat      High      \r\n"
	}
	return protocoltest.Codec[sbi.Message]{
		Framer: func() protocoltest.Framer { return new(sbi.Framer) },
		Decode: sbi.Decode, Append: sbi.Form{Coded: coded}.AppendMessage, Draw: draw(coded), Reading: reading,
		Value: func(m sbi.Message) any {
			switch m.Kind {
			case sbi.Weight, sbi.Tare:
				return m.Weight
			case sbi.Moving:
				return shown{m.Digits, m.Decimals}
			}
			return nil
		},
	}
}

func TestCodec(t *testing.T) {
	t.Run("16 characters", codec(false).Test)
	t.Run("22 characters", codec(true).Test)
}

// A byte lost from a weight, or put into it, shows: it never makes another weight.
func TestLostAndAddedBytesShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coded := rapid.Bool().Draw(t, "coded")
		m := draw(coded)(t)
		b, err := sbi.Form{Coded: coded}.AppendMessage(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		line := bytes.TrimSuffix(b, []byte("\r\n"))
		i := rapid.IntRange(0, len(line)-1).Draw(t, "at")
		hurt := append(append([]byte(nil), line[:i]...), line[i+1:]...)
		if rapid.Bool().Draw(t, "added") {
			hurt = append(append(append([]byte(nil), line[:i]...), rapid.Byte().Draw(t, "byte")), line[i:]...)
		}
		got, err := sbi.Decode(hurt)
		if err == nil && (got.Kind == sbi.Weight || got.Kind == sbi.Moving || got.Kind == sbi.Tare) {
			t.Fatalf("%q became %q: %+v", line, hurt, got)
		}
	})
}

func TestAppendCommand(t *testing.T) {
	if got := sbi.AppendCommand(nil, sbi.Print); string(got) != "\x1bP\r\n" {
		t.Errorf("%q", got)
	}
	if got := sbi.AppendCommand(nil, sbi.Model); string(got) != "\x1bx1_\r\n" {
		t.Errorf("%q", got)
	}
}

func TestWhatDoesNotFitIsNotSent(t *testing.T) {
	for name, m := range map[string]sbi.Message{
		"too wide":        {Kind: sbi.Weight, Weight: grams(123_456_789_000_000, 2)},
		"a code in 16":    {Kind: sbi.Weight, ID: sbi.Net, Weight: grams(1_000_000, 2)},
		"finer":           {Kind: sbi.Weight, Weight: grams(1_005_000, 2)},
		"nothing":         {},
		"text like value": {Kind: sbi.Text, Text: "12.5 g"},
	} {
		if b, err := (sbi.Form{}).AppendMessage(nil, m); err == nil || len(b) > 0 {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func FuzzFramer(f *testing.F) {
	codec(true).Fuzz(f,
		"MSE1203S-100-DR     \r\nN     +    0.000 g  \r\nN     +    4.871    \r\nN     +    5.012 g  \r\nStat      High      \r\n",
		"+   123.56 g  \r\n", "+ 123.5[6] g  \r\n", "SerNo.    0031801165\r\n", "Stat       OFF\r\nStat  ERR 054\r\n",
		"BCE3202-1S\r\n", "56 g  \r\nT1    +    25.13 g  \r\n", "\x00\xff\r\nAPP. ERR\r\n", "Qnt   +      253 pcs\r\n",
	)
}
