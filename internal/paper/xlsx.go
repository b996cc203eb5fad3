package paper

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"
)

// XLSX writes a workbook of one sheet. Numbers are numbers there, with their decimals shown.
func XLSX(w io.Writer, s Sheet) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	x := workbook{file: f, sheet: s, name: sheetName(s.Name), styles: map[style]int{}}
	if err := f.SetSheetName(f.GetSheetName(0), x.name); err != nil {
		return err
	}
	made := s.Made.UTC().Format("2006-01-02T15:04:05Z")
	if err := f.SetDocProps(&excelize.DocProperties{Title: s.Title, Creator: "Lieu", Created: made, Modified: made}); err != nil {
		return err
	}
	if err := x.write(); err != nil {
		return err
	}
	return f.Write(w)
}

// sheetName makes a name that every spreadsheet takes: at most 31 characters, none of them special.
func sheetName(name string) string {
	r := []rune(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]'`, r) {
			return '-'
		}
		return r
	}, name))
	if len(r) == 0 {
		return "Lieu"
	}
	return string(r[:min(len(r), 31)])
}

type style struct {
	bold     bool
	decimals int // -1: a text
}

type workbook struct {
	file   *excelize.File
	sheet  Sheet
	name   string
	out    *excelize.StreamWriter
	row    int
	styles map[style]int
}

func (x *workbook) write() (err error) {
	if x.out, err = x.file.NewStreamWriter(x.name); err != nil {
		return err
	}
	if err := x.widths(); err != nil {
		return err
	}
	if err := x.texts(true, x.sheet.Title); err != nil {
		return err
	}
	for _, l := range x.sheet.About {
		if err := x.texts(false, l.Label, l.Value); err != nil {
			return err
		}
	}
	x.row++
	titles := make([]string, len(x.sheet.Columns))
	for i, c := range x.sheet.Columns {
		titles[i] = c.Title
	}
	if err := x.texts(true, titles...); err != nil {
		return err
	}
	for _, row := range x.sheet.Rows {
		if err := x.cells(false, row); err != nil {
			return err
		}
	}
	if x.sheet.Total != nil {
		if err := x.cells(true, x.sheet.Total); err != nil {
			return err
		}
	}
	x.row++
	for _, n := range x.sheet.Notes {
		if err := x.texts(false, n); err != nil {
			return err
		}
	}
	if len(x.sheet.Signatures) > 0 {
		if err := x.texts(true, x.sheet.Signatures...); err != nil {
			return err
		}
		if err := x.texts(false, slices.Repeat([]string{x.sheet.SignHint}, len(x.sheet.Signatures))...); err != nil {
			return err
		}
	}
	return x.out.Flush()
}

// widths gives a column 14 characters for each share.
func (x *workbook) widths() error {
	for i, c := range x.sheet.Columns {
		if err := x.out.SetColWidth(i+1, i+1, min(14*float64(c.share()), 80)); err != nil {
			return err
		}
	}
	return nil
}

func (x *workbook) texts(bold bool, texts ...string) error {
	row := make([]Cell, len(texts))
	for i, t := range texts {
		row[i] = Text(t)
	}
	return x.cells(bold, row)
}

func (x *workbook) cells(bold bool, row []Cell) error {
	values := make([]any, len(row))
	for i, c := range row {
		st := style{bold, -1}
		var v any = c.text
		if c.numeric {
			st.decimals = c.decimals
			v = float64(c.number) / math.Pow10(c.decimals)
		}
		id, err := x.style(st)
		if err != nil {
			return err
		}
		values[i] = excelize.Cell{StyleID: id, Value: v}
	}
	x.row++
	at, err := excelize.CoordinatesToCellName(1, x.row)
	if err != nil {
		return err
	}
	return x.out.SetRow(at, values)
}

func (x *workbook) style(s style) (int, error) {
	if id, ok := x.styles[s]; ok {
		return id, nil
	}
	d := &excelize.Style{Font: &excelize.Font{Bold: s.bold}, Alignment: &excelize.Alignment{Vertical: "top", WrapText: s.decimals < 0}}
	if s.decimals >= 0 {
		format := "#,##0"
		if s.decimals > 0 {
			format += "." + strings.Repeat("0", s.decimals)
		}
		d.CustomNumFmt = &format
	}
	id, err := x.file.NewStyle(d)
	if err == nil {
		x.styles[s] = id
	}
	return id, err
}
