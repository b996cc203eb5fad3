package linescan_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/protocol/linescan"
)

func lines(f *linescan.Framer, chunk []byte) []string {
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
	long := strings.Repeat("7", linescan.MaxLine)
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"CR":                               {"\rA\rB\r", []string{"A", "B"}},
		"LF":                               {"\nA\nB\n", []string{"A", "B"}},
		"CR LF":                            {"\r\nA\r\nB\r\n", []string{"A", "B"}},
		"the first, partial line":          {"234\r\nA\r\n", []string{"A"}},
		"GS is data":                       {"\r10LOT\x1d21S\r", []string{"10LOT\x1d21S"}},
		"NUL is corruption":                {"\rA\x00B\rC\r", []string{"C"}},
		"as long as may be":                {"\r" + long + "\r", []string{long}},
		"one byte longer":                  {"\r" + long + "7\rC\r", []string{"C"}},
		"half a line stays":                {"\rAB", nil},
		"blanks are not trimmed":           {"\r A \r", []string{" A "}},
		"STX and ETX are Decode's to take": {"\r\x02A\x03\r", []string{"\x02A\x03"}},
		"ETX without a suffix":             {"\r\x02A\x1dB\x03\x02C\x03", []string{"\x02A\x1dB\x03", "\x02C\x03"}},
		"ETX without STX ends nothing":     {"\rA\x03B\r", []string{"A\x03B"}},
		"a suffix without ETX":             {"\r\x02A\rB\r", []string{"\x02A", "B"}},
		"ETX before anything else":         {"\x03A\r\x02B\x03", []string{"\x02B\x03"}},
	} {
		var f linescan.Framer
		if diff := cmp.Diff(c.want, lines(&f, []byte(c.in))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPartial(t *testing.T) {
	var f linescan.Framer
	if !f.Partial() {
		t.Error("a fresh framer does not know where a line begins")
	}
	f.Restart()
	if f.Partial() {
		t.Error("nothing has begun after Restart")
	}
	lines(&f, []byte("AB"))
	if !f.Partial() {
		t.Error("half a line has begun")
	}
	f.Restart()
	if got := lines(&f, []byte("CD\r")); len(got) != 1 || got[0] != "CD" {
		t.Errorf("the dropped half came back: %q", got)
	}
	f.Lose()
	if got := lines(&f, []byte("rest\rEF\r")); len(got) != 1 || got[0] != "EF" {
		t.Errorf("after Lose: %q", got)
	}
}

func TestDecode(t *testing.T) {
	for line, want := range map[string]linescan.Code{
		"P000123":                   {Text: "P000123"},
		"]C1010893500012345":        {Text: "010893500012345", Symbology: "C1"},
		"]Q1xin chào":               {Text: "xin chào", Symbology: "Q1"},
		"\x02]d201089\x1d21S\x03":   {Text: "01089\x1d21S", Symbology: "d2"},
		"]z0A":                      {Text: "A", Symbology: "z0"},
		"]":                         {Text: "]"},
		"]C":                        {Text: "]C"},
		"]-1A":                      {Text: "]-1A"},
		"[)>\x1e06\x1dX\x1e\x04":    {Text: "[)>\x1e06\x1dX\x1e\x04"},
		"001|Nguyễn Văn A|01011990": {Text: "001|Nguyễn Văn A|01011990"},
	} {
		if got, err := linescan.Decode([]byte(line)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for line, want := range map[string]error{
		"":           linescan.ErrEmpty,
		"]C1":        linescan.ErrEmpty,
		"\x02\x03":   linescan.ErrEmpty,
		"\x02A":      linescan.ErrControl,
		"A\x03":      linescan.ErrControl,
		"A\x1bB":     linescan.ErrControl,
		"A\x7fB":     linescan.ErrControl,
		"Nguy\xeaen": linescan.ErrEncoding,
		"\xc3":       linescan.ErrEncoding,
	} {
		if got, err := linescan.Decode([]byte(line)); !errors.Is(err, want) || got != (linescan.Code{}) {
			t.Errorf("%q: %+v, %v; want %v", line, got, err, want)
		}
	}
}

func drawCode(t *rapid.T) linescan.Code {
	return linescan.Code{
		Symbology: rapid.StringMatching(`[A-Za-z][0-9]`).Draw(t, "symbology"),
		Text:      rapid.StringMatching(`[ -~À-ỹ\x1d]{1,40}`).Draw(t, "text"),
	}
}

// What a scanner sends is what is read, whatever the suffix and however the line cuts it.
func TestCodesSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Custom(drawCode), 1, 6).Draw(t, "codes")
		suffix := rapid.SampledFrom([]string{"\r", "\n", "\r\n"}).Draw(t, "suffix")
		var stream []byte
		for _, c := range sent {
			stream = linescan.Append(stream, c, suffix)
		}
		var f linescan.Framer
		f.Restart()
		var got []linescan.Code
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
			for _, line := range lines(&f, stream[:n]) {
				c, err := linescan.Decode([]byte(line))
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				got = append(got, c)
			}
			stream = stream[n:]
		}
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A damaged code is dropped: high bits that are no UTF-8, NUL, control characters. The codes around it stay.
func TestDamagedCodesAreDropped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawCode(t), drawCode(t)
		hurt := linescan.Append(nil, linescan.Code{Text: rapid.StringMatching(`[0-9A-Z]{2,30}`).Draw(t, "text")}, "")
		hurt[rapid.IntRange(0, len(hurt)-1).Draw(t, "at")] = rapid.SampledFrom([]byte{0, 1, 0x1b, 0x7f, 0x80, 0xff}).Draw(t, "byte")
		stream := linescan.Append([]byte{'\r'}, before, "\r")
		stream = append(append(stream, hurt...), '\r')
		stream = linescan.Append(stream, after, "\r")
		var f linescan.Framer
		var got []linescan.Code
		for _, line := range lines(&f, stream) {
			if c, err := linescan.Decode([]byte(line)); err == nil {
				got = append(got, c)
			}
		}
		if diff := cmp.Diff([]linescan.Code{before, after}, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzFramer(f *testing.F) {
	for _, s := range []string{"A\r", "]C101\r\n", "\x02]d2A\x1dB\x03\n", "\xff\xfe\r", "A\x00B\rC\r", "001|Nguyễn\r\n"} {
		f.Add([]byte(s), 2)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		var whole, pieces linescan.Framer
		whole.Restart()
		pieces.Restart()
		want := lines(&whole, in)
		var got []string
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, lines(&pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, line := range want {
			if !bytes.Contains(in, []byte(line)) {
				t.Fatalf("%q was not in the stream", line)
			}
			c, err := linescan.Decode([]byte(line))
			if err != nil {
				continue
			}
			if !utf8.ValidString(c.Text) || c.Text == "" || strings.ContainsAny(c.Text, "\x00\r\n") {
				t.Fatalf("%q became %+v", line, c)
			}
		}
	})
}
