package zpl_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/protocol/zpl"
)

func ExampleLabel() {
	l := zpl.New(400, 200)
	l.Text(10, 20, 30, "LOT_42^")
	l.QR(10, 60, 4, "01a2-7f")
	l.Code128(200, 60, 50, 2, "P0100012344")
	l.Graphic(300, 20, 2, []byte{0xff, 0x00, 0xff, 0x00, 0x0f, 0xf0})
	b, err := l.Bytes()
	fmt.Print(string(b), err)
	// Output:
	// ^XA^CI28^PW400^LL200^LH0,0
	// ^FO10,20^A0N,30,30^FH^FDLOT_5F42_5E^FS
	// ^FO10,60^BQN,2,4^FH^FDMA,01a2-7f^FS
	// ^FO200,60^BY2^BCN,50,N,N,N^FH^FDP0100012344^FS
	// ^FO300,20^GFA,6,6,2,FF,:0FF0^FS
	// ^PQ1^XZ
	// <nil>
}

func TestLabelRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(l *zpl.Label)
		want error
	}{
		"no text":                      {func(l *zpl.Label) { l.Text(0, 0, 20, "") }, zpl.ErrText},
		"text too long":                {func(l *zpl.Label) { l.Text(0, 0, 20, strings.Repeat("x", 1025)) }, zpl.ErrText},
		"no UTF-8":                     {func(l *zpl.Label) { l.QR(0, 0, 4, "\xff") }, zpl.ErrText},
		"a control character":          {func(l *zpl.Label) { l.QR(0, 0, 4, "a\x1db") }, zpl.ErrText},
		"a line end":                   {func(l *zpl.Label) { l.Text(0, 0, 20, "a\nb") }, zpl.ErrText},
		"Vietnamese in Code 128":       {func(l *zpl.Label) { l.Code128(0, 0, 50, 2, "Ánh") }, zpl.ErrText},
		"a change of alphabet":         {func(l *zpl.Label) { l.Code128(0, 0, 50, 2, "A>5B") }, zpl.ErrText},
		"left of the label":            {func(l *zpl.Label) { l.Text(-1, 0, 20, "x") }, zpl.ErrPlace},
		"right of it":                  {func(l *zpl.Label) { l.Text(400, 0, 20, "x") }, zpl.ErrPlace},
		"below it":                     {func(l *zpl.Label) { l.Text(0, 200, 20, "x") }, zpl.ErrPlace},
		"a graphic that hangs out":     {func(l *zpl.Label) { l.Graphic(8, 0, 50, make([]byte, 50)) }, zpl.ErrPlace},
		"a graphic that hangs below":   {func(l *zpl.Label) { l.Graphic(0, 199, 1, make([]byte, 2)) }, zpl.ErrPlace},
		"a graphic of half a row":      {func(l *zpl.Label) { l.Graphic(0, 0, 2, make([]byte, 3)) }, zpl.ErrPlace},
		"a graphic of nothing":         {func(l *zpl.Label) { l.Graphic(0, 0, 2, nil) }, zpl.ErrPlace},
		"a QR too coarse":              {func(l *zpl.Label) { l.QR(0, 0, 11, "x") }, zpl.ErrPlace},
		"the first error is the cause": {func(l *zpl.Label) { l.Text(0, 0, 1, ""); l.Text(-1, 0, 1, "x") }, zpl.ErrText},
	} {
		l := zpl.New(400, 200)
		tc.make(l)
		if b, err := l.Bytes(); !errors.Is(err, tc.want) || b != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := zpl.New(0, 200).Bytes(); !errors.Is(err, zpl.ErrPlace) {
		t.Errorf("a label without a width: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	const good = "^XA^CI28^PW400^LL200^LH0,0\n^FO1,2^A0N,9,9^FH^FDx^FS\n^PQ1^XZ\n"
	if _, err := zpl.Read([]byte(good)); err != nil {
		t.Fatal(err)
	}
	change := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	for name, job := range map[string]string{
		"nothing":                      "",
		"no end":                       change("^XZ\n", ""),
		"no beginning":                 change("^XA", ""),
		"two labels":                   good + good,
		"something after it":           good + "^XA",
		"printed twice":                change("^PQ1", "^PQ2"),
		"no quantity":                  change("^PQ1", ""),
		"no width":                     change("^PW400", ""),
		"a command that resets":        change("^PQ1", "~JR^PQ1"),
		"a command that configures":    change("^PQ1", "^JUS^PQ1"),
		"another code page":            change("^CI28", "^CI0"),
		"a field that is not closed":   change("^FS", ""),
		"a field within a field":       change("^A0N", "^FO1,1^A0N"),
		"data without its kind":        change("^A0N,9,9", ""),
		"data outside a field":         change("^FO1,2^A0N,9,9", ""),
		"data without escapes allowed": change("^FH", ""),
		"half an escape":               change("^FDx", "^FDx_5"),
		"no hexadecimal":               change("^FDx", "^FD_5G"),
		"a second data":                change("^FDx", "^FDx^FDy"),
		"a signed place":               change("^FO1", "^FO+1"),
		"control characters":           change("^FDx", "^FDx\r"),
		"an escaped control":           change("^FDx", "^FD_1D"),
		"a graphic that is short":      change("^A0N,9,9^FH^FDx", "^GFA,2,2,1,FF"),
		"a graphic that is long":       change("^A0N,9,9^FH^FDx", "^GFA,1,1,1,FFFF"),
		"a graphic of half bytes":      change("^A0N,9,9^FH^FDx", "^GFA,1,1,1,FFF"),
		"a repeat without a row":       change("^A0N,9,9^FH^FDx", "^GFA,1,1,1,:"),
		"a graphic too large to hold":  change("^A0N,9,9^FH^FDx", "^GFA,999999999,999999999,1,:"),
		"too long":                     change("^FDx", "^FD"+strings.Repeat("x", zpl.MaxJob)),
	} {
		if p, err := zpl.Read([]byte(job)); !errors.Is(err, zpl.ErrUnreadable) || p.Fields != nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

const anyText = `[ -~À-ỹ]{1,40}`

func drawLabel(t *rapid.T) (*zpl.Label, zpl.Printed) {
	want := zpl.Printed{Width: 800, Length: 600}
	l := zpl.New(want.Width, want.Length)
	for range rapid.IntRange(0, 6).Draw(t, "fields") {
		f := zpl.Field{X: rapid.IntRange(0, 400).Draw(t, "x"), Y: rapid.IntRange(0, 400).Draw(t, "y")}
		switch f.Kind = rapid.SampledFrom([]zpl.Kind{zpl.Text, zpl.QR, zpl.Code128, zpl.Graphic}).Draw(t, "kind"); f.Kind {
		case zpl.Text:
			f.Text = rapid.StringMatching(anyText).Draw(t, "text")
			l.Text(f.X, f.Y, 30, f.Text)
		case zpl.QR:
			f.Text = rapid.StringMatching(anyText).Draw(t, "text")
			l.QR(f.X, f.Y, 4, f.Text)
		case zpl.Code128:
			f.Text = rapid.StringMatching(`[ -=?-~]{1,20}`).Draw(t, "text")
			l.Code128(f.X, f.Y, 50, 2, f.Text)
		case zpl.Graphic:
			f.RowBytes = rapid.IntRange(1, 20).Draw(t, "row")
			rows := rapid.IntRange(1, 8).Draw(t, "rows")
			f.Dots = rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 0, 0xff, 0x10}), rows*f.RowBytes, rows*f.RowBytes).Draw(t, "dots")
			l.Graphic(f.X, f.Y, f.RowBytes, f.Dots)
		}
		want.Fields = append(want.Fields, f)
	}
	return l, want
}

// What is put on a label is what the printer reads, however the line cuts it and whatever is asked in between.
func TestLabelsSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, want := drawLabel(t)
		job, err := l.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := zpl.Read(job); err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%q: %v\n%s", job, err, cmp.Diff(want, got))
		}
		var (
			r        zpl.Receiver
			got      []zpl.Received
			asked    int
			stream   = append([]byte("noise^XZ"), job...)
			received = func(chunk []byte) {
				for {
					one, rest, ok := r.Next(chunk)
					if !ok {
						return
					}
					if chunk = rest; one.Job == nil {
						asked++
						continue
					}
					got = append(got, one)
				}
			}
		)
		asks := 0
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
			received(stream[:n])
			if stream = stream[n:]; rapid.Bool().Draw(t, "ask") {
				asks++
				received([]byte(zpl.StatusCommand))
			}
		}
		if asked != asks || len(got) != 1 || r.Partial() {
			t.Fatalf("%d of %d questions, %d labels", asked, asks, len(got))
		}
		if p, err := zpl.Read(got[0].Job); err != nil || !cmp.Equal(p, want) {
			t.Fatalf("%v\n%s", err, cmp.Diff(want, p))
		}
	})
}

func TestReceiver(t *testing.T) {
	var r zpl.Receiver
	if got, rest, ok := r.Next([]byte("^XA^FDhalf^XA^XZ~HS")); !ok || string(got.Job) != "^XA^XZ" || string(rest) != "~HS" {
		t.Errorf("a label begun anew: %q, %q, %v", got.Job, rest, ok)
	}
	if _, _, ok := r.Next([]byte("^XA^FD" + strings.Repeat("x", zpl.MaxJob) + "^XZ")); ok {
		t.Error("a label longer than the printer holds")
	}
	if _, _, ok := r.Next([]byte("^XAhalf")); ok || !r.Partial() {
		t.Error("half a label")
	}
	if r.Reset(); r.Partial() {
		t.Error("half a label after Reset")
	}
}

// The fields of the answer, each where the manual has it.
func TestStatusFields(t *testing.T) {
	const (
		one   = "030,0,0,1245,000,0,0,0,000,0,0,0"
		two   = "000,0,0,0,0,2,4,0,00000000,1,000"
		three = "1234,0"
	)
	frame := func(s string) string { return "\x02" + s + "\x03\r\n" }
	set := func(s string, field int, value string) string {
		f := strings.Split(s, ",")
		f[field] = value
		return strings.Join(f, ",")
	}
	idle := zpl.Status{Interface: 30, Length: 1245, Mode: 2, WidthMode: 4}
	for name, tc := range map[string]struct {
		one, two, three string
		want            func(*zpl.Status)
		ready           bool
	}{
		"idle":                           {one, two, three, func(*zpl.Status) {}, true},
		"b paper out":                    {set(one, 1, "1"), two, three, func(s *zpl.Status) { s.PaperOut = true }, false},
		"c pause":                        {set(one, 2, "1"), two, three, func(s *zpl.Status) { s.Paused = true }, false},
		"eee labels waiting":             {set(one, 4, "012"), two, three, func(s *zpl.Status) { s.Waiting = 12 }, true},
		"f buffer full":                  {set(one, 5, "1"), two, three, func(s *zpl.Status) { s.BufferFull = true }, false},
		"g diagnostic":                   {set(one, 6, "1"), two, three, func(s *zpl.Status) { s.Diagnostic = true }, true},
		"h half a label":                 {set(one, 7, "1"), two, three, func(s *zpl.Status) { s.Partial = true }, true},
		"j memory lost":                  {set(one, 9, "1"), two, three, func(s *zpl.Status) { s.RAMLost = true }, false},
		"k too cold":                     {set(one, 10, "1"), two, three, func(s *zpl.Status) { s.TooCold = true }, true},
		"l too hot":                      {set(one, 11, "1"), two, three, func(s *zpl.Status) { s.TooHot = true }, false},
		"n has no meaning: not the head": {one, set(two, 1, "1"), three, func(*zpl.Status) {}, true},
		"o head open":                    {one, set(two, 2, "1"), three, func(s *zpl.Status) { s.HeadOpen = true }, false},
		"p ribbon out":                   {one, set(two, 3, "1"), three, func(s *zpl.Status) { s.RibbonOut = true }, false},
		"q thermal transfer":             {one, set(two, 4, "1"), three, func(s *zpl.Status) { s.Transfer = true }, true},
		"r print mode":                   {one, set(two, 5, "1"), three, func(s *zpl.Status) { s.Mode = 1 }, true},
		"t waiting to be peeled":         {one, set(two, 7, "1"), three, func(s *zpl.Status) { s.PeelWaiting = true }, true},
		"u labels left":                  {one, set(two, 8, "00000003"), three, func(s *zpl.Status) { s.Left = 3 }, true},
		"www graphics":                   {one, set(two, 10, "007"), three, func(s *zpl.Status) { s.Graphics = 7 }, true},
		"static memory":                  {one, two, set(three, 1, "1"), func(s *zpl.Status) { s.StaticRAM = true }, true},
	} {
		want := idle
		tc.want(&want)
		got, err := zpl.ParseStatus([]byte(frame(tc.one) + frame(tc.two) + frame(tc.three)))
		if err != nil || got != want || got.Ready() != tc.ready {
			t.Errorf("%s: %+v, ready %v, %v", name, got, got.Ready(), err)
		}
	}
	for name, s := range map[string]string{
		"two strings the wrong way round": frame(two) + frame(one) + frame(three),
		"a string twice":                  frame(one) + frame(one) + frame(three),
		"a fourth string":                 frame(one) + frame(two) + frame(three) + frame(three),
		"a print mode of 6":               frame(one) + frame(set(two, 5, "6")) + frame(three),
		"a flag of 2":                     frame(set(one, 1, "2")) + frame(two) + frame(three),
		"a letter":                        frame(set(one, 4, "0O0")) + frame(two) + frame(three),
		"a digit more":                    frame(set(one, 4, "0000")) + frame(two) + frame(three),
		"an empty field":                  frame(set(one, 1, "")) + frame(two) + frame(three),
		"noise before":                    "\x00" + frame(one) + frame(two) + frame(three),
		"noise between":                   frame(one) + "\x00" + frame(two) + frame(three),
		"no line end":                     "\x02" + one + "\x03" + "\x02" + two + "\x03" + "\x02" + three + "\x03",
		"another device":                  "SNE1000V3.928",
		"longer than an answer":           strings.Repeat(frame(one), 5),
	} {
		if got, err := zpl.ParseStatus([]byte(s)); !errors.Is(err, zpl.ErrStatus) || got != (zpl.Status{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func drawStatus(t *rapid.T) zpl.Status {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	return zpl.Status{
		PaperOut: flag("paper"), Paused: flag("pause"), BufferFull: flag("buffer"), Diagnostic: flag("diagnostic"),
		Partial: flag("partial"), RAMLost: flag("RAM"), TooCold: flag("cold"), TooHot: flag("hot"), HeadOpen: flag("head"),
		RibbonOut: flag("ribbon"), Transfer: flag("transfer"), PeelWaiting: flag("peel"), StaticRAM: flag("static"),
		Interface: rapid.IntRange(0, 999).Draw(t, "interface"), Length: rapid.IntRange(0, 9999).Draw(t, "length"),
		Waiting: rapid.IntRange(0, 999).Draw(t, "waiting"), Mode: rapid.IntRange(0, 5).Draw(t, "mode"),
		WidthMode: rapid.IntRange(0, 9).Draw(t, "width"), Left: rapid.IntRange(0, 99_999_999).Draw(t, "left"),
		Functions: rapid.IntRange(0, 999).Draw(t, "functions"), Graphics: rapid.IntRange(0, 999).Draw(t, "graphics"),
	}
}

// What a printer says is what is read; its beginnings are no answer yet, and anything more is none.
func TestStatusRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawStatus(t)
		b := want.Append(nil)
		if got, err := zpl.ParseStatus(b); err != nil || got != want {
			t.Fatalf("%q: %+v, %v", b, got, err)
		}
		for i := range b {
			if got, err := zpl.ParseStatus(b[:i]); !errors.Is(err, zpl.ErrMore) || got != (zpl.Status{}) {
				t.Fatalf("%q: %+v, %v", b[:i], got, err)
			}
		}
		if got, err := zpl.ParseStatus(append(bytes.Clone(b), b[0])); !errors.Is(err, zpl.ErrStatus) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// A byte that is lost, added, blanked or has its high bit set leaves no status.
func TestDamagedStatusIsNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawStatus(t).Append(nil)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		hurt := append([]byte(nil), b[:i]...)
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			hurt = append(hurt, 0)
		case 1:
			hurt = append(hurt, b[i]|0x80)
		case 2:
		case 3:
			hurt = append(hurt, rapid.Byte().Draw(t, "noise"), b[i])
		}
		hurt = append(hurt, b[i+1:]...)
		if got, err := zpl.ParseStatus(hurt); err == nil {
			t.Fatalf("%q for %q: %+v", hurt, b, got)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add(zpl.Status{Interface: 30, Length: 1245, Waiting: 2, HeadOpen: true}.Append(nil))
	f.Add([]byte("\x02030,0,0\x03\r\n"))
	f.Add([]byte("\x02\x03\r\n\x02\x03\r\n\x02\x03\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := zpl.ParseStatus(in)
		if err != nil {
			if s != (zpl.Status{}) {
				t.Fatalf("%+v beside %v", s, err)
			}
			return
		}
		if again, err := zpl.ParseStatus(s.Append(nil)); err != nil || again != s {
			t.Fatalf("%+v became %+v, %v", s, again, err)
		}
	})
}

func FuzzRead(f *testing.F) {
	l := zpl.New(400, 200)
	l.Text(1, 2, 30, "Nguyễn^~_\\")
	l.QR(1, 2, 4, "id")
	l.Code128(1, 2, 30, 2, "P1")
	l.Graphic(0, 0, 2, []byte{1, 0, 1, 0, 0, 0, 0xff, 0xfe})
	job, err := l.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(job, 7)
	f.Add([]byte("^XA^PW1^LL1^PQ1^XZ"), 1)
	f.Add([]byte("~HS^XA~HS^XZ~"), 2)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if p, err := zpl.Read(in); err != nil && p.Fields != nil {
			t.Fatalf("%+v beside %v", p, err)
		}
		var whole, pieces zpl.Receiver
		want := all(&whole, in)
		var got []zpl.Received
		size = 1 + (size&0x7fff)%64
		for c := in; len(c) > 0; {
			n := min(size, len(c))
			got = append(got, all(&pieces, c[:n])...)
			c = c[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func all(r *zpl.Receiver, chunk []byte) []zpl.Received {
	var got []zpl.Received
	for {
		one, rest, ok := r.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, one)
	}
}
