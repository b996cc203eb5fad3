package ivek_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/protocol/ivek"
)

func TestCommands(t *testing.T) {
	for line, want := range map[string]ivek.Command{
		"q0":      {Address: ivek.None, Item: ivek.Status},
		"s0":      {Address: ivek.None, Item: ivek.Remaining},
		"s5":      {Address: ivek.None, Item: ivek.Piston},
		"s6":      {Address: ivek.None, Item: ivek.Chamber},
		"s8":      {Address: ivek.None, Item: ivek.Fault},
		"s9":      {Address: ivek.None, Item: ivek.LastError},
		"s14":     {Address: ivek.None, Item: ivek.Serial},
		"z0":      {Address: ivek.None, Item: ivek.Firmware},
		"z1":      {Address: ivek.None, Item: ivek.Type},
		"v0,100":  {Address: ivek.None, Item: ivek.Volume, Set: true, Value: 100},
		"p1,100":  {Address: ivek.None, Item: ivek.ValvingSpeed, Set: true, Value: 100},
		"r3,250":  {Address: ivek.None, Item: ivek.Rate3, Set: true, Value: 250},
		"t2,5":    {Address: ivek.None, Item: ivek.Dwell, Set: true, Value: 5},
		"m0,2":    {Address: ivek.None, Item: ivek.OperatingMode, Set: true, Value: int(ivek.Dispense)},
		"m1,1":    {Address: ivek.None, Item: ivek.FluidicMode, Set: true, Value: 1},
		"n0,32":   {Address: ivek.None, Item: ivek.Recipe, Set: true, Value: 32},
		"k0,1":    {Address: ivek.None, Item: ivek.SerialMotion, Set: true, Value: 1},
		"12v0,-3": {Address: 12, Item: ivek.Volume, Set: true, Value: -3},
		"0q0":     {Address: ivek.All, Item: ivek.Status},
	} {
		got, err := ivek.DecodeCommand([]byte(line))
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
		if b, err := want.Append(nil); err != nil || string(b) != line+"\r" {
			t.Errorf("%+v: %q, %v; want %q", want, b, err, line)
		}
	}
	for _, line := range []string{"", "q", "0", "100q0", "q0,", "q0,x", "q0,1,2", "q0 1", "Q0", "qq0", "q1000", "v0,1.5",
		"v0,1234567890", "v0,--1", "v0,-", "q0\n", " q0", "é0"} {
		if got, err := ivek.DecodeCommand([]byte(line)); !errors.Is(err, ivek.ErrSyntax) || got != (ivek.Command{}) {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for name, c := range map[string]ivek.Command{
		"address":              {Address: 100, Item: ivek.Status},
		"letter":               {Address: ivek.None, Item: ivek.ItemOf('Q', 0)},
		"item":                 {Address: ivek.None, Item: ivek.ItemOf('a', -1)},
		"value":                {Address: ivek.None, Item: ivek.Volume, Set: true, Value: 1e9},
		"a query with a value": {Address: ivek.None, Item: ivek.Volume, Value: 1},
	} {
		if b, err := c.Append(nil); !errors.Is(err, ivek.ErrOperand) || len(b) != 0 {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	for line, want := range map[string]ivek.Answer{
		"q0,2,0":             {Address: ivek.None, Item: ivek.Status, Value: []byte("2")},
		"v0,100,2":           {Address: ivek.None, Item: ivek.Volume, Value: []byte("100"), Warning: ivek.BadValue},
		"7s0,950,0":          {Address: 7, Item: ivek.Remaining, Value: []byte("950")},
		"z0,DS3020 1.4, B,0": {Address: ivek.None, Item: ivek.Firmware, Value: []byte("DS3020 1.4, B")},
		"q0,,11":             {Address: ivek.None, Item: ivek.Status, Value: []byte(""), Warning: ivek.TwoLetters},
	} {
		got, err := ivek.DecodeAnswer([]byte(line))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", line, err, diff)
		}
		if b := want.Append(nil); string(b) != line+"\r" {
			t.Errorf("%+v: %q", want, b)
		}
	}
	for _, line := range []string{"", "q0", "q0,2", "q0,2,", "q0,2,x", "q0,2,-1", "q0,2,1.5", "2,0", "q0;2,0", "q0,\x01,0"} {
		if got, err := ivek.DecodeAnswer([]byte(line)); !errors.Is(err, ivek.ErrSyntax) || got.Item != 0 {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for value, want := range map[string]int{"0": 0, "950": 950, "-3": -3} {
		if got, err := (ivek.Answer{Value: []byte(value)}).Number(); err != nil || got != want {
			t.Errorf("%q: %d, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "DS3020", "1.5", "1 "} {
		if got, err := (ivek.Answer{Value: []byte(value)}).Number(); !errors.Is(err, ivek.ErrSyntax) || got != 0 {
			t.Errorf("%q: %d, %v", value, got, err)
		}
	}
}

func TestDispensed(t *testing.T) {
	for _, c := range [][3]int{{1000, 1000, 0}, {1000, 950, 50}, {1000, 0, 1000}} {
		if got, err := ivek.Dispensed(c[0], c[1]); err != nil || got != c[2] {
			t.Errorf("%d of %d: %d, %v", c[1], c[0], got, err)
		}
	}
	for _, remaining := range []int{-1, 1001} {
		if got, err := ivek.Dispensed(1000, remaining); !errors.Is(err, ivek.ErrSyntax) || got != 0 {
			t.Errorf("%d: %d, %v", remaining, got, err)
		}
	}
}

func TestNames(t *testing.T) {
	known := 0
	for s := range ivek.State(40) {
		if s.Known() {
			known++
		}
	}
	if known != 23 || ivek.State(13).String() != "agitating" || ivek.Faulted.String() != "fault" || ivek.State(22).Known() {
		t.Errorf("%d states are known", known)
	}
	for w, want := range map[ivek.Warning]string{0: "", 1: "unknown command", 2: "value", 3: "load", 4: "reference",
		5: "production", 8: "not enabled", 11: "two command letters", 6: "fault"} {
		if got := w.String(); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%d: %q", w, got)
		}
	}
	if ivek.Serial.String() != "s14" {
		t.Error(ivek.Serial)
	}
}

func lines(f *ivek.Framer, chunk []byte) []string {
	var got []string
	for {
		l, rest, ok := f.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, string(l))
	}
}

func TestFraming(t *testing.T) {
	for in, want := range map[string][]string{
		"q0\rs0\r":                          {"q0", "s0"},
		"\r\rq0\r":                          {"q0"},
		"q0\n\rs0\r":                        {"s0"},
		"q0,\x00\rs0\r":                     {"s0"},
		"q\xb0\rs0\r":                       {"s0"},
		"q0":                                nil,
		strings.Repeat("1", 128) + "\rq0\r": {"q0"},
	} {
		if diff := cmp.Diff(want, lines(new(ivek.Framer), []byte(in))); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
	var f ivek.Framer
	f.Skip()
	if got := lines(&f, []byte("0,100,0\rq0,2,0\r")); len(got) != 1 || got[0] != "q0,2,0" {
		t.Errorf("met in the middle: %q", got)
	}
}

// What is written is what is read, however the line cuts it, and garbage that ends in CR costs no more than itself.
func TestLinesSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		noise := rapid.SliceOfN(rapid.ByteRange(0x00, 0x0c), 1, 8)
		var stream []byte
		var want []string
		for range rapid.IntRange(1, 6).Draw(t, "count") {
			if rapid.Bool().Draw(t, "noisy") {
				stream = append(append(stream, noise.Draw(t, "noise")...), '\r')
			}
			a := ivek.Answer{
				Address: ivek.Address(rapid.IntRange(-1, 99).Draw(t, "address")),
				Item:    ivek.ItemOf(rapid.ByteRange('a', 'z').Draw(t, "letter"), rapid.IntRange(0, 999).Draw(t, "item")),
				Value:   []byte(rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "value")),
				Warning: ivek.Warning(rapid.IntRange(0, 99).Draw(t, "warning")),
			}
			line := a.Append(nil)
			got, err := ivek.DecodeAnswer(line[:len(line)-1])
			if diff := cmp.Diff(a, got); err != nil || diff != "" {
				t.Fatalf("%q: %v %s", line, err, diff)
			}
			stream, want = append(stream, line...), append(want, string(line[:len(line)-1]))
		}
		var f ivek.Framer
		var got []string
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
			got = append(got, lines(&f, stream[:n])...)
			stream = stream[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestReadingDoesNotAllocate(t *testing.T) {
	var f ivek.Framer
	stream := []byte("12s0,950,0\r")
	if n := testing.AllocsPerRun(100, func() {
		line, _, _ := f.Next(stream)
		a, err := ivek.DecodeAnswer(line)
		if v, err2 := a.Number(); err != nil || err2 != nil || v != 950 {
			t.Fatal(a, err, err2)
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("q0,2,0\r"), uint8(1))
	f.Add([]byte("12v0,100\rz0,DS3020,0\r"), uint8(3))
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		want := lines(new(ivek.Framer), stream)
		var cut ivek.Framer
		var got []string
		for rest := stream; len(rest) > 0; {
			k := min(max(int(n), 1), len(rest))
			got = append(got, lines(&cut, rest[:k])...)
			rest = rest[k:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		for _, line := range got {
			if !strings.Contains("\r"+string(stream), "\r"+line+"\r") {
				t.Fatalf("%q does not stand in %q", line, stream)
			}
			if c, err := ivek.DecodeCommand([]byte(line)); err == nil {
				b, err := c.Append(nil)
				if again, err2 := ivek.DecodeCommand(b[:max(len(b)-1, 0)]); err != nil || err2 != nil || again != c {
					t.Fatalf("%q: %+v, written %q", line, c, b)
				}
			}
			if a, err := ivek.DecodeAnswer([]byte(line)); err == nil {
				b := a.Append(nil)
				if again, err := ivek.DecodeAnswer(b[:len(b)-1]); err != nil || !cmp.Equal(a, again) {
					t.Fatalf("%q: %+v, written %q", line, a, b)
				}
			}
		}
	})
}
