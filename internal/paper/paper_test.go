package paper

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

func sheet(rows int) Sheet {
	s := Sheet{
		Title: "SỔ THEO DÕI XUẤT, NHẬP, TỒN KHO", Name: "so-kho",
		About:      []Line{{"Cơ sở", "Cơ sở điều trị methadone Quận Giả Định"}, {"Kỳ", "01/11/2026 – 30/11/2026"}},
		Columns:    []Column{{Title: "Ngày"}, {Title: "Diễn giải", Share: 3}, {Title: "Nhập (mL)"}, {Title: "Tồn (mL)"}},
		Notes:      []string{"Hao hụt và dư thừa không bù trừ cho nhau."},
		Signatures: []string{"Người lập", "Trưởng cơ sở", "Thủ trưởng đơn vị"},
		Locale:     measure.Vietnamese, Page: "Trang", Made: time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC),
	}
	sum := measure.Volume(0)
	for i := range rows {
		v := measure.Volume(1_000_000 + i)
		sum += v
		s.Rows = append(s.Rows, []Cell{Text(fmt.Sprintf("%02d/11/2026", i%30+1)), Text("Nhận từ đơn vị phân phối, biên bản giao nhận số " + fmt.Sprint(i)), Millilitres(v), Millilitres(sum)})
	}
	s.Total = []Cell{Text("Cộng"), Text(""), Millilitres(sum), Text("")}
	return s
}

func TestNumbers(t *testing.T) {
	for _, row := range []struct {
		c      Cell
		vi, en string
	}{
		{Millilitres(1_234_567_890), "1.234.567,890", "1,234,567.890"},
		{Millilitres(-50), "−0,050", "−0.050"},
		{Millilitres(0), "0,000", "0.000"},
		{Count(999), "999", "999"},
		{Count(-1000), "−1.000", "−1,000"},
		{Number(905, 1), "90,5", "90.5"},
		{Number(-9223372036854775808, 3), "−9.223.372.036.854.775,808", "−9,223,372,036,854,775.808"},
		{Text("không rõ"), "không rõ", "không rõ"},
	} {
		if vi, en := row.c.Show(measure.Vietnamese), row.c.Show(measure.English); vi != row.vi || en != row.en {
			t.Errorf("%q, %q; want %q, %q", vi, en, row.vi, row.en)
		}
	}
}

// What is printed without grouping is the number again.
func TestPlainNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.Int64().Draw(t, "n"), rapid.IntRange(0, 9).Draw(t, "decimals")
		text := Number(n, d).plain()
		if back, err := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64); err != nil || back != n {
			t.Fatalf("%d·10^-%d is %q", n, d, text)
		}
		if got := Number(n, d).Show(measure.English); strings.ReplaceAll(strings.ReplaceAll(got, ",", ""), "−", "-") != text {
			t.Fatalf("%q is not %q", got, text)
		}
	})
}

func TestCSV(t *testing.T) {
	s := sheet(3)
	s.Rows[1][1] = Text(`=HYPERLINK("http://x")`)
	var b bytes.Buffer
	if err := CSV(&b, s); err != nil {
		t.Fatal(err)
	}
	text, marked := strings.CutPrefix(b.String(), "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !marked || len(rows) != 4 {
		t.Fatalf("%v, %d rows, marked %v", err, len(rows), marked)
	}
	if rows[0][1] != "Diễn giải" || rows[3][2] != "1000.002" || rows[2][1] != `'=HYPERLINK("http://x")` {
		t.Errorf("%q", rows)
	}
}

// The workbook is read back by another reader: the file's own XML.
func TestXLSX(t *testing.T) {
	var b bytes.Buffer
	s := sheet(3)
	s.Name = "sổ/kho: [tháng 11] của một cơ sở có tên rất dài"
	if err := XLSX(&b, s); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	var x struct {
		Rows []struct {
			Cells []struct {
				Ref  string `xml:"r,attr"`
				V    string `xml:"v"`
				Text string `xml:"is>t"`
			} `xml:"c"`
		} `xml:"sheetData>row"`
	}
	if err := xml.NewDecoder(f).Decode(&x); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range x.Rows {
		for _, c := range r.Cells {
			found[c.Ref] = c.V + c.Text
		}
	}
	// Title, two lines, a gap, titles, three rows, total, a gap, note, signatures.
	for ref, want := range map[string]string{
		"A1": s.Title, "B2": s.About[0].Value, "C5": "Nhập (mL)", "C6": "1000", "D8": "3000.003", "A9": "Cộng", "C9": "3000.003", "C12": "Thủ trưởng đơn vị",
	} {
		if found[ref] != want {
			t.Errorf("%s is %q, want %q", ref, found[ref], want)
		}
	}
}

func TestPDF(t *testing.T) {
	s := sheet(120)
	s.Rows[50][1] = Text(strings.Repeat("Nguyễn Thị Hồng Ngọc được cấp phát liều có giám sát. ", 12))
	s.Rows[60][1] = Text(strings.Repeat("khôngcókhoảngtrắng", 40))
	var b, again bytes.Buffer
	if err := PDF(&b, s); err != nil {
		t.Fatal(err)
	}
	if err := PDF(&again, s); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("the same sheet makes another file, %v", err)
	}
	text := pdftotext(t, b.Bytes())
	for _, want := range []string{s.Title, "Cơ sở điều trị methadone Quận Giả Định", "120.007,140", "1.000,119", "Thủ trưởng đơn vị", "Trang 1 / ", "khôngcókhoảng"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the file", want)
		}
	}
	pages := strings.Count(text, "\f")
	if n := strings.Count(text, "Diễn giải"); pages < 3 || n != pages {
		t.Errorf("the titles stand %d times on %d pages", n, pages)
	}
	if n := strings.Count(text, "Nguyễn Thị Hồng Ngọc"); n != 12 {
		t.Errorf("a long text is there %d times of 12", n)
	}
}

// However wide the numbers and however many the columns: each number stands in one line.
func TestNumbersAreNotBroken(t *testing.T) {
	s := sheet(0)
	s.Columns, s.Total = []Column{{Title: "Tên thuốc, nồng độ", Share: 3}}, []Cell{Text("Cộng")}
	row := []Cell{Text("Methadon hydroclorid 10 mg/mL, chai 1000 mL, số đăng ký VD-27703-17")}
	var want []string
	for i := range 13 {
		v := measure.Volume(1_234_567_000 + 1_000_001*i)
		s.Columns = append(s.Columns, Column{Title: "Xuất cho người bệnh"})
		row, s.Total = append(row, Millilitres(v)), append(s.Total, Millilitres(10*v))
		want = append(want, Millilitres(v).Show(s.Locale), Millilitres(10*v).Show(s.Locale))
	}
	s.Rows = [][]Cell{row}
	s.Landscape = true
	var b bytes.Buffer
	if err := PDF(&b, s); err != nil {
		t.Fatal(err)
	}
	text := pdftotext(t, b.Bytes())
	for _, number := range want {
		if !strings.Contains(text, number) {
			t.Errorf("%s is broken", number)
		}
	}
}

// Columns fill the page, whatever they need; each has its need as long as all of them have room.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Column { return Column{Share: rapid.IntRange(0, 9).Draw(t, "share")} }), 1, 20).Draw(t, "columns")
		need, all := make([]float64, len(columns)), 0.0
		for i := range need {
			need[i] = rapid.Float64Range(1, 60).Draw(t, "need")
			all += need[i]
		}
		const width = 200.0
		sum := 0.0
		for i, w := range spread(width, columns, need) {
			sum += w
			if all <= width && w < need[i]-1e-9 {
				t.Fatalf("column %d has %f of %f", i, w, need[i])
			}
		}
		if math.Abs(sum-width) > 1e-6 {
			t.Fatalf("%f of %f", sum, width)
		}
	})
}

// A note of any length goes on in the next page.
func TestLongNotes(t *testing.T) {
	s := sheet(30)
	s.Notes = []string{strings.Repeat("ĐDLTH = Điều dưỡng Lê Thị Hạnh; ", 400) + "HẾT"}
	var b bytes.Buffer
	if err := PDF(&b, s); err != nil {
		t.Fatal(err)
	}
	text := pdftotext(t, b.Bytes())
	if n := strings.Count(text, "Hạnh;"); n != 400 || !strings.Contains(text, "HẾT") {
		t.Errorf("%d names of 400", n)
	}
}

// pdftotext reads a file back; without the program the test is skipped, unless the browser's tests are required too.
func pdftotext(t *testing.T, pdf []byte) string {
	t.Helper()
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		if os.Getenv("REQUIRE_BROWSER") != "" {
			t.Fatal("pdftotext is not installed (Debian: poppler-utils)")
		}
		t.Skip("SKIPPED: pdftotext is not installed (Debian: poppler-utils)")
	}
	path := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("LIEU_KEEP"); keep != "" {
		_ = os.WriteFile(filepath.Join(keep, t.Name()+".pdf"), pdf, 0o600)
	}
	out, err := exec.CommandContext(t.Context(), program, "-layout", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// The file brings its own font, whole enough for Vietnamese: an office that has another one sees the same page.
func TestFontsAreEmbedded(t *testing.T) {
	program, err := exec.LookPath("pdffonts")
	if err != nil {
		if os.Getenv("REQUIRE_BROWSER") != "" {
			t.Fatal("pdffonts is not installed (Debian: poppler-utils)")
		}
		t.Skip("SKIPPED: pdffonts is not installed (Debian: poppler-utils)")
	}
	var b bytes.Buffer
	if err := PDF(&b, sheet(3)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")[2:]
	if len(lines) == 0 {
		t.Fatal("no font at all")
	}
	for _, line := range lines {
		// The last columns are: embedded, subset, unicode, object, generation.
		f := strings.Fields(line)
		if len(f) < 5 || f[len(f)-5] != "yes" || f[len(f)-3] != "yes" {
			t.Errorf("%q is not embedded, or has no map to Unicode", line)
		}
	}
}

// A register's head stands on every page.
func TestHeadOnEveryPage(t *testing.T) {
	s := sheet(120)
	s.RepeatHead = true
	var b bytes.Buffer
	if err := PDF(&b, s); err != nil {
		t.Fatal(err)
	}
	text := pdftotext(t, b.Bytes())
	pages := strings.Count(text, "\f")
	if n := strings.Count(text, s.About[0].Value); pages < 3 || n != pages {
		t.Errorf("the head stands %d times on %d pages", n, pages)
	}
}

// Whatever somebody typed as a name, no cell of the table begins a formula.
func TestNoFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sheet(1)
		s.Rows[0][1] = Text(rapid.SampledFrom([]string{"=", "+", "-", "@", "\t", "\r", "\n=", ""}).Draw(t, "begin") + rapid.String().Draw(t, "rest"))
		var b bytes.Buffer
		if err := CSV(&b, s); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.String(), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if cell := strings.TrimLeft(rows[1][1], "\r\n\t "); cell != "" && strings.ContainsAny(cell[:1], "=+@") {
			t.Fatalf("%q", rows[1][1])
		}
	})
}
