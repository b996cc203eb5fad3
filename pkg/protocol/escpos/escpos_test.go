package escpos_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/protocol/escpos"
)

// The bytes of every command.
func TestTicketBytes(t *testing.T) {
	ticket := escpos.New()
	ticket.Text(escpos.Double, "A 012")
	ticket.Raster(2, []byte{0xff, 0x01, 0x80, 0x00})
	ticket.QR(6, "T1")
	ticket.Code128(80, "P1")
	ticket.Feed(2)
	got, err := ticket.Bytes()
	want := "\x1b@" + "\x1b!\x30A 012\n" + "\x1dv0\x00\x02\x00\x02\x00\xff\x01\x80\x00" +
		"\x1d(k\x04\x001A2\x00" + "\x1d(k\x03\x001C\x06" + "\x1d(k\x03\x001E1" + "\x1d(k\x05\x001P0T1" + "\x1d(k\x03\x001Q0" +
		"\x1dh\x50\x1dk\x49\x04{BP1" + "\x1bd\x02" + "\x1bd\x04\x1dV\x01"
	if err != nil || string(got) != want {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
}

func TestTicketRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(*escpos.Ticket)
		want error
	}{
		"Vietnamese in the printer's font": {func(t *escpos.Ticket) { t.Text(escpos.Normal, "Số 12") }, escpos.ErrText},
		"an empty line":                    {func(t *escpos.Ticket) { t.Text(escpos.Normal, "") }, escpos.ErrText},
		"a line too long":                  {func(t *escpos.Ticket) { t.Text(escpos.Normal, strings.Repeat("x", 256)) }, escpos.ErrText},
		"a command in a line":              {func(t *escpos.Ticket) { t.Text(escpos.Normal, "a\x1b@") }, escpos.ErrText},
		"another size":                     {func(t *escpos.Ticket) { t.Text(1, "a") }, escpos.ErrText},
		"a command in a QR":                {func(t *escpos.Ticket) { t.QR(4, "a\x10\x04\x01") }, escpos.ErrText},
		"a QR too coarse":                  {func(t *escpos.Ticket) { t.QR(17, "a") }, escpos.ErrSize},
		"a change of alphabet":             {func(t *escpos.Ticket) { t.Code128(80, "{A") }, escpos.ErrText},
		"a bar code too long":              {func(t *escpos.Ticket) { t.Code128(80, strings.Repeat("1", 61)) }, escpos.ErrText},
		"a bar code without height":        {func(t *escpos.Ticket) { t.Code128(0, "1") }, escpos.ErrSize},
		"no picture":                       {func(t *escpos.Ticket) { t.Raster(2, nil) }, escpos.ErrSize},
		"half a row":                       {func(t *escpos.Ticket) { t.Raster(2, make([]byte, 3)) }, escpos.ErrSize},
		"a row too wide":                   {func(t *escpos.Ticket) { t.Raster(129, make([]byte, 129)) }, escpos.ErrSize},
		"a picture too high":               {func(t *escpos.Ticket) { t.Raster(1, make([]byte, 1025)) }, escpos.ErrSize},
		"a feed of nothing":                {func(t *escpos.Ticket) { t.Feed(0) }, escpos.ErrSize},
		"the first error is the cause":     {func(t *escpos.Ticket) { t.Text(escpos.Normal, ""); t.Feed(99) }, escpos.ErrText},
	} {
		ticket := escpos.New()
		tc.make(ticket)
		if b, err := ticket.Bytes(); !errors.Is(err, tc.want) || b != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// A picture whose dots spell a command that is obeyed anywhere is printed with one more black dot, and obeyed by nobody.
func TestPicturesAreNoCommands(t *testing.T) {
	ticket := escpos.New()
	ticket.Raster(3, []byte{0x10, 0x04, 0x01, 0x10, 0x14, 0x08, 0x10, 0x05, 0x10, 0x04, 0x10, 0x10})
	job, err := ticket.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	p, err := escpos.Read(job)
	want := []byte{0x10, 0x84, 0x01, 0x10, 0x94, 0x08, 0x10, 0x85, 0x10, 0x84, 0x10, 0x10}
	if err != nil || !bytes.Equal(p.Items[0].Dots, want) {
		t.Errorf("%x, %v", p.Items, err)
	}
	var r escpos.Receiver
	for _, got := range all(&r, job) {
		if got.Job == nil {
			t.Errorf("the picture asks %+v", got)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	const good = "\x1b@" + "\x1b!\x00line\n" + "\x1dv0\x00\x01\x00\x01\x00\xaa" + "\x1bd\x04\x1dV\x01"
	if _, err := escpos.Read([]byte(good)); err != nil {
		t.Fatal(err)
	}
	change := func(old, now string) string { return strings.Replace(good, old, now, 1) }
	qr := "\x1d(k\x04\x001A2\x00" + "\x1d(k\x03\x001C\x06"
	for name, job := range map[string]string{
		"nothing":                  "",
		"no setting up":            change("\x1b@", ""),
		"set up twice":             change("\x1b!", "\x1b@\x1b!"),
		"no cut":                   change("\x1dV\x01", ""),
		"half a cut":               change("\x1dV\x01", "\x1dV"),
		"another cut":              change("\x1dV\x01", "\x1dV\x41"),
		"something after it":       good + "\x1bd\x01",
		"two tickets":              good + good,
		"a question in it":         change("\x1bd", "\x10\x04\x01\x1bd"),
		"a question in the dots":   change("\x01\x00\x01\x00\xaa", "\x02\x00\x01\x00\x10\x04"),
		"a reset in it":            change("\x1bd", "\x10\x05\x02\x1bd"),
		"a mark in it":             change("\x1bd", "\x1dr\x01\x1bd"),
		"the cash drawer":          change("\x1bd", "\x1bp\x00\x19\x19\x1bd"),
		"a line without an end":    change("line\n", "line"),
		"text of a code page":      change("line", "l\xf4ne"),
		"another size":             change("\x1b!\x00", "\x1b!\x01"),
		"a picture of no rows":     change("\x01\x00\x01\x00\xaa", "\x01\x00\x00\x00"),
		"a picture that is short":  change("\x01\x00\x01\x00\xaa", "\x01\x00\xff\x00\xaa"),
		"another mode of pictures": change("v0\x00", "v0\x03"),
		"a QR that is not printed": change("\x1bd", qr+"\x1bd"),
		"a QR out of order":        change("\x1bd", "\x1d(k\x03\x001Q0\x1bd"),
		"an empty QR":              change("\x1bd", qr+"\x1d(k\x03\x001E1\x1d(k\x03\x001P0\x1d(k\x03\x001Q0\x1bd"),
		"another bar code":         change("\x1bd", "\x1dk\x04A\x00\x1bd"),
		"another alphabet":         change("\x1bd", "\x1dk\x49\x03{A1\x1bd"),
		"too long":                 change("line\n", strings.Repeat("line\n", escpos.MaxJob/5)),
	} {
		if p, err := escpos.Read([]byte(job)); !errors.Is(err, escpos.ErrUnreadable) || p.Items != nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func drawTicket(t *rapid.T) (*escpos.Ticket, escpos.Printed) {
	var want escpos.Printed
	ticket := escpos.New()
	for range rapid.IntRange(0, 6).Draw(t, "items") {
		i := escpos.Item{Text: rapid.StringMatching(`[ -z]{1,40}`).Draw(t, "text")}
		switch i.Kind = rapid.SampledFrom([]escpos.Kind{escpos.Text, escpos.QR, escpos.Code128, escpos.Raster}).Draw(t, "kind"); i.Kind {
		case escpos.Text:
			i.Size = rapid.SampledFrom([]escpos.Size{escpos.Normal, escpos.Double}).Draw(t, "size")
			ticket.Text(i.Size, i.Text)
		case escpos.QR:
			ticket.QR(rapid.IntRange(1, 16).Draw(t, "size"), i.Text)
		case escpos.Code128:
			ticket.Code128(80, i.Text)
		case escpos.Raster:
			i.Text, i.RowBytes = "", rapid.IntRange(1, 20).Draw(t, "row")
			n := i.RowBytes * rapid.IntRange(1, 8).Draw(t, "rows")
			i.Dots = rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0xff, 0x10, 0x1b, 0x1d, 'V', 1, '@', 0x14 | 0x80, '\n'}), n, n).Draw(t, "dots")
			ticket.Raster(i.RowBytes, i.Dots)
		}
		want.Items = append(want.Items, i)
	}
	return ticket, want
}

// What is put on a ticket is what the printer reads, however the line cuts it and whatever is asked in between.
func TestTicketsSurviveAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ticket, want := drawTicket(t)
		job, err := ticket.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := escpos.Read(job); err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%q: %v\n%s", job, err, cmp.Diff(want, got))
		}
		var (
			r      escpos.Receiver
			got    []escpos.Received
			asked  []escpos.Query
			stream = escpos.AppendMark(append([]byte("noise\xff\x1b"), job...))
		)
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "chunk")
			got = append(got, all(&r, stream[:n])...)
			if stream = stream[n:]; rapid.Bool().Draw(t, "ask") {
				q := rapid.SampledFrom([]escpos.Query{escpos.Online, escpos.Offline, escpos.Errors, escpos.Paper}).Draw(t, "query")
				asked = append(asked, q)
				got = append(got, all(&r, q.Append(nil))...)
			}
		}
		var (
			answered []escpos.Query
			jobs     [][]byte
			marks    int
		)
		for _, g := range got {
			switch {
			case g.Job != nil && marks == 0:
				jobs = append(jobs, g.Job)
			case g.Mark:
				marks++
			default:
				answered = append(answered, g.Query)
			}
		}
		if !cmp.Equal(asked, answered) || marks != escpos.Marks || len(jobs) != 1 || r.Partial() {
			t.Fatalf("asked %v, answered %v, %d marks, %d tickets", asked, answered, marks, len(jobs))
		}
		if p, err := escpos.Read(jobs[0]); err != nil || !cmp.Equal(p, want) {
			t.Fatalf("%v\n%s", err, cmp.Diff(want, p))
		}
	})
}

func all(r *escpos.Receiver, chunk []byte) []escpos.Received {
	var got []escpos.Received
	for {
		one, rest, ok := r.Next(chunk)
		if !ok {
			return got
		}
		chunk = rest
		got = append(got, one)
	}
}

func TestReceiverReset(t *testing.T) {
	var r escpos.Receiver
	if all(&r, []byte("\x1b@half\n")); !r.Partial() {
		t.Error("half a ticket")
	}
	if r.Reset(); r.Partial() {
		t.Error("half a ticket after Reset")
	}
}

// The answers, bit by bit.
func TestStatusBits(t *testing.T) {
	for name, tc := range map[string]struct {
		query escpos.Query
		b     byte
		want  escpos.Status
		ready bool
	}{
		"on line":            {escpos.Online, 0x12, escpos.Status{}, true},
		"off line":           {escpos.Online, 0x1a, escpos.Status{Offline: true}, false},
		"the drawer is open": {escpos.Online, 0x16, escpos.Status{}, true},
		"nothing amiss":      {escpos.Offline, 0x12, escpos.Status{}, true},
		"cover open":         {escpos.Offline, 0x16, escpos.Status{CoverOpen: true}, false},
		"paper stop":         {escpos.Offline, 0x32, escpos.Status{PaperStop: true}, false},
		"error":              {escpos.Offline, 0x52, escpos.Status{Failed: true}, false},
		"feed button held":   {escpos.Offline, 0x1a, escpos.Status{}, true},
		"no error":           {escpos.Errors, 0x12, escpos.Status{}, true},
		"cutter":             {escpos.Errors, 0x1a, escpos.Status{Failed: true}, false},
		"for good":           {escpos.Errors, 0x32, escpos.Status{Failed: true}, false},
		"head too hot":       {escpos.Errors, 0x52, escpos.Status{Failed: true}, false},
		"paper":              {escpos.Paper, 0x12, escpos.Status{}, true},
		"paper near its end": {escpos.Paper, 0x1e, escpos.Status{PaperLow: true}, true},
		"paper out":          {escpos.Paper, 0x72, escpos.Status{PaperOut: true}, false},
	} {
		var s escpos.Status
		if err := s.Take(tc.query, tc.b); err != nil || s != tc.want || s.Ready() != tc.ready {
			t.Errorf("%s: %+v, ready %v, %v", name, s, s.Ready(), err)
		}
	}
}

// A byte without the fixed bits is no answer, whatever was asked.
func TestFixedBits(t *testing.T) {
	for b := range 256 {
		for q := escpos.Online; q <= escpos.Paper; q++ {
			var s escpos.Status
			err := s.Take(q, byte(b))
			if fixed := b&0x93 == 0x12; (err == nil) != fixed || !fixed && s != (escpos.Status{}) {
				t.Errorf("%#x to %d: %+v, %v", b, q, s, err)
			}
		}
	}
	var s escpos.Status
	if err := s.Take(5, 0x12); !errors.Is(err, escpos.ErrStatus) {
		t.Errorf("a query that does not exist: %v", err)
	}
}

func TestStatusRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		want := escpos.Status{
			Offline: flag("offline"), CoverOpen: flag("cover"), PaperStop: flag("stop"), Failed: flag("failed"),
			PaperLow: flag("low"), PaperOut: flag("out"),
		}
		var got escpos.Status
		for q := escpos.Online; q <= escpos.Paper; q++ {
			if err := got.Take(q, want.Answer(q)); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Fatalf("%+v became %+v", want, got)
		}
		if err := escpos.ParseMark(bytes.Repeat([]byte{want.MarkAnswer()}, escpos.Marks)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestParseMark(t *testing.T) {
	for answers, want := range map[string]error{
		"\x00\x00\x00":     nil,
		"\x03\x03\x03":     nil,
		"\x0c\x0c\x0c":     nil,
		"\x0f\x0f\x0f":     nil,
		"":                 escpos.ErrMore,
		"\x00":             escpos.ErrMore,
		"\x00\x00":         escpos.ErrMore,
		"\x00\x00\x00\x00": escpos.ErrStatus,
		"\x00\x03\x00":     escpos.ErrStatus,
		"\x00\x80":         escpos.ErrStatus,
		"\x12":             escpos.ErrStatus, // the answer to DLE EOT
		"\x01":             escpos.ErrStatus,
		"\x04":             escpos.ErrStatus,
		"0":                escpos.ErrStatus,
	} {
		if err := escpos.ParseMark([]byte(answers)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", answers, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	ticket := escpos.New()
	ticket.Text(escpos.Double, "A 012")
	ticket.Raster(2, []byte{0x10, 0x04, 0x10, 0x10})
	ticket.QR(6, "T1")
	ticket.Code128(80, "P1")
	job, err := ticket.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(job, 7)
	f.Add(escpos.AppendMark(escpos.Paper.Append([]byte{0x10, 0x10})), 1)
	f.Add([]byte("\x1dv0\x00\xff\xff\xff\xff"), 3)
	f.Add([]byte("\x10\x10\x04\x10\x04\x02\x1b\x1b@\n"), 2)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if p, err := escpos.Read(in); err != nil && p.Items != nil {
			t.Fatalf("%+v beside %v", p, err)
		}
		var whole, pieces escpos.Receiver
		want := all(&whole, in)
		var got []escpos.Received
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

func FuzzStatus(f *testing.F) {
	f.Add([]byte{0x12, 0x12, 0x12, 0x12})
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		var s escpos.Status
		for i, b := range in {
			before := s
			if err := s.Take(escpos.Query(1+i%4), b); err != nil && s != before {
				t.Fatalf("%#x changed %+v to %+v beside %v", b, before, s, err)
			}
		}
		if err := escpos.ParseMark(in); err == nil && len(in) != escpos.Marks {
			t.Fatalf("%x is a mark", in)
		}
	})
}
