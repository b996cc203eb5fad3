package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lieu-clinic/lieu/devices/decode"
)

// decoded runs the lines through a protocol and returns what came out, line by line.
func decoded(t *testing.T, protocol, in string) []decode.Result {
	t.Helper()
	p, err := decode.Find(protocol)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := decodeLines(strings.NewReader(in), &out, func(b []byte) decode.Result { return p.Decode(b, decode.About{}) }); err != nil {
		t.Fatal(err)
	}
	var all []decode.Result
	for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
		var r decode.Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if r.Frames == nil {
			t.Errorf("%q: frames is null", line)
		}
		all = append(all, r)
	}
	return all
}

func TestDecodeReadsHexAsPeopleWriteIt(t *testing.T) {
	for _, in := range []string{
		"53205320202020203130302E303020670D0A", "53205320202020203130302e303020670d0a",
		"53 20 53 20 20 20 20 20 31 30 30 2E 30 30 20 67 0D 0A", " 53:20:53:20:20:20:20:20:31:30:30:2e:30:30:20:67:0d:0a\r",
		"0x53 0x20 0X53 0x20 0x20 0x20 0x20 0x20 0x31 0x30 0x30 0x2E 0x30 0x30 0x20 0x67 0x0D 0x0A",
		"0x53205320202020203130302E303020670D0A", "5320\t5320202020\t203130302E3030,20670D0A",
	} {
		got := decoded(t, "mtsics", in)
		if len(got) != 1 || got[0].Error != nil || len(got[0].Frames) != 1 || got[0].Frames[0].Weighed == nil || got[0].Frames[0].Value != "100.00" {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

// A line that is no bytes becomes one with an error, and the next one is read all the same.
func TestDecodeGoesOnAfterABadLine(t *testing.T) {
	const good = "5320490D0A"
	for bad, want := range map[string]string{
		"":                                "empty",
		"   ":                             "empty",
		"5G":                              "no hexadecimal digit",
		"532":                             "odd number",
		"53 2 049":                        "odd number",
		"0x":                              "odd number",
		"ü":                               "no hexadecimal digit",
		"\x00":                            "no hexadecimal digit",
		strings.Repeat("5", longestHex+1): "longer than",
	} {
		got := decoded(t, "mtsics", bad+"\n"+good+"\n")
		if len(got) != 2 || got[0].Error == nil || !strings.Contains(*got[0].Error, want) || len(got[0].Frames) != 0 ||
			got[1].Error != nil || len(got[1].Frames) != 1 {
			t.Errorf("%.20q: %+v", bad, got)
		}
	}
}

func TestDecodeTakesLongLines(t *testing.T) {
	long := strings.Repeat("5320490D0A", (1<<20)/10)
	got := decoded(t, "mtsics", long+"\n5320490D0A")
	if len(got) != 2 || len(got[0].Frames) != (1<<20)/10 || got[0].Skipped != 0 || len(got[1].Frames) != 1 {
		t.Errorf("%d lines, %d frames", len(got), len(got[0].Frames))
	}
}

func TestDecodeEndsWhenItCannotReadOrWrite(t *testing.T) {
	broken := errors.New("pulled")
	tell := func([]byte) decode.Result { return decode.Result{} }
	if err := decodeLines(iotest.ErrReader(broken), io.Discard, tell); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	r, w := io.Pipe()
	_ = r.CloseWithError(broken)
	if err := decodeLines(strings.NewReader("00\n"), w, tell); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if err := (&decodeCommand{Protocol: "modbus"}).Run(); err == nil || !strings.Contains(err.Error(), "newera-safe") {
		t.Errorf("%v", err)
	}
}

func TestEveryProtocolIsListed(t *testing.T) {
	var out bytes.Buffer
	if err := listProtocols(&out); err != nil {
		t.Fatal(err)
	}
	for _, p := range decode.Protocols() {
		if !strings.Contains(out.String(), "\n"+p.Name+" ") && !strings.HasPrefix(out.String(), p.Name+" ") {
			t.Errorf("%s is not listed", p.Name)
		}
	}
}

func FuzzParseHex(f *testing.F) {
	for _, s := range []string{"", "0x53 20:49", "5", "53,20", "0x", "ü"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := parseHex(s)
		if err == nil && len(b) == 0 || err != nil && b != nil {
			t.Errorf("%q: %x, %v", s, b, err)
		}
	})
}
