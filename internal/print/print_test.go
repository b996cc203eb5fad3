package print_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/print"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/escpos"
	"github.com/lieu-clinic/lieu/pkg/protocol/zpl"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

var update = flag.Bool("update", false, "draw the pictures in testdata anew")

func press(t *testing.T) *print.Press {
	t.Helper()
	p, err := print.New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func bottle() print.Label {
	return print.Label{
		Clinic: "Cơ sở điều trị Methadone Quận 6", Patient: "Nguyễn Thị Quỳnh Hương", Code: "P0100012344",
		Drug: "Methadone", Strength: 10_000, Dose: 45_500, Volume: 4_550, Take: calendar.DateOf(2026, 11, 26), Lot: "MTD2609A",
		Expiry: calendar.DateOf(2028, 3, 31), PreparedBy: "Trần Văn Bảo", CheckedBy: "Lê Ngọc Ẩn", Bottle: "B0100004217",
		Record: "0192f7b1-6c1e-7d3a-9f00-5b1c2d3e4f50",
	}
}

func visit() print.Ticket {
	at := time.Date(2026, 11, 25, 7, 42, 0, 0, time.UTC)
	return print.Ticket{
		Clinic: "Cơ sở điều trị Methadone Quận 6", Number: 42, At: at, Wait: 14*time.Minute + time.Second, Known: true,
		Slot: time.Date(2026, 11, 26, 7, 15, 0, 0, time.UTC),
	}
}

// What comes out of the printer is the picture that was looked at and found good.
func TestPaperLooksAsItDid(t *testing.T) {
	p := press(t)
	crowded := bottle()
	crowded.Clinic = strings.Repeat("Trung tâm Kiểm soát bệnh tật thành phố ", 3)
	crowded.Patient = "Nguyễn Phúc Hoàng Thiên Ẩn Tôn Nữ Công Tằng Quỳnh Nghiêng Thượng Uyển Nhữ Đặng"
	crowded.PreparedBy, crowded.CheckedBy = crowded.Patient, crowded.Patient
	crowded.Lot = "LOT-2026-0000-4711-ABCDEFGH"
	crowded.Dose, crowded.Volume = 129_990, 12_999
	bare := visit()
	bare.Number, bare.Known, bare.Slot, bare.Clinic = 1088, false, time.Time{}, crowded.Clinic
	for _, lang := range []print.Language{print.Vietnamese, print.English} {
		for name, l := range map[string]print.Label{"label": bottle(), "label-crowded": crowded} {
			job, err := p.Label(l, lang)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name+"-"+string(lang), drawLabel(t, job))
		}
		for name, v := range map[string]print.Ticket{"ticket": visit(), "ticket-bare": bare} {
			job, err := p.Ticket(v, lang)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name+"-"+string(lang), drawTicket(t, job))
		}
	}
}

func compare(t *testing.T, name string, got *image.Gray) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	var b bytes.Buffer
	if err := png.Encode(&b, got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: draw it with go test ./internal/print -update, and look at it", err)
	}
	want, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	gray, ok := want.(*image.Gray)
	if !ok || !gray.Rect.Eq(got.Rect) || !bytes.Equal(gray.Pix, got.Pix) {
		t.Errorf("%s looks different: draw it with -update, and look at it", path)
	}
}

func paper(width, height int) *image.Gray {
	g := image.NewGray(image.Rect(0, 0, width, height))
	for i := range g.Pix {
		g.Pix[i] = 0xff
	}
	return g
}

// blacken puts dots on the paper. A dot beside the paper, or on one that is black already, is a layout that went wrong.
func blacken(t *testing.T, g *image.Gray, x, y, rowBytes int, dots []byte) {
	t.Helper()
	for i, b := range dots {
		for bit := range 8 {
			if b&(0x80>>bit) == 0 {
				continue
			}
			at := image.Pt(x+i%rowBytes*8+bit, y+i/rowBytes)
			if !at.In(g.Rect) || g.GrayAt(at.X, at.Y).Y == 0 {
				t.Fatalf("dot at %v: outside the paper, or one text over another", at)
			}
			g.SetGray(at.X, at.Y, color.Gray{})
		}
	}
}

func drawLabel(t *testing.T, job []byte) *image.Gray {
	t.Helper()
	l, err := zpl.Read(job)
	if err != nil {
		t.Fatal(err)
	}
	g := paper(l.Width, l.Length)
	for _, f := range l.Fields {
		switch f.Kind {
		case zpl.Graphic:
			blacken(t, g, f.X, f.Y, f.RowBytes, f.Dots)
		case zpl.QR:
			const square = 4
			code, err := qr.Encode(f.Text, qr.M, qr.AlphaNumeric)
			if err != nil {
				t.Fatal(err)
			}
			side := code.Bounds().Dx() * square
			rowBytes := (side + 7) / 8
			dots := make([]byte, rowBytes*side)
			for i := range side * side {
				if x, y := i%side, i/side; code.At(x/square, y/square) == color.Black {
					dots[y*rowBytes+x/8] |= 0x80 >> (x % 8)
				}
			}
			blacken(t, g, f.X, f.Y, rowBytes, dots)
		default:
			t.Errorf("%s in the printer's own font", f.Kind)
		}
	}
	return g
}

func drawTicket(t *testing.T, job []byte) *image.Gray {
	t.Helper()
	ticket, err := escpos.Read(job)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range ticket.Items {
		if i.Kind == escpos.Raster {
			g := paper(8*i.RowBytes, len(i.Dots)/i.RowBytes)
			blacken(t, g, 0, 0, i.RowBytes, i.Dots)
			return g
		}
	}
	t.Fatal("no picture")
	return nil
}

// letters are all that Vietnamese names are written with.
const letters = "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ"

func name(most int) *rapid.Generator[string] {
	word := rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(1, 12).Draw(t, "letters")
		all := []rune(letters + strings.ToUpper(letters))
		return string(rapid.SliceOfN(rapid.SampledFrom(all), n, n).Draw(t, "word"))
	})
	return rapid.Map(rapid.SliceOfN(word, 1, 20), func(words []string) string {
		text := []rune(strings.Join(words, " "))
		return string(text[:min(len(text), most)])
	})
}

// Whatever names, clinics and lots there are, every text is inside its field, none lies over another, and an order can carry
// the whole.
func TestEveryTextFitsItsField(t *testing.T) {
	p := press(t)
	rapid.Check(t, func(rt *rapid.T) {
		l := bottle()
		l.Clinic, l.Patient = name(200).Draw(rt, "clinic"), name(120).Draw(rt, "patient")
		l.PreparedBy, l.CheckedBy = name(120).Draw(rt, "prepared"), name(120).Draw(rt, "checked")
		l.Lot = rapid.StringMatching(`[A-Z0-9]{1,20}`).Draw(rt, "lot") // GS1 has no longer ones
		l.Volume = measure.Volume(rapid.Int64Range(1, 99_999).Draw(rt, "µL"))
		l.Dose = measure.Mass(10 * l.Volume)
		lang := rapid.SampledFrom([]print.Language{print.Vietnamese, print.English}).Draw(rt, "language")
		job, err := p.Label(l, lang)
		if err != nil {
			rt.Fatal(err)
		}
		drawLabel(t, job)
		carry(rt, job)
		v := visit()
		v.Clinic, v.Number = l.Clinic, rapid.IntRange(1, print.MaxNumber).Draw(rt, "number")
		v.Wait = time.Duration(rapid.IntRange(0, 12*60).Draw(rt, "minutes")) * time.Minute
		if job, err = p.Ticket(v, lang); err != nil {
			rt.Fatal(err)
		}
		drawTicket(t, job)
		carry(rt, job)
	})
}

// carry is what an order to a counter must be able to do with every paper.
func carry(t *rapid.T, job []byte) {
	if _, err := stationlog.Pack(job); err != nil {
		t.Fatal(err)
	}
}

// Two names that differ only in a mark look different, composed or not in the form they came in.
func TestMarksAreDrawn(t *testing.T) {
	p := press(t)
	seen := map[string]string{}
	for _, who := range []string{"An", "Ân", "Ấn", "Ẩn", "Ăn", "Ắn", "Ạn", "Ần"} {
		l := bottle()
		l.Patient = who
		job, err := p.Label(l, print.Vietnamese)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[string(job)]; twice {
			t.Errorf("%s looks like %s", who, other)
		}
		seen[string(job)] = who
	}
	l := bottle()
	l.Patient = "A\u0302\u0309n" // Ẩn, taken apart
	job, err := p.Label(l, print.Vietnamese)
	if err != nil || seen[string(job)] != "Ẩn" {
		t.Errorf("composed otherwise it looks like %q, %v", seen[string(job)], err)
	}
}

// A name that had to be shortened says so: it is not the label of somebody whose name ends there.
func TestShorteningShows(t *testing.T) {
	p := press(t)
	l := bottle()
	l.Patient = strings.TrimSpace(strings.Repeat("Nguyễn ", 17))
	long, err := p.Label(l, print.Vietnamese)
	if err != nil {
		t.Fatal(err)
	}
	l.Patient += "…"
	shown, err := p.Label(l, print.Vietnamese)
	if err != nil || !bytes.Equal(long, shown) {
		t.Errorf("a name that does not fit does not end in an ellipsis (%v)", err)
	}
}

func TestWhatIsNotPrinted(t *testing.T) {
	p := press(t)
	for name, row := range map[string]struct {
		change func(*print.Label)
		want   error
	}{
		"no patient":                      {func(l *print.Label) { l.Patient = " " }, print.ErrIncomplete},
		"nobody checked":                  {func(l *print.Label) { l.CheckedBy = "" }, print.ErrIncomplete},
		"no lot":                          {func(l *print.Label) { l.Lot = "" }, print.ErrIncomplete},
		"no day":                          {func(l *print.Label) { l.Take = 0 }, print.ErrIncomplete},
		"a microgram off":                 {func(l *print.Label) { l.Dose++ }, print.ErrContradiction},
		"a dose of no volume":             {func(l *print.Label) { l.Dose, l.Volume = 0, 0 }, print.ErrIncomplete},
		"a lot that would have to be cut": {func(l *print.Label) { l.Lot = strings.Repeat("8", 80) }, print.ErrFit},
		"a letter that is a box":          {func(l *print.Label) { l.Patient = "王" }, print.ErrLetter},
	} {
		l := bottle()
		row.change(&l)
		if _, err := p.Label(l, print.Vietnamese); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*print.Ticket){
		"no clinic": func(v *print.Ticket) { v.Clinic = "" }, "no time": func(v *print.Ticket) { v.At = time.Time{} },
		"number 0": func(v *print.Ticket) { v.Number = 0 }, "too great a number": func(v *print.Ticket) { v.Number = print.MaxNumber + 1 },
	} {
		v := visit()
		change(&v)
		if _, err := p.Ticket(v, print.English); err == nil {
			t.Errorf("%s is printed", name)
		}
	}
}

// The same paper is the same bytes: what was ordered can be told from what was printed.
func TestPaperIsReproducible(t *testing.T) {
	a, err := press(t).Ticket(visit(), print.Vietnamese)
	b, err2 := press(t).Ticket(visit(), print.Vietnamese)
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("two tickets differ (%v, %v)", err, err2)
	}
}

func ids(t *rapid.T) string {
	b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// What is on the label comes back as it was, and a code with one character read wrongly, or two changed places, does not.
func TestScanBackComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		record := ids(t)
		code, err := print.ScanBack(record)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := print.ParseScanBack(code); err != nil || got != record {
			t.Fatalf("%s came back as %s, %v", record, got, err)
		}
		if got, err := print.ParseScanBack(strings.ToLower(code)); err != nil || got != record {
			t.Fatalf("in small letters it is %s, %v", got, err)
		}
		wrong := []byte(code)
		const of = "0123456789ABCDEF"
		at := rapid.IntRange(len("LIEU1:"), len(code)-1).Draw(t, "at")
		if !strings.ContainsRune(of, rune(wrong[at])) {
			return
		}
		wrong[at] = of[rapid.IntRange(0, 15).Draw(t, "read as")]
		sameKind := (wrong[at] <= '9') == (code[at] <= '9') // MOD 97-10 promises no more
		if got, err := print.ParseScanBack(string(wrong)); string(wrong) != code && sameKind && !errors.Is(err, print.ErrMisread) {
			t.Fatalf("%s misread as %s opens %s (%v)", code, wrong, got, err)
		}
	})
}

func TestScanBackRefusesOtherCodes(t *testing.T) {
	good, err := print.ScanBack(bottle().Record)
	if err != nil || good != "LIEU1:0192F7B1-6C1E-7D3A-9F00-5B1C2D3E4F50:"+good[len(good)-2:] {
		t.Fatal(good, err)
	}
	for text, want := range map[string]error{
		"": print.ErrNotOurs, "P0100012344": print.ErrNotOurs, "LIEU2" + good[5:]: print.ErrNotOurs,
		"LIEU1:": print.ErrMisread, good[:len(good)-1]: print.ErrMisread, good + "0": print.ErrMisread, good + ":": print.ErrMisread,
		strings.ReplaceAll(good, "-", ""): print.ErrMisread, " " + good: print.ErrNotOurs,
	} {
		if got, err := print.ParseScanBack(text); !errors.Is(err, want) || got != "" {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	if _, err := print.ScanBack("4711"); err == nil {
		t.Error("an id that is none is put on a label")
	}
}

func FuzzParseScanBack(f *testing.F) {
	for _, s := range []string{
		"LIEU1:0192F7B1-6C1E-7D3A-9F00-5B1C2D3E4F50:00", "LIEU1:::", "lieu1:0192f7b1-6c1e-7d3a-9f00-5b1c2d3e4f50:97", "LIEU1:\xff", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		record, err := print.ParseScanBack(text)
		if err != nil {
			return
		}
		code, err := print.ScanBack(record)
		if err != nil || !strings.EqualFold(code, text) {
			t.Errorf("%q is read as %s, whose code is %q (%v)", text, record, code, err)
		}
	})
}
