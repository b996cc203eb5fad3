package toledo_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/protocoltest"
	"github.com/lieu-clinic/lieu/pkg/protocol/toledo"
)

func printed(value measure.Weight, decimals int, unit string) measure.Printed {
	return measure.Printed{Value: value, Decimals: decimals, Unit: unit}
}

// A frame from its three status words, weight and tare.
func frame(sw, weight, tare string) string { return "\x02" + sw + weight + tare + "\r" }

func TestDecode(t *testing.T) {
	kilo := toledo.Message{Point: 5, Increment: 1, Weight: printed(1_234_000_000, 3, "kg"), Tare: printed(0, 3, "kg")}
	with := func(change func(m *toledo.Message)) toledo.Message {
		m := kilo
		change(&m)
		return m
	}
	for in, want := range map[string]toledo.Message{
		// Worked by hand from the manual: 1.234 kg, stable, gross.
		frame("\x2d\x30\x20", "001234", "000000"): kilo,
		frame("\x2d\x38\x20", "001234", "000000"): with(func(m *toledo.Message) { m.Motion = true }),
		frame("\x2d\x30\x20", "  1234", "     0"): kilo, // blanks in front
		frame("\x0d\x10\x00", "001234", "000000"): kilo, // without the constant bits
		frame("\x2d\x31\x20", "001234", "000100"): with(func(m *toledo.Message) { m.Net = true; m.Tare.Value = 100_000_000 }),
		frame("\x2d\x32\x20", "001234", "000000"): with(func(m *toledo.Message) { m.Weight.Value = -m.Weight.Value }),
		frame("\x2d\x70\x20", "001234", "000000"): with(func(m *toledo.Message) { m.NotZeroed = true }),
		frame("\x2d\x30\x28", "001234", "000000"): with(func(m *toledo.Message) { m.Print = true }),
		frame("\x2d\x30\x30", "001234", "000000"): with(func(m *toledo.Message) { m.Expanded = true }),
		frame("\x2d\x34\x20", "001234", "000000"): {Point: 5, Increment: 1, OutOfRange: true},
		frame("\x2d\x36\x20", "      ", "      "): {Point: 5, Increment: 1, OutOfRange: true, Below: true},
		frame("\x2c\x20\x21", "001135", "000000"): {Point: 4, Increment: 1, Weight: printed(11_350_000, 2, "g"), Tare: printed(0, 2, "g")},
		frame("\x32\x20\x21", "001135", "000000"): {Point: 2, Increment: 2, Weight: printed(1_135_000_000, 0, "g"), Tare: printed(0, 0, "g")},
		frame("\x39\x20\x21", "001135", "000000"): {Point: 1, Increment: 3, Weight: printed(11_350_000_000, 0, "g"), Tare: printed(0, 0, "g")},
		frame("\x20\x20\x21", "001135", "000000"): {Weight: printed(113_500_000_000, 0, "g"), Tare: printed(0, 0, "g")},
		frame("\x2f\x30\x20", "123456", "000000"): {Point: 7, Increment: 1, Weight: printed(1_234_560_000, 5, "kg"), Tare: printed(0, 5, "kg")},
	} {
		got, err := toledo.Decode([]byte(in))
		if err != nil {
			t.Errorf("%q: %v", in, err)
		} else if got != want {
			t.Errorf("%q: %s", in, cmp.Diff(want, got))
		}
	}
}

func TestWhatIsNoMessageHasNoValue(t *testing.T) {
	for in, want := range map[string]error{
		"":                                       toledo.ErrSyntax,
		frame("\x2d\x30\x20", "001234", "00000"): toledo.ErrSyntax,
		frame("\x2d\x30\x20", "001234", "0000000"): toledo.ErrSyntax,
		frame("\x2d\x30\x20", "00 234", "000000"):  toledo.ErrSyntax,
		frame("\x2d\x30\x20", "00123 ", "000000"):  toledo.ErrSyntax,
		frame("\x2d\x30\x20", "-01234", "000000"):  toledo.ErrSyntax,
		frame("\x2d\x30\x20", "01.234", "000000"):  toledo.ErrSyntax,
		frame("\x2d\x30\x20", "      ", "000000"):  toledo.ErrSyntax,
		frame("\x2d\x30\x20", "001234", "00000x"):  toledo.ErrSyntax,
		frame("\x2d\x20\x20", "001234", "000000"):  toledo.ErrUnit, // pounds
		"\x2d\x30\x20001234000000\r":               toledo.ErrSyntax,
	} {
		got, err := toledo.Decode([]byte(in))
		if !errors.Is(err, want) || got != (toledo.Message{}) {
			t.Errorf("%q: %+v, %v; want no value and %v", in, got, err, want)
		}
	}
}

func TestChecksum(t *testing.T) {
	for in, want := range map[string]byte{
		frame("\x2d\x30\x20", "001234", "000000"): 0x2a,
		frame("\x2d\x38\x20", "001234", "000000"): 0x22,
	} {
		if got := toledo.Checksum([]byte(in)); got != want {
			t.Errorf("%q: %#x, want %#x", in, got, want)
		}
	}
}

func TestFramer(t *testing.T) {
	good := frame("\x2d\x30\x20", "001234", "000000")
	for name, row := range map[string]struct {
		in       string
		checksum bool
		frames   int
	}{
		"one frame":                      {in: good, frames: 1},
		"garbage around":                 {in: "\x00x" + good + "y\r" + good, frames: 2},
		"the newest STX wins":            {in: good[:9] + good, frames: 1},
		"CR too early":                   {in: good[:15] + "\r" + good, frames: 1},
		"no CR":                          {in: good[:16] + "0" + good, frames: 1},
		"the high bit of a parity error": {in: good[:5] + "\xb0" + good[6:], frames: 0},
		"with its checksum":              {in: good + "\x2a" + good + "\x2a", checksum: true, frames: 2},
		"a wrong checksum":               {in: good + "\x2b" + good + "\x2a", checksum: true, frames: 1},
		"a missing checksum":             {in: good + good + "\x2a", checksum: true, frames: 1},
		"a checksum taken for none sent is a byte": {in: good + "\x2a" + good + "\x2a", frames: 2},
	} {
		f, n := toledo.NewFramer(row.checksum), 0
		for b := []byte(row.in); ; n++ {
			got, rest, ok := f.Next(b)
			if !ok {
				break
			}
			if b = rest; string(got) != good {
				t.Errorf("%s: %q", name, got)
			}
		}
		if n != row.frames {
			t.Errorf("%s: %d frames, want %d", name, n, row.frames)
		}
	}
}

func draw(t *rapid.T) toledo.Message {
	m := toledo.Message{
		Point: toledo.Point(rapid.IntRange(0, 7).Draw(t, "point")), Increment: toledo.Increment(rapid.IntRange(0, 3).Draw(t, "increment")),
		Net: rapid.Bool().Draw(t, "net"), Motion: rapid.Bool().Draw(t, "motion"), NotZeroed: rapid.Bool().Draw(t, "not zeroed"),
		Print: rapid.Bool().Draw(t, "print"), Expanded: rapid.Bool().Draw(t, "expanded"),
	}
	if m.OutOfRange = rapid.IntRange(0, 5).Draw(t, "range") == 0; m.OutOfRange {
		m.Below = rapid.Bool().Draw(t, "below")
		return m
	}
	unit := rapid.SampledFrom([]string{"g", "kg"}).Draw(t, "unit")
	m.Weight = drawPrinted(t, m.Point, unit, -999_999)
	m.Tare = drawPrinted(t, m.Point, unit, 0)
	return m
}

func drawPrinted(t *rapid.T, point toledo.Point, unit string, from int64) measure.Printed {
	places := map[string]int{"g": 6, "kg": 9}[unit]
	decimals := max(0, int(point)-2)
	n := rapid.Int64Range(from, 999_999).Draw(t, "digits")
	for range max(0, 2-int(point)) + places - decimals {
		n *= 10
	}
	return printed(measure.Weight(n), decimals, unit)
}

type value struct {
	weight, tare measure.Printed
	net, stable  bool
}

func codec(checksum bool) protocoltest.Codec[toledo.Message] {
	reading := frame("\x2d\x30\x20", "001234", "000000")
	if checksum {
		reading += "\x2a"
	}
	return protocoltest.Codec[toledo.Message]{
		Framer: func() protocoltest.Framer { return toledo.NewFramer(checksum) },
		Decode: toledo.Decode, Draw: draw, Reading: reading,
		Append: func(dst []byte, m toledo.Message) ([]byte, error) { return toledo.AppendMessage(dst, m, checksum) },
		Value: func(m toledo.Message) any {
			if m.OutOfRange {
				return nil
			}
			return value{m.Weight, m.Tare, m.Net, m.Stable()}
		},
	}
}

func TestCodec(t *testing.T) {
	t.Run("without checksum", codec(false).Test)
	t.Run("with checksum", codec(true).Test)
}

func FuzzFramer(f *testing.F) {
	codec(true).Fuzz(f, frame("\x2d\x30\x20", "001234", "000000")+"\x2a", frame("\x2d\x38\x20", "001234", "000000")+"\x22",
		frame("\x2d\x34\x20", "      ", "      "), "\x02\x2d\x30\x02\r", frame("\x2c\x20\x21", "001135", "000000")+"\x00")
}

func FuzzFramerWithoutChecksum(f *testing.F) {
	codec(false).Fuzz(f, frame("\x2d\x30\x20", "001234", "000000"), frame("\x2d\x30\x20", "  1234", "     0"), "\x02\x2d\x30\x02\r\r")
}

func TestCheckout(t *testing.T) {
	for in, want := range map[string]toledo.Checkout{
		"01.234":  {Weighed: true, Thousandths: 1234},
		"01.234N": {Weighed: true, Thousandths: 1234, Net: true},
		"?\x41":   {Motion: true},
		"?\x42":   {OverCapacity: true},
		"?\x44":   {UnderZero: true},
		"?\x48":   {OutsideZero: true},
		"?\x50":   {CentreOfZero: true},
		"?\x61":   {Motion: true, Net: true},
		"?\xc1":   {Motion: true}, // the parity bit of a port set to 8 bits
	} {
		if got, err := toledo.DecodeCheckout([]byte(in)); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "?", "?\x01", "1.234", "001.234", "01.23", "01,234", "01.234G", "-1.234", "01.2N", "Ehello"} {
		if got, err := toledo.DecodeCheckout([]byte(in)); !errors.Is(err, toledo.ErrSyntax) || got != (toledo.Checkout{}) {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}

func checkout() protocoltest.Codec[toledo.Checkout] {
	return protocoltest.Codec[toledo.Checkout]{
		Framer: func() protocoltest.Framer { return new(toledo.CheckoutFramer) },
		Decode: toledo.DecodeCheckout, Append: toledo.AppendCheckout, Reading: "\x0201.234\r\x02?\x41\r",
		Draw: func(t *rapid.T) toledo.Checkout {
			if rapid.Bool().Draw(t, "weighed") {
				return toledo.Checkout{Weighed: true, Thousandths: rapid.Int64Range(0, 99_999).Draw(t, "thousandths"), Net: rapid.Bool().Draw(t, "net")}
			}
			return toledo.Checkout{
				Motion: rapid.Bool().Draw(t, "motion"), OverCapacity: rapid.Bool().Draw(t, "over"), UnderZero: rapid.Bool().Draw(t, "under"),
				OutsideZero: rapid.Bool().Draw(t, "outside"), CentreOfZero: true, Net: rapid.Bool().Draw(t, "net"),
			}
		},
		Value: func(c toledo.Checkout) any {
			if !c.Weighed {
				return nil
			}
			return c
		},
	}
}

func TestCheckoutCodec(t *testing.T) { checkout().Test(t) }

func FuzzCheckoutFramer(f *testing.F) {
	f.Add([]byte("\x0201.234\r\x02?\x41\r\x02E\rhello\r"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var fr toledo.CheckoutFramer
		for {
			frame, rest, ok := fr.Next(in)
			if !ok {
				return
			}
			in = rest
			if c, err := toledo.DecodeCheckout(frame); err != nil && c != (toledo.Checkout{}) {
				t.Fatalf("%q: %+v beside %v", frame, c, err)
			}
		}
	})
}

func TestCheckoutCommands(t *testing.T) {
	if got := toledo.AppendCheckoutCommand(nil, toledo.AskWeight); string(got) != "W\r" {
		t.Errorf("%q", got)
	}
}
