package mtsics_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/mtsics"
)

func grams(value measure.Weight, decimals, width int) mtsics.Weight {
	return mtsics.Weight{Printed: measure.Printed{Value: value, Decimals: decimals, Unit: "g"}, Width: width}
}

func TestDecode(t *testing.T) {
	for line, want := range map[string]mtsics.Reply{
		"S S     100.00 g":          {ID: mtsics.S, Status: mtsics.Stable, Weight: grams(100_000_000, 2, 10)},
		"S D      -3.91 g":          {ID: mtsics.S, Status: mtsics.Dynamic, Weight: grams(-3_910_000, 2, 10)},
		"S S      100.00 g":         {ID: mtsics.S, Status: mtsics.Stable, Weight: grams(100_000_000, 2, 11)},
		"S S       0.00 g":          {ID: mtsics.S, Status: mtsics.Stable, Weight: grams(0, 2, 10)},
		"S S          5 g":          {ID: mtsics.S, Status: mtsics.Stable, Weight: grams(5_000_000, 0, 10)},
		"S S    1.23456 kg":         {ID: mtsics.S, Status: mtsics.Stable, Weight: mtsics.Weight{Printed: measure.Printed{Value: 1_234_560_000, Decimals: 5, Unit: "kg"}, Width: 10}},
		"S S    12345.6 mg":         {ID: mtsics.S, Status: mtsics.Stable, Weight: mtsics.Weight{Printed: measure.Printed{Value: 12_345_600, Decimals: 1, Unit: "mg"}, Width: 10}},
		"S I":                       {ID: mtsics.S, Status: mtsics.NotExecutable},
		"S +":                       {ID: mtsics.S, Status: mtsics.Overload},
		"S -":                       {ID: mtsics.S, Status: mtsics.Underload},
		"S L":                       {ID: mtsics.S, Status: mtsics.Parameter},
		"S S Error 10b":             {ID: mtsics.S, Status: mtsics.DeviceError, Code: 10, Bridge: true},
		"S S Error 1t":              {ID: mtsics.S, Status: mtsics.DeviceError, Code: 1},
		"Z A":                       {ID: mtsics.Z, Status: mtsics.Done},
		"Z I":                       {ID: mtsics.Z, Status: mtsics.NotExecutable},
		"Z +":                       {ID: mtsics.Z, Status: mtsics.Overload},
		"Z -":                       {ID: mtsics.Z, Status: mtsics.Underload},
		"ZI S":                      {ID: mtsics.ZI, Status: mtsics.Stable},
		"ZI D":                      {ID: mtsics.ZI, Status: mtsics.Dynamic},
		"Z S":                       {ID: mtsics.Z, Status: mtsics.Stable},
		"Z D":                       {ID: mtsics.Z, Status: mtsics.Dynamic},
		"T S      25.13 g":          {ID: mtsics.T, Status: mtsics.Stable, Weight: grams(25_130_000, 2, 10)},
		"T I":                       {ID: mtsics.T, Status: mtsics.NotExecutable},
		"TI D      25.13 g":         {ID: mtsics.TI, Status: mtsics.Dynamic, Weight: grams(25_130_000, 2, 10)},
		"T D      25.13 g":          {ID: mtsics.T, Status: mtsics.Dynamic, Weight: grams(25_130_000, 2, 10)},
		"TA A      12.34 g":         {ID: mtsics.TA, Status: mtsics.Done, Weight: grams(12_340_000, 2, 10)},
		"TA S      12.34 g":         {ID: mtsics.TA, Status: mtsics.Stable, Weight: grams(12_340_000, 2, 10)},
		"TA I":                      {ID: mtsics.TA, Status: mtsics.NotExecutable},
		"TAC A":                     {ID: mtsics.TAC, Status: mtsics.Done},
		"I0 B 0 \"SIR\"":            {ID: mtsics.I0, Status: mtsics.More, Args: `0 "SIR"`},
		"I0 A":                      {ID: mtsics.I0, Status: mtsics.Done},
		`I1 A "0123" "2.30" "2.30"`: {ID: mtsics.I1, Status: mtsics.Done, Args: `"0123" "2.30" "2.30"`},
		`I2 A "JE1002G/A 1200.90 g"`: {ID: mtsics.I2, Status: mtsics.Done,
			Args: `"JE1002G/A 1200.90 g"`},
		`I4 A "12345678"`: {ID: mtsics.I4, Status: mtsics.Done, Args: `"12345678"`},
		"C3 B":            {ID: mtsics.C3, Status: mtsics.More},
		"C3 A":            {ID: mtsics.C3, Status: mtsics.Done},
		"ES":              {ID: mtsics.ES},
		"ET":              {ID: mtsics.ET},
		"EL":              {ID: mtsics.EL},
	} {
		got, err := mtsics.Decode([]byte(line))
		if err != nil {
			t.Errorf("%q: %v", line, err)
		} else if got != want {
			t.Errorf("%q: %s", line, cmp.Diff(want, got))
		}
	}
}

func TestWhatIsNoReplyHasNoValue(t *testing.T) {
	for line, want := range map[string]error{
		"":                      mtsics.ErrSyntax,
		"S":                     mtsics.ErrSyntax,
		"S S":                   mtsics.ErrSyntax,
		"S S 100.00 g":          mtsics.ErrSyntax, // the field is too narrow: digits may be missing
		"S S       100.00 g":    mtsics.ErrSyntax, // 12 wide
		"S S     10000 g g":     mtsics.ErrSyntax,
		"S S     100.00":        mtsics.ErrSyntax,
		"S S     100.00 ":       mtsics.ErrSyntax,
		"S S     100.0? g":      mtsics.ErrSyntax,
		"S S     1 0.00 g":      mtsics.ErrSyntax,
		"S S     -.1000 g":      mtsics.ErrSyntax,
		"S S     100.0. g":      mtsics.ErrSyntax,
		"S S    -  1.00 g":      mtsics.ErrSyntax,
		"S S     001.00 g":      mtsics.ErrSyntax,
		"S S Error 10x":         mtsics.ErrSyntax,
		"S S Error b":           mtsics.ErrSyntax,
		"S D Error 10b":         mtsics.ErrSyntax,
		"s S     100.00 g":      mtsics.ErrSyntax,
		" S S     100.00 g":     mtsics.ErrSyntax,
		"S  S     100.00 g":     mtsics.ErrSyntax,
		"S X     100.00 g":      mtsics.ErrSyntax,
		"S     100.00 g":        mtsics.ErrSyntax, // what is left of a T reply that lost its first two bytes
		"ES ES":                 mtsics.ErrSyntax,
		`I4 A 12"34`:            mtsics.ErrSyntax,
		`I4 A "1234`:            mtsics.ErrSyntax,
		"Z A     100.00 g":      mtsics.ErrSyntax,
		"S S     100.00 lb":     mtsics.ErrUnit,
		"S S         12 PCS":    mtsics.ErrUnit,
		"S S 0.12345678 g":      mtsics.ErrUnit, // finer than a microgram
		"S S     100.00 g\x00":  mtsics.ErrUnit,
		"S S     100.00\xa0g":   mtsics.ErrSyntax,
		"S S 9999999999 kg":     mtsics.ErrUnit, // does not fit
		"S S     100.00 g ":     mtsics.ErrSyntax,
		"S S\t    100.00 g":     mtsics.ErrSyntax,
		"S S     １００.00 g":      mtsics.ErrSyntax,
		"S S  1.000E+02 g":      mtsics.ErrSyntax,
		"S S         +1 g":      mtsics.ErrSyntax,
		"S S        NaN g":      mtsics.ErrSyntax,
		"SIX1 S 0 Z R R 0 0 0 ": mtsics.ErrSyntax,
	} {
		got, err := mtsics.Decode([]byte(line))
		if !errors.Is(err, want) || got != (mtsics.Reply{}) {
			t.Errorf("%q: %+v, %v; want no value and %v", line, got, err, want)
		}
	}
}

func TestArg(t *testing.T) {
	r, err := mtsics.Decode([]byte(`I1 A "0123" "2.30 x" 7`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0123", "2.30 x", "7", ""} {
		if got := r.Arg(i); got != want {
			t.Errorf("Arg(%d) = %q, want %q", i, got, want)
		}
	}
}

func TestPresetTare(t *testing.T) {
	c, err := mtsics.PresetTare(grams(100_000_000, 1, 0))
	if err != nil || c != "TA 100.0 g" {
		t.Errorf("%q, %v", c, err)
	}
	if c, err := mtsics.PresetTare(grams(100_050_000, 1, 0)); err == nil {
		t.Errorf("a tare finer than its decimals was written as %q", c)
	}
}

func lines(t testing.TB, f *mtsics.Framer, chunk []byte) []string {
	t.Helper()
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

func TestFramer(t *testing.T) {
	long := strings.Repeat("x", mtsics.MaxLine)
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"the first, partial line is dropped": {"0.00 g\r\nS I\r\n", []string{"S I"}},
		"a line without CR is dropped":       {"\nS I\nZ A\r\n", []string{"Z A"}},
		"a NUL breaks its line only":         {"\nS\x00I\r\nZ A\r\n", []string{"Z A"}},
		"a CR within breaks the line":        {"\nS\rI\r\nZ A\r\n", []string{"Z A"}},
		"empty lines are nothing":            {"\n\r\n\r\nZ A\r\n", []string{"Z A"}},
		"as long as may be":                  {"\n" + long + "\r\n", []string{long}},
		"one byte longer":                    {"\n" + long + "x\r\nZ A\r\n", []string{"Z A"}},
		"half a line stays":                  {"\nS I", nil},
	} {
		var f mtsics.Framer
		if diff := cmp.Diff(c.want, lines(t, &f, []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSyncAndLose(t *testing.T) {
	var f mtsics.Framer
	f.Sync()
	if got := lines(t, &f, []byte("S I\r\nZ")); len(got) != 1 || got[0] != "S I" {
		t.Errorf("after Sync: %q", got)
	}
	f.Lose()
	if got := lines(t, &f, []byte(" A\r\nS I\r\n")); len(got) != 1 || got[0] != "S I" {
		t.Errorf("after Lose: %q", got)
	}
}

func drawWeight(t *rapid.T) mtsics.Weight {
	scales := map[string]int{"g": 6, "kg": 9, "mg": 3}
	unit := rapid.SampledFrom([]string{"g", "kg", "mg"}).Draw(t, "unit")
	decimals := rapid.IntRange(0, min(scales[unit], 5)).Draw(t, "decimals")
	n := rapid.Int64Range(-9_999_99, 9_999_999).Draw(t, "digits")
	for range scales[unit] - decimals {
		n *= 10
	}
	width := rapid.SampledFrom([]int{10, 11}).Draw(t, "width")
	return mtsics.Weight{Printed: measure.Printed{Value: measure.Weight(n), Decimals: decimals, Unit: unit}, Width: width}
}

func drawReply(t *rapid.T) mtsics.Reply {
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		return mtsics.Reply{ID: rapid.SampledFrom([]mtsics.ID{mtsics.ES, mtsics.ET, mtsics.EL}).Draw(t, "error")}
	case 1:
		status := rapid.SampledFrom([]mtsics.Status{'I', '+', '-', 'L'}).Draw(t, "status")
		return mtsics.Reply{ID: mtsics.S, Status: status}
	case 2:
		code := rapid.IntRange(0, 999).Draw(t, "code")
		return mtsics.Reply{ID: mtsics.S, Status: mtsics.DeviceError, Code: code, Bridge: rapid.Bool().Draw(t, "bridge")}
	case 3:
		text := rapid.StringMatching(`"[ !#-~]{0,40}"( "[ !#-~]{0,20}"| [0-9A-Za-z.]{1,9}){0,3}`).Draw(t, "text")
		return mtsics.Reply{ID: rapid.SampledFrom([]mtsics.ID{"I1", "I2", "I3", "I4", "I5"}).Draw(t, "id"), Status: mtsics.Done, Args: text}
	}
	id := rapid.SampledFrom([]mtsics.ID{mtsics.S, mtsics.T, mtsics.TI}).Draw(t, "id")
	status := rapid.SampledFrom([]mtsics.Status{mtsics.Stable, mtsics.Dynamic}).Draw(t, "status")
	return mtsics.Reply{ID: id, Status: status, Weight: drawWeight(t)}
}

func encode(t *rapid.T, r mtsics.Reply) []byte {
	b, err := mtsics.AppendReply(nil, r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return b
}

// chunks cuts b anywhere.
func chunks(t *rapid.T, b []byte) [][]byte {
	var out [][]byte
	for len(b) > 0 {
		n := rapid.IntRange(1, len(b)).Draw(t, "chunk")
		out = append(out, b[:n])
		b = b[n:]
	}
	return out
}

// What a balance encodes is what is decoded, however the line cuts it.
func TestRepliesSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Custom(drawReply), 1, 6).Draw(t, "replies")
		var stream []byte
		for _, r := range sent {
			stream = append(stream, encode(t, r)...)
		}
		var f mtsics.Framer
		f.Sync()
		var got []mtsics.Reply
		for _, c := range chunks(t, stream) {
			for {
				line, rest, ok := f.Next(c)
				if !ok {
					break
				}
				c = rest
				r, err := mtsics.Decode(line)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				got = append(got, r)
			}
		}
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Garbage before, between and after replies may cost replies; it never makes a weight that was not sent. The noise
// is what a line does to bytes: high bits, control characters, halves of real lines.
func TestGarbageNeverMakesAWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		sent := map[mtsics.Weight]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "count") {
			noise := rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "noise")
			stream = append(stream, noise...)
			if rapid.Bool().Draw(t, "half") {
				r := drawReply(t)
				half := encode(t, r)
				sent[r.Weight] = true // noise that begins with LF can end the line
				stream = append(stream, half[:rapid.IntRange(0, len(half)-1).Draw(t, "cut")]...)
			}
			r := drawReply(t)
			sent[r.Weight] = true
			stream = append(stream, encode(t, r)...)
		}
		var f mtsics.Framer
		for _, c := range chunks(t, stream) {
			for {
				line, rest, ok := f.Next(c)
				if !ok {
					break
				}
				c = rest
				if r, err := mtsics.Decode(line); err == nil && r.HasWeight() && !sent[r.Weight] {
					t.Fatalf("%q became %+v", line, r)
				}
			}
		}
	})
}

// A byte lost from a reply, or put into it, never makes another weight of the same field width.
func TestLostAndAddedBytesShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := mtsics.Reply{ID: mtsics.S, Status: mtsics.Stable, Weight: drawWeight(t)}
		line := bytes.TrimSuffix(encode(t, r), []byte("\r\n"))
		i := rapid.IntRange(0, len(line)-1).Draw(t, "at")
		var hurt []byte
		if rapid.Bool().Draw(t, "lost") {
			hurt = append(append(hurt, line[:i]...), line[i+1:]...)
		} else {
			hurt = append(append(append(hurt, line[:i]...), rapid.Byte().Draw(t, "added")), line[i:]...)
		}
		got, err := mtsics.Decode(hurt)
		if err != nil || !got.HasWeight() {
			return
		}
		if got.Weight.Width == r.Weight.Width && got.Weight != r.Weight {
			// The unit can change ("g" and "k" make "kg"); the field cannot.
			if got.Weight.Unit == r.Weight.Unit {
				t.Fatalf("%q became %q: %+v", line, hurt, got)
			}
		}
	})
}

func TestReadingDoesNotAllocate(t *testing.T) {
	stream := []byte("S S     100.00 g\r\nS D      -3.91 g\r\nS I\r\nS S Error 10b\r\n")
	var f mtsics.Framer
	f.Sync()
	allocs := testing.AllocsPerRun(100, func() {
		for c := stream; ; {
			line, rest, ok := f.Next(c)
			if !ok {
				return
			}
			c = rest
			if _, err := mtsics.Decode(line); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzFramer(f *testing.F) {
	for _, s := range []string{
		"S S     100.00 g\r\n", "S D      -3.91 g\r\nS I\r\n", "S S Error 10b\r\n", "I4 A \"12345678\"\r\n",
		"I1 A \"0123\" \"2.30\"\r\n", "0.00 g\r\nT S      25.13 g\r\n", "\x00\xff\r\nES\r\n", "S S    1.23456 kg\r\n",
		"TA A      12.34 g\r\nTAC A\r\nC3 B\r\n",
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		whole, pieces := new(mtsics.Framer), new(mtsics.Framer)
		whole.Sync()
		pieces.Sync()
		want := lines(t, whole, in)
		var got []string
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, lines(t, pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, line := range want {
			r, err := mtsics.Decode([]byte(line))
			if err != nil {
				if r != (mtsics.Reply{}) {
					t.Fatalf("%q: a value beside the error: %+v", line, r)
				}
				continue
			}
			checkCanonical(t, line, r)
		}
	})
}

// checkCanonical: a decoded reply encodes to the line it came from, or to one that means the same.
func checkCanonical(t *testing.T, line string, r mtsics.Reply) {
	t.Helper()
	b, err := mtsics.AppendReply(nil, r)
	if err != nil {
		if strings.Contains(line, "-0") { // a balance prints minus zero; it is zero
			return
		}
		t.Fatalf("%q decodes to %+v, which does not encode: %v", line, r, err)
	}
	back, err := mtsics.Decode(bytes.TrimSuffix(b, []byte("\r\n")))
	if err != nil || back != r {
		t.Fatalf("%q: %+v, again %+v, %v", line, r, back, err)
	}
}
