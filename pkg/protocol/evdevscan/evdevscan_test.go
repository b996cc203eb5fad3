package evdevscan_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/protocol/evdevscan"
)

func lines(f *evdevscan.Framer, chunk []byte) []string {
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

// stroke is a key event of the given code and value.
func stroke(code uint16, value int32) evdevscan.Event {
	return evdevscan.Event{Type: 1, Code: code, Value: value}
}

func records(events ...evdevscan.Event) []byte {
	var b []byte
	for _, e := range events {
		b = e.Append(b)
	}
	return b
}

func typed(t testing.TB, text string) []byte {
	t.Helper()
	b, err := evdevscan.Append(nil, text, false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A record as the kernel writes it: seconds and microseconds of 64 bits, type and code of 16, value of 32, little endian.
func TestRecord(t *testing.T) {
	got := hex.EncodeToString(evdevscan.Event{Sec: 0x01020304, Usec: 5, Type: 1, Code: 28, Value: 1}.Append(nil))
	if want := "0403020100000000" + "0500000000000000" + "0100" + "1c00" + "01000000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(got) != 2*evdevscan.RecordSize {
		t.Errorf("%d bytes", len(got)/2)
	}
}

// Every key that scanners use, by its code.
func TestKeys(t *testing.T) {
	const shift = 42
	for first, run := range map[uint16][2]string{
		2:  {"1234567890-=", "!@#$%^&*()_+"},
		16: {"qwertyuiop[]", "QWERTYUIOP{}"},
		30: {"asdfghjkl;'`", "ASDFGHJKL:\"~"},
		43: {"\\zxcvbnm,./", "|ZXCVBNM<>?"},
		57: {" ", " "},
	} {
		for i := range run[0] {
			code := first + uint16(i)
			var f evdevscan.Framer
			f.Begin(false)
			got := lines(&f, records(stroke(code, 1), stroke(code, 0), stroke(28, 1), stroke(28, 0),
				stroke(shift, 1), stroke(code, 1), stroke(code, 0), stroke(shift, 0), stroke(96, 1), stroke(96, 0)))
			if want := []string{run[0][i : i+1], run[1][i : i+1]}; !cmp.Equal(got, want) {
				t.Errorf("key %d: %q, want %q", code, got, want)
			}
		}
	}
}

func TestFramer(t *testing.T) {
	const (
		a, b, one, bracket, caps, enter = 30, 48, 2, 27, 58, 28
		leftShift, rightShift           = 42, 54
		leftCtrl, rightCtrl             = 29, 97
		leftAlt, f1, keypad7            = 56, 59, 71
	)
	down := func(c uint16) evdevscan.Event { return stroke(c, 1) }
	up := func(c uint16) evdevscan.Event { return stroke(c, 0) }
	type events = []evdevscan.Event
	for name, tc := range map[string]struct {
		in   events
		want []string
	}{
		"a repeating key":                    {events{down(a), stroke(a, 2), stroke(a, 2), up(a), down(enter)}, []string{"a"}},
		"a repeating Enter":                  {events{down(a), down(enter), stroke(enter, 2)}, []string{"a"}},
		"the right Shift":                    {events{down(rightShift), down(a), up(rightShift), down(b), down(enter)}, []string{"Ab"}},
		"one of two Shifts let go":           {events{down(leftShift), down(rightShift), up(leftShift), down(a), up(rightShift), down(enter)}, []string{"A"}},
		"Shift held over several keys":       {events{down(leftShift), down(a), down(one), up(leftShift), down(enter)}, []string{"A!"}},
		"Caps Lock":                          {events{down(caps), up(caps), down(a), down(caps), up(caps), down(b), down(enter)}, []string{"Ab"}},
		"Caps Lock and Shift":                {events{down(caps), up(caps), down(leftShift), down(a), down(one), up(leftShift), down(enter)}, []string{"a!"}},
		"Caps Lock leaves digits alone":      {events{down(caps), up(caps), down(one), down(enter)}, []string{"1"}},
		"Caps Lock repeating counts once":    {events{down(caps), stroke(caps, 2), up(caps), down(a), down(enter)}, []string{"A"}},
		"the separator":                      {events{down(one), down(leftCtrl), down(bracket), up(bracket), up(leftCtrl), down(a), down(enter)}, []string{"1\x1da"}},
		"the separator with the right Ctrl":  {events{down(rightCtrl), down(bracket), up(rightCtrl), down(a), down(enter)}, []string{"\x1da"}},
		"a bracket without Ctrl":             {events{down(bracket), down(enter)}, []string{"]"}},
		"another control combination":        {events{down(one), down(leftCtrl), down(a), up(leftCtrl), down(enter), down(b), down(enter)}, []string{"b"}},
		"Ctrl with Enter":                    {events{down(one), down(leftCtrl), down(enter), up(leftCtrl), down(b), down(enter)}, []string{"b"}},
		"Alt":                                {events{down(one), down(leftAlt), down(a), up(leftAlt), down(enter), down(b), down(enter)}, []string{"b"}},
		"a function key":                     {events{down(one), down(f1), down(enter), down(b), down(enter)}, []string{"b"}},
		"a code typed on the keypad":         {events{down(leftAlt), down(keypad7), up(leftAlt), down(enter), down(b), down(enter)}, []string{"b"}},
		"Enter alone":                        {events{down(enter), up(enter), down(enter)}, nil},
		"other kinds of events":              {events{{Type: 4, Code: 4, Value: 458756}, down(a), {Type: 17, Code: 1, Value: 1}, {}, down(enter)}, []string{"a"}},
		"events lost: silence comes first":   {events{down(a), {Type: 0, Code: 3}, down(b), down(enter), down(b), down(enter)}, nil},
		"a value that no key has":            {events{down(a), stroke(b, 3), down(enter), down(b), down(enter)}, nil},
		"a type that no event has":           {events{down(a), {Type: 0x20}, down(enter)}, nil},
		"a key let go that was not pressed":  {events{up(b), down(a), down(enter), down(b), down(enter)}, []string{"b"}},
		"a key pressed twice":                {events{down(a), down(a), down(enter), down(b), down(enter)}, []string{"b"}},
		"an Enter that was never let go":     {events{down(a), down(enter), down(enter), down(b), down(enter)}, []string{"a"}},
		"two codes":                          {events{down(a), down(enter), down(b), down(enter)}, []string{"a", "b"}},
		"a code that was not ended":          {events{down(a), down(b)}, nil},
		"a modifier held over Enter":         {events{down(leftShift), down(a), down(enter), down(b), up(leftShift), down(enter)}, []string{"A", "B"}},
		"the AIM prefix as any other letter": {events{down(bracket), down(leftShift), down(46), up(leftShift), down(one), down(a), down(enter)}, []string{"]C1a"}},
	} {
		var f evdevscan.Framer
		f.Begin(false)
		if got := lines(&f, records(letGo(tc.in)...)); !cmp.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// letGo puts the release of a key after its press where the next event is of another key.
func letGo(events []evdevscan.Event) []evdevscan.Event {
	modifiers := []uint16{29, 97, 42, 54, 58}
	var all []evdevscan.Event
	for i, e := range events {
		all = append(all, e)
		last := i+1 == len(events) || events[i+1].Code != e.Code
		if e.Type == 1 && e.Value >= 1 && e.Value <= 2 && last && !slices.Contains(modifiers, e.Code) {
			all = append(all, stroke(e.Code, 0))
		}
	}
	return all
}

// A press that is missing costs the code. So does a release, where the key is pressed again in the same code; else it costs
// nothing. A wrong code comes of neither.
func TestAMissingEvent(t *testing.T) {
	whole := typed(t, "P12P")
	for i := 0; i < len(whole)-4*evdevscan.RecordSize; i += 2 * evdevscan.RecordSize {
		if !shiftFree(whole[i:]) {
			continue
		}
		var f evdevscan.Framer
		f.Begin(false)
		got := lines(&f, append(append([]byte(nil), whole[:i]...), whole[i+2*evdevscan.RecordSize:]...))
		if pressed := whole[i+20] == 1; got != nil && (pressed || !cmp.Equal(got, []string{"P12P"})) {
			t.Errorf("without event %d: %q", i/evdevscan.RecordSize, got)
		}
		f.Restart()
		if got := lines(&f, whole); !cmp.Equal(got, []string{"P12P"}) {
			t.Errorf("after silence: %q", got)
		}
	}
}

// shiftFree reports whether the record is not of Shift, whose loss changes the case of a letter and shows nowhere.
func shiftFree(record []byte) bool { return record[18] != 42 }

// With the lock on at rest, a scanner that follows it types small letters with Shift.
func TestCapsLockAtRest(t *testing.T) {
	var f evdevscan.Framer
	f.Begin(true)
	if got := lines(&f, typed(t, "Ab1")); !cmp.Equal(got, []string{"aB1"}) {
		t.Errorf("%q", got)
	}
	f.Restart()
	if got := lines(&f, typed(t, "Ab1")); !cmp.Equal(got, []string{"aB1"}) {
		t.Errorf("after a rest: %q", got)
	}
}

func TestPartial(t *testing.T) {
	var f evdevscan.Framer
	if !f.Partial() || lines(&f, typed(t, "P1")) != nil {
		t.Error("a fresh framer does not know whether a code is half through")
	}
	f.Begin(false)
	if f.Partial() {
		t.Error("nothing has begun after Begin")
	}
	for name, in := range map[string][]byte{
		"half a record":         make([]byte, 5),
		"half a code":           records(stroke(30, 1)),
		"a held Shift":          records(stroke(42, 1)),
		"a held Ctrl":           records(stroke(97, 1)),
		"Caps Lock":             records(stroke(58, 1), stroke(58, 0)),
		"a dropped code":        records(stroke(59, 1)),
		"lost events":           records(evdevscan.Event{Code: 3}),
		"a code, half the next": append(typed(t, "P1"), records(stroke(30, 1))...),
	} {
		f.Begin(false)
		lines(&f, in)
		if !f.Partial() {
			t.Errorf("%s: nothing to wait for", name)
		}
		f.Restart()
		if got := lines(&f, typed(t, "P2")); f.Partial() || !cmp.Equal(got, []string{"P2"}) {
			t.Errorf("%s, then silence: %q", name, got)
		}
	}
}

func TestTooLong(t *testing.T) {
	var f evdevscan.Framer
	f.Begin(false)
	long := strings.Repeat("7", evdevscan.MaxLine)
	if got := lines(&f, typed(t, long)); !cmp.Equal(got, []string{long}) {
		t.Errorf("as long as may be: %d codes", len(got))
	}
	if got := lines(&f, append(typed(t, long+"7"), typed(t, "C")...)); !cmp.Equal(got, []string{"C"}) {
		t.Errorf("one longer: %d codes", len(got))
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, text := range []string{"Nguyễn", "A\tB", "A\x1eB", "A\rB", "\x00", "\x7f", "\xff"} {
		if b, err := evdevscan.Append(nil, text, false); !errors.Is(err, evdevscan.ErrUntypable) || b != nil {
			t.Errorf("%q: %d bytes, %v", text, len(b), err)
		}
	}
}

// What a scanner types is what is read, however the records are cut and however it makes its capitals.
func TestCodesSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.StringMatching(`[ -~\x1d]{1,40}`), 1, 6).Draw(t, "codes")
		var stream []byte
		for _, text := range sent {
			var err error
			if stream, err = evdevscan.Append(stream, text, rapid.Bool().Draw(t, "caps")); err != nil {
				t.Fatal(err)
			}
		}
		var (
			f   evdevscan.Framer
			got []string
		)
		f.Begin(false)
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
			got = append(got, lines(&f, stream[:n])...)
			stream = stream[n:]
		}
		if diff := cmp.Diff(sent, got); diff != "" {
			t.Fatal(diff)
		}
		if f.Partial() {
			t.Fatal("something is left over")
		}
	})
}

// Events that the kernel says it lost cost the code they were of and no more: after a silence the next one is whole.
func TestLostEventsCostOneCode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream, err := evdevscan.Append(nil, rapid.StringMatching(`[0-9A-Z]{2,20}`).Draw(t, "hurt"), true)
		if err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(1, len(stream)/evdevscan.RecordSize-5).Draw(t, "at") * evdevscan.RecordSize
		n := rapid.IntRange(0, len(stream)-i).Draw(t, "lost") / evdevscan.RecordSize * evdevscan.RecordSize
		hurt := evdevscan.Event{Code: 3}.Append(append([]byte(nil), stream[:i]...))
		hurt = append(hurt, stream[i+n:]...)
		var f evdevscan.Framer
		f.Begin(false)
		if got := lines(&f, hurt); got != nil {
			t.Fatalf("a value out of lost events: %q", got)
		}
		f.Restart()
		whole, err := evdevscan.Append(nil, "P01aB", true)
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(&f, whole); !cmp.Equal(got, []string{"P01aB"}) {
			t.Fatalf("%q", got)
		}
	})
}

func FuzzFramer(f *testing.F) {
	f.Add(typed(f, "]C10108935000123454\x1d10LOT"), 7)
	f.Add(records(stroke(30, 2), stroke(58, 1), stroke(30, 1), evdevscan.Event{Code: 3}, stroke(28, 1)), 24)
	f.Add(records(stroke(30, 1), stroke(28, 1), stroke(56, 1), stroke(28, 1)), 1)
	f.Add([]byte("garbage that is no record at all"), 3)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		var whole, pieces evdevscan.Framer
		whole.Begin(false)
		pieces.Begin(false)
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
			// Whatever is read can be typed: no other character comes out.
			if _, err := evdevscan.Append(nil, line, false); err != nil || line == "" {
				t.Fatalf("%q: %v", line, err)
			}
		}
	})
}
