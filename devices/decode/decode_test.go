package decode_test

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/devices/decode"
)

// row is bytes and what they mean. The frames of want are JSON, without raw.
type row struct {
	protocol string
	sent     string
	in       string // bytes; text with escapes
	want     []string
	skipped  int
	partial  bool
}

var clock = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func find(t testing.TB, name string) decode.Protocol {
	t.Helper()
	p, err := decode.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// told is a result as JSON, checked against the schema.
func told(t testing.TB, r decode.Result) map[string]any {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for _, complaint := range validate(schema(t), v) {
		t.Errorf("%s\n\tdoes not fit the schema: %s", b, complaint)
	}
	return v
}

func (r row) check(t *testing.T) {
	t.Helper()
	got := told(t, find(t, r.protocol).Decode([]byte(r.in), decode.About{Sent: r.sent, Now: clock}))
	frames := got["frames"].([]any)
	var raw string
	for i, f := range frames {
		f := f.(map[string]any)
		raw += f["raw"].(string)
		delete(f, "raw")
		if i >= len(r.want) {
			b, _ := json.Marshal(f)
			t.Errorf("%s %q: and %s", r.protocol, r.in, b)
			continue
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(r.want[i]), &want); err != nil {
			t.Fatalf("%s: %v", r.want[i], err)
		}
		if !reflect.DeepEqual(f, want) {
			b, _ := json.Marshal(f)
			t.Errorf("%s %q (sent %q):\n\tgot  %s\n\twant %s", r.protocol, r.in, r.sent, b, r.want[i])
		}
	}
	if len(frames) < len(r.want) {
		t.Errorf("%s %q: %d frames, want %d", r.protocol, r.in, len(frames), len(r.want))
	}
	if got["skipped_bytes"] != float64(r.skipped) || got["incomplete"] != r.partial || got["error"] != nil {
		t.Errorf("%s %q: skipped %v, want %d; incomplete %v, want %t; error %v",
			r.protocol, r.in, got["skipped_bytes"], r.skipped, got["incomplete"], r.partial, got["error"])
	}
	if !r.partial && len(raw)/2+r.skipped != len(r.in) {
		t.Errorf("%s %q: the frames are of %d bytes and %d were skipped", r.protocol, r.in, len(raw)/2, r.skipped)
	}
}

func check(t *testing.T, rows ...row) {
	t.Helper()
	for _, r := range rows {
		r.check(t)
	}
}

// unhex is bytes written in hexadecimal with blanks.
func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNamesAndAliasesAreUnique(t *testing.T) {
	known := map[string]bool{}
	for _, p := range decode.Protocols() {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if known[name] {
				t.Errorf("%s stands for two protocols", name)
			}
			known[name] = true
			if got := find(t, strings.ToUpper(name)); got.Name != p.Name {
				t.Errorf("%s leads to %s", name, got.Name)
			}
		}
		if p.Help == "" {
			t.Errorf("%s is not explained", p.Name)
		}
	}
	if _, err := decode.Find("modbus"); err == nil || !strings.Contains(err.Error(), "mtsics") {
		t.Errorf("an unknown protocol: %v", err)
	}
}

// Whatever comes in, every byte is accounted for and what comes out fits the schema.
func TestEveryByteIsAccountedFor(t *testing.T) {
	all := decode.Protocols()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(all).Draw(t, "protocol")
		in := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\x02\x03\x06\x15\r\n/0+-*# gS.,"))), 0, 80).Draw(t, "bytes")
		account(t, p, in, rapid.SampledFrom(sents).Draw(t, "sent"))
	})
}

var sents = []string{"", "Q", "?", "?4", "?TV", "?SS1", "?SS6", "DIS", "0VOL", "RAT", "VER", "v", "1v", ":", "E", "DLE EOT 2", "\x1bx2_", "H"}

type failing interface {
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

func account(t failing, p decode.Protocol, in []byte, sent string) {
	r := p.Decode(in, decode.About{Sent: sent, Now: clock})
	taken := r.Skipped
	for _, f := range r.Frames {
		taken += len(f.Raw) / 2
		if (f.Checksum == decode.Bad || f.CRC == decode.Bad) && f.Weighed != nil {
			t.Errorf("%s % X: a value from a broken frame: %+v", p.Name, in, f)
		}
	}
	if taken > len(in) || !r.Incomplete && taken != len(in) || r.Incomplete && taken == len(in) || r.Skipped < 0 {
		t.Errorf("%s % X: %d of %d bytes accounted for: %+v", p.Name, in, taken, len(in), r)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for _, complaint := range validate(theSchema(), v) {
		t.Errorf("%s % X: %s does not fit the schema: %s", p.Name, in, b, complaint)
	}
}

// A bit that flips in a frame with a checksum never yields a value.
func TestABrokenFrameYieldsNoValue(t *testing.T) {
	for _, c := range []struct{ protocol, sent, frame string }{
		{"newera-safe", "DIS", "\x02\x1500SI2.500W0.000ML\x6c\xd2\x03"},
		{"cavro-oem", "?", unhex(t, "02 30 60 33 30 30 30 03 52")},
		{"knf", "?TV", "\x06\x02000004980\x034"},
		{"toledo", "", unhex(t, "02 2D 30 20 30 30 31 32 33 34 30 30 30 30 30 30 0D 2A")},
	} {
		for i := range 8 * len(c.frame) {
			b := []byte(c.frame)
			b[i/8] ^= 1 << (i % 8)
			for _, f := range find(t, c.protocol).Decode(b, decode.About{Sent: c.sent}).Frames {
				if f.Weighed != nil || f.Volume != "" || f.Infused != "" || f.Position != nil || f.Data != "" {
					t.Errorf("%s % X: %+v", c.protocol, b, f)
				}
			}
		}
	}
}

// A quarter of a megabyte takes no time worth mentioning, whatever it is made of.
func TestLongInputIsReadInTimeThatGrowsWithIt(t *testing.T) {
	for _, piece := range []string{"x", "\x02", "1", "\x06", "/0", "S S     100.00 g\r\n", "\x020", "1\x01", "\r", "\n", "~", "\x02\x08", "\x00\x00"} {
		in := []byte(strings.Repeat(piece, (256<<10)/len(piece)))
		for _, p := range decode.Protocols() {
			began := time.Now()
			p.Decode(in, decode.About{Now: clock})
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s, %q: %s", p.Name, piece, took)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	names := make([]string, 0, 32)
	for _, p := range decode.Protocols() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	for i := range names {
		f.Add(byte(i), "", []byte("S S     100.00 g\r\n"))
		f.Add(byte(i), "?", []byte("\x02\x1500SI2.500W0.000ML\x6c\xd2\x03/0`1500\x03\r\n"))
		f.Add(byte(i), "?TV", []byte("\x06\x02000004980\x034*^X2|A\r\n3000E+2\r\n"))
		f.Add(byte(i), "2", []byte("\x02-0 001234000000\r*\x12]d20108935000123454172512311 0LOT42\x1d21SER0001\r\n"))
	}
	f.Fuzz(func(t *testing.T, protocol byte, sent string, in []byte) {
		p, err := decode.Find(names[int(protocol)%len(names)])
		if err != nil {
			t.Fatal(err)
		}
		account(t, p, in, sent)
	})
}

func aboutNow() decode.About { return decode.About{Now: clock} }
