package paper

import (
	"fmt"
	"io"

	"codeberg.org/go-pdf/fpdf"

	"github.com/lieu-clinic/lieu/internal/font"
)

// Of a page, in millimetres and points.
const (
	margin   = 12.0
	bodySize = 8.5
	lineStep = 4.2
	padding  = 0.8
	signRoom = 26.0
	family   = "lieu"
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
	widths []float64
	bottom float64
}

func (p *page) measure() {
	width, height := p.f.GetPageSize()
	p.bottom = height - margin - 6
	total := 0
	for _, c := range p.sheet.Columns {
		total += c.share()
	}
	for _, c := range p.sheet.Columns {
		p.widths = append(p.widths, (width-2*margin)*float64(c.share())/float64(total))
	}
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
	p.draw(row, "B", true)
}

// row draws one row, on the next page with the titles again when there is no room for it.
func (p *page) row(cells []Cell, weight string, shaded bool) {
	p.f.SetFont(family, weight, bodySize)
	if p.f.GetY()+p.height(cells) > p.bottom {
		p.next()
		p.titles()
	}
	p.draw(cells, weight, shaded)
}

// next begins another page.
func (p *page) next() {
	p.f.AddPage()
	if p.sheet.RepeatHead {
		p.head()
	}
}

func (p *page) lines(i int, c Cell) []string {
	return p.f.SplitText(c.Show(p.sheet.Locale), p.widths[i]-2*padding-1)
}

func (p *page) height(cells []Cell) float64 {
	most := 1
	for i, c := range cells {
		most = max(most, len(p.lines(i, c)))
	}
	return float64(most)*lineStep + 2*padding
}

func (p *page) draw(cells []Cell, weight string, shaded bool) {
	p.f.SetFont(family, weight, bodySize)
	p.f.SetFillColor(232, 236, 240)
	height := p.height(cells)
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
		for n, line := range p.lines(i, c) {
			p.f.SetXY(x, y+padding+float64(n)*lineStep)
			p.f.CellFormat(p.widths[i], lineStep, line, "", 0, align, false, 0, "")
		}
		x += p.widths[i]
	}
	p.f.SetXY(margin, y+height)
}

func (p *page) foot() {
	for _, n := range p.sheet.Notes {
		if p.f.GetY()+2*lineStep > p.bottom {
			p.next()
		}
		p.f.SetFont(family, "", bodySize)
		p.f.Ln(1)
		p.f.MultiCell(0, lineStep, n, "", "L", false)
	}
	if len(p.sheet.Signatures) == 0 {
		return
	}
	if p.f.GetY()+signRoom > p.bottom {
		p.next()
	}
	p.f.Ln(5)
	width, _ := p.f.GetPageSize()
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
