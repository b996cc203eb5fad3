package paper

import (
	"fmt"
	"io"
	"strings"

	"codeberg.org/go-pdf/fpdf"

	"github.com/lieu-clinic/lieu/internal/font"
)

// Of a page, in millimetres and points.
const (
	margin    = 12.0
	bodySize  = 8.5
	smallSize = 7.0 // of a table with a line for each dose
	leastSize = 5.0 // of one that has no room otherwise
	lineStep  = 4.2
	padding   = 0.8
	longWord  = 30.0 // beyond it a word may be broken
	signRoom  = 26.0
	family    = "lieu"
)

// PDF writes an A4 document: the head, the table with its titles on every page, the signatures, and page numbers. Text
// that is too long for its column goes on in the next line of the cell.
func PDF(w io.Writer, s Sheet) error {
	orientation := "P"
	if s.Landscape {
		orientation = "L"
	}
	f := fpdf.New(orientation, "mm", "A4", "")
	f.SetCreationDate(s.Made)
	f.SetModificationDate(s.Made)
	f.SetCatalogSort(true)
	f.SetTitle(s.Title, true)
	f.SetCreator("Lieu", true)
	f.AddUTF8FontFromBytes(family, "", font.Regular())
	f.AddUTF8FontFromBytes(family, "B", font.Bold())
	f.SetMargins(margin, margin, margin)
	f.SetAutoPageBreak(false, margin)
	f.AliasNbPages("{pages}")
	f.SetFooterFunc(func() {
		f.SetY(-margin)
		f.SetFont(family, "", 7)
		f.CellFormat(0, 5, fmt.Sprintf("%s %d / {pages}", s.Page, f.PageNo()), "", 0, "R", false, 0, "")
	})
	p := page{f: f, sheet: s}
	p.measure()
	f.AddPage()
	p.head()
	p.table()
	p.foot()
	return f.Output(w)
}

type page struct {
	f      *fpdf.Fpdf
	sheet  Sheet
	size   float64 // of the table's letters
	step   float64 // from line to line of a cell
	widths []float64
	bottom float64
}

// measure gives each column its share of the page, and at least the room for its widest number and its widest word: a
// number that goes on in the next line is read as two. A table that is too wide for that gets smaller letters.
func (p *page) measure() {
	width, height := p.f.GetPageSize()
	p.bottom = height - margin - 6
	width -= 2 * margin
	p.size = bodySize
	if p.sheet.Small {
		p.size = smallSize
	}
	widest := p.widest()
	need := make([]float64, len(widest))
	for {
		total := 0.0
		for i, w := range widest {
			need[i] = w*p.size + 2*p.f.GetCellMargin() + 0.1
			total += need[i]
		}
		if total <= width || p.size <= leastSize {
			break
		}
		p.size -= 0.5
	}
	p.step = lineStep * p.size / bodySize
	p.widths = spread(width, p.sheet.Columns, need)
}

// widest is the widest text of each column that is not broken, in letters of one point.
func (p *page) widest() []float64 {
	out := make([]float64, len(p.sheet.Columns))
	look := func(i int, text string) {
		out[i] = max(out[i], p.f.GetStringWidth(text)/bodySize)
	}
	words := func(i int, text string) {
		for _, word := range strings.Fields(text) {
			if p.f.GetStringWidth(word) <= longWord {
				look(i, word)
			}
		}
	}
	row := func(cells []Cell) {
		for i, c := range cells {
			if c.numeric {
				look(i, c.Show(p.sheet.Locale))
			} else {
				words(i, c.text)
			}
		}
	}
	p.f.SetFont(family, "", bodySize)
	for _, cells := range p.sheet.Rows {
		row(cells)
	}
	p.f.SetFont(family, "B", bodySize)
	row(p.sheet.Total)
	for i, c := range p.sheet.Columns {
		words(i, c.Title)
	}
	return out
}

// spread gives each column its share of the width, or what it needs when that is more. Where not even the needs have
// room, all of them give way alike.
func spread(width float64, columns []Column, need []float64) []float64 {
	out, rest, shares := make([]float64, len(columns)), width, 0
	for _, c := range columns {
		shares += c.share()
	}
	for again := true; again; {
		again = false
		for i, c := range columns {
			if out[i] == 0 && rest*float64(c.share()) < need[i]*float64(shares) {
				out[i], again = need[i], true
				rest -= need[i]
				shares -= c.share()
			}
		}
	}
	if rest < 0 {
		for i := range out {
			out[i] = need[i] * width / (width - rest)
		}
		return out
	}
	for i, c := range columns {
		if out[i] == 0 {
			out[i] = rest * float64(c.share()) / float64(shares)
		}
	}
	return out
}

func (p *page) head() {
	p.f.SetFont(family, "B", 13)
	p.f.MultiCell(0, 6.5, p.sheet.Title, "", "C", false)
	p.f.Ln(1.5)
	for _, l := range p.sheet.About {
		p.f.SetFont(family, "B", bodySize)
		p.f.CellFormat(42, lineStep+0.6, l.Label, "", 0, "L", false, 0, "")
		p.f.SetFont(family, "", bodySize)
		p.f.MultiCell(0, lineStep+0.6, l.Value, "", "L", false)
	}
	p.f.Ln(2)
}

func (p *page) table() {
	p.titles()
	for _, row := range p.sheet.Rows {
		p.row(row, "", false)
	}
	if p.sheet.Total != nil {
		p.row(p.sheet.Total, "B", true)
	}
}

func (p *page) titles() {
	row := make([]Cell, len(p.sheet.Columns))
	for i, c := range p.sheet.Columns {
		row[i] = Text(c.Title)
	}
	p.f.SetFont(family, "B", p.size)
	p.draw(row, p.lines(row), true)
}

// row draws one row, on the next page with the titles again when there is no room for it.
func (p *page) row(cells []Cell, weight string, shaded bool) {
	p.f.SetFont(family, weight, p.size)
	lines := p.lines(cells)
	if p.f.GetY()+p.height(lines) > p.bottom {
		p.next()
		p.titles()
		p.f.SetFont(family, weight, p.size)
	}
	p.draw(cells, lines, shaded)
}

// next begins another page.
func (p *page) next() {
	p.f.AddPage()
	if p.sheet.RepeatHead {
		p.head()
	}
}

// lines are the lines of each cell of a row.
func (p *page) lines(cells []Cell) [][]string {
	out := make([][]string, len(cells))
	for i, c := range cells {
		out[i] = p.f.SplitText(c.Show(p.sheet.Locale), p.widths[i])
	}
	return out
}

func (p *page) height(lines [][]string) float64 {
	most := 1
	for _, l := range lines {
		most = max(most, len(l))
	}
	return float64(most)*p.step + 2*padding
}

func (p *page) draw(cells []Cell, lines [][]string, shaded bool) {
	p.f.SetFillColor(232, 236, 240)
	height := p.height(lines)
	x, y := margin, p.f.GetY()
	for i, c := range cells {
		look := "D"
		if shaded {
			look = "FD"
		}
		p.f.Rect(x, y, p.widths[i], height, look)
		align := "L"
		if c.numeric || p.sheet.Columns[i].Right {
			align = "R"
		}
		for n, line := range lines[i] {
			p.f.SetXY(x, y+padding+float64(n)*p.step)
			p.f.CellFormat(p.widths[i], p.step, line, "", 0, align, false, 0, "")
		}
		x += p.widths[i]
	}
	p.f.SetXY(margin, y+height)
}

func (p *page) foot() {
	width, _ := p.f.GetPageSize()
	for _, n := range p.sheet.Notes {
		p.f.SetFont(family, "", bodySize)
		p.f.Ln(1)
		for _, line := range p.f.SplitText(n, width-2*margin) {
			if p.f.GetY()+lineStep > p.bottom {
				p.next()
				p.f.SetFont(family, "", bodySize)
			}
			p.f.CellFormat(0, lineStep, line, "", 1, "L", false, 0, "")
		}
	}
	if len(p.sheet.Signatures) == 0 {
		return
	}
	if p.f.GetY()+signRoom > p.bottom {
		p.next()
	}
	p.f.Ln(5)
	each := (width - 2*margin) / float64(len(p.sheet.Signatures))
	p.f.SetFont(family, "B", bodySize)
	for _, s := range p.sheet.Signatures {
		p.f.CellFormat(each, lineStep, s, "", 0, "C", false, 0, "")
	}
	p.f.Ln(lineStep)
	p.f.SetFont(family, "", bodySize-1)
	for range p.sheet.Signatures {
		p.f.CellFormat(each, lineStep, p.sheet.SignHint, "", 0, "C", false, 0, "")
	}
	p.f.Ln(signRoom - 8)
}
